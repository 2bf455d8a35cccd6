"""The link in the confirmation mail: its GET shows a button, its POST acts (R 6.4)."""

from flask import abort, request
from werkzeug.wrappers import Response

from newsletter_service.subscribers import links, opt_in
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.public import shown
from newsletter_service.web.public.pages import both, now, page, unlisted, visitor

TEMPLATES = {
    links.Waiting: "confirm.html",
    links.Confirmed: "confirmed.html",
    links.Expired: "expired.html",
    links.Barred: "barred.html",
}


@both("confirm", "GET", "POST")
@public
def confirm(token: str) -> Response:
    """The button, what pressing it led to, or the offer of a new link."""
    if request.method != "POST":
        return _shown(opt_in.look(token, now()), token)
    locale = i18n.page_locale()
    if request.form.get("act") != "renew":
        about = opt_in.look(token, now())
        seen = visitor(channel="mail", words=(shown.on_confirming(about),))
        return _shown(opt_in.confirm(token, locale, seen, now()), token)
    about = opt_in.look(token, now())
    if isinstance(about, links.Unknown) or not opt_in.renew(
        token, locale, visitor(channel="mail"), now()
    ):
        abort(404)
    return unlisted(page("asked_again.html", about=about))


@both("block", "GET", "POST")
@public
def block(token: str) -> Response:
    """Never be signed up again by anybody: a button, and what pressing it led to."""
    about = opt_in.look(token, now())
    if isinstance(about, links.Unknown):
        abort(404)
    if request.method != "POST":
        return unlisted(page("block.html", about=about, token=token))
    opt_in.block(token, visitor(channel="mail"), now())
    return unlisted(page("blocked.html", about=about))


def _shown(outcome: links.Outcome, token: str) -> Response:
    if isinstance(outcome, links.Unknown):
        abort(404)
    return unlisted(page(TEMPLATES[type(outcome)], about=outcome, token=token))
