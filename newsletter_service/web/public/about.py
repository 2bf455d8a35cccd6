"""Which newsletters there are, and how personal data are treated."""

from flask import abort
from werkzeug.wrappers import Response

from newsletter_service.extensions import db
from newsletter_service.subscribers import wordings
from newsletter_service.subscribers.readers import open_lists
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.public import privacy_text
from newsletter_service.web.public.pages import alternate, blueprint, both, page, unlisted

SHOWN = 8


@blueprint.get("/")
@public
def home() -> Response:
    """Every newsletter one can subscribe to."""
    return page("home.html", lists=open_lists(db.session()), alternate=alternate("home"))


@both("privacy", "GET")
@public
def privacy() -> Response:
    """The short text of GDPR article 13, made from what the organisation has told us."""
    locale, current = i18n.page_locale(), privacy_text.words()
    kept = wordings.versions(db.session(), "privacy", locale)
    return page(
        "privacy.html",
        sections=privacy_text.sections(),
        version=current.digest[:SHOWN],
        earlier=[each for each in kept if each.digest != current.digest],
        old=None,
        alternate=alternate("privacy"),
    )


@both("privacy_version", "GET")
@public
def privacy_version(digest: str) -> Response:
    """The text as it stood when somebody agreed to something."""
    found = wordings.of(db.session(), [digest]).get(digest)
    if found is None or found.kind != "privacy":
        abort(404)
    return unlisted(page("privacy.html", old=found, version=digest[:SHOWN]))
