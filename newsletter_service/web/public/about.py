"""Which newsletters there are, and how personal data are treated."""

from werkzeug.wrappers import Response

from newsletter_service.accounts import sending
from newsletter_service.extensions import db
from newsletter_service.models import Organisation
from newsletter_service.subscribers.readers import open_lists
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import alternate, blueprint, both, page


@blueprint.get("/")
@public
def home() -> Response:
    """Every newsletter one can subscribe to."""
    return page("home.html", lists=open_lists(db.session()), alternate=alternate("home"))


@both("privacy", "GET")
@public
def privacy() -> Response:
    """The short text of GDPR article 13, made from what the organisation has told us."""
    organisation = db.session.get(Organisation, 1)
    counting = any(sending.of_list(each).clicks for each in open_lists(db.session()))
    return page(
        "privacy.html", organisation=organisation, counting=counting, alternate=alternate("privacy")
    )
