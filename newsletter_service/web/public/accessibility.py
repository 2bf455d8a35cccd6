"""How accessible the pages and letters are, and where to say what does not work (R 8.1)."""

from datetime import date

from werkzeug.wrappers import Response

from newsletter_service.extensions import db
from newsletter_service.models import Organisation
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import alternate, both, page

# When somebody last went through the pages with the statement in hand; see docs/accessibility.md.
ASSESSED = date(2026, 11, 26)


@both("accessibility", "GET")
@public
def statement() -> Response:
    """The statement, made from what the organisation has told us."""
    return page(
        "accessibility.html",
        organisation=db.session.get(Organisation, 1),
        assessed=ASSESSED,
        alternate=alternate("accessibility"),
    )
