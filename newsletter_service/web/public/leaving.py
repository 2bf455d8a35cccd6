"""The unsubscribe link: a page for people, RFC 8058 for their mailbox provider."""

from flask import Response, abort, request

from newsletter_service.subscribers import opt_out, personal_link
from newsletter_service.subscribers.opt_out import Scope, Standing
from newsletter_service.tokens import BadToken
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import both, now, page, unlisted, visitor

ONE_CLICK = ("List-Unsubscribe", "One-Click")


@both("unsubscribe", "GET", "POST")
@public
def unsubscribe(token: str) -> Response:
    """GET shows a button and changes nothing; every POST unsubscribes and is answered with 200."""
    try:
        if request.method != "POST":
            return _offered(opt_out.look(token, now()), token)
        if request.form.get(ONE_CLICK[0]) == ONE_CLICK[1]:
            opt_out.unsubscribe(token, Scope.LIST, visitor(channel="one-click"), now())
            return Response("OK\n", mimetype="text/plain")
        everything = request.form.get("scope") == Scope.ORGANISATION
        scope = Scope.ORGANISATION if everything else Scope.LIST
        left = opt_out.unsubscribe(token, scope, visitor(channel="page"), now())
    except BadToken:
        abort(404)
    _speak_to(left.standing)
    return unlisted(page("left.html", left=left, everything=everything, token=token))


@both("undo", "POST")
@public
def undo(token: str) -> Response:
    """Take back what the page before did, by the proof that only that page holds.

    Who left by the mail program has no such page: a link is mailed, as a letter may be sent on.
    """
    if request.form.get("act") == "mail":
        return _mailed(token)
    back = opt_out.undo(request.form.get("proof", ""), visitor(channel="page"), now())
    if not back:
        return unlisted(page("undo_too_late.html", 410))
    _speak_to(back[0])
    return unlisted(page("undone.html", back=back))


def _mailed(token: str) -> Response:
    try:
        personal_link.ask_to_undo(token, now())
        _speak_to(opt_out.look(token, now()))
    except BadToken:
        abort(404)
    return unlisted(page("choices_asked.html"))


def _offered(standing: Standing, token: str) -> Response:
    _speak_to(standing)
    template = "leave.html" if standing.subscribed else "not_subscribed.html"
    return unlisted(page(template, standing=standing, token=token))


def _speak_to(standing: Standing) -> None:
    """In the reader's language: all letters name the same address (R 1.10)."""
    if standing.locale and request.args.get("lang") not in i18n.LOCALES:
        i18n.use(standing.locale)
