"""A reader's own page: asked for by mail, open for an hour, every choice at once.

A link in a letter may have been sent on, so that it opens nothing here (see `preferences`).
"""

import json

from flask import abort, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.address import InvalidAddress
from newsletter_service.subscribers import choices as verbs
from newsletter_service.subscribers import new_address as address_verbs
from newsletter_service.subscribers import personal_link
from newsletter_service.subscribers.choices import Saved, Wanted
from newsletter_service.subscribers.opt_in import NoReader
from newsletter_service.subscribers.wordings import Words
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.public.form_words import what_is_wrong
from newsletter_service.web.public.pages import (
    alternate,
    both,
    network,
    now,
    page,
    unlisted,
    visitor,
)
from newsletter_service.web.security import as_attachment
from newsletter_service.web_extensions import limiter

PER_NETWORK = "30 per hour"
CHANNEL = "choices"


@both("choices_ask", "GET", "POST")
@public
@limiter.limit(PER_NETWORK, key_func=network, methods=["POST"])
def choices_ask() -> Response:
    """Ask for the link; the answer is the same whatever is known of the address."""
    typed, error = request.form.get("email", ""), ""
    if request.method == "POST":
        try:
            personal_link.ask(typed, now())
            return unlisted(page("choices_asked.html"))
        except InvalidAddress as fault:
            error = what_is_wrong(fault.code)
    other = alternate("choices_ask")
    body = page("choices_ask.html", 422 if error else 200, typed=typed[:320], error=error,
                alternate=other)  # fmt: skip
    return unlisted(body)


@both("choices", "GET", "POST")
@public
def choices(token: str) -> Response:
    """Show what is chosen; do what the pressed button says."""
    if request.method != "POST":
        return _page(token)
    acts = {"address": _address, "copy": _copy, "erase": _erase, "undo": _undo}
    return acts.get(request.form.get("act", ""), _save)(token)


@both("new_address", "GET", "POST")
@public
def new_address(token: str) -> Response:
    """The link in the new mailbox: a button, and what pressing it led to."""
    if request.method == "POST":
        locale = i18n.page_locale()
        about = address_verbs.confirm(token, locale, visitor(channel=CHANNEL), now())
    else:
        about = address_verbs.look(token, now())
    if about is None:
        abort(404)
    other = alternate("new_address", token=token)
    return unlisted(page("new_address.html", about=about, token=token, alternate=other))


def _save(token: str) -> Response:
    wanted = Wanted(
        frozenset(request.form.getlist("lists")),
        request.form.get("language", ""),
        request.form.get("pause", type=int),
    )
    saved = verbs.save(token, wanted, visitor(channel=CHANNEL, words=_shown()), now())
    return _page(token, saved=saved)


def _undo(token: str) -> Response:
    back = verbs.undo(token, visitor(channel=CHANNEL), now())
    return _page(token, saved=None if back is None else Saved(joined=back))


def promise() -> str:
    """The words beside the boxes, which are what a reader consents to here."""
    return str(
        _(
            "What you tick is sent to your address from now on. You can leave it at any time, here"
            " or by the link in every letter."
        )
    )


def _shown() -> tuple[Words, ...]:
    return (Words("form", i18n.page_locale(), promise()),)


def _address(token: str) -> Response:
    typed = request.form.get("email", "")
    try:
        address_verbs.ask(token, typed, now())
    except InvalidAddress as fault:
        return _page(token, typed=typed, error=what_is_wrong(fault.code))
    except NoReader:
        return _page(token, typed=typed, error=what_is_wrong("role"))
    return _page(token, asked_new=True)


def _copy(token: str) -> Response:
    kept = verbs.copy(token, now())
    if kept is None:
        return _page(token)
    body = json.dumps(kept, ensure_ascii=False, indent=2, default=str).encode()
    return unlisted(as_attachment(body, _("personal-data") + ".json", "application/json"))


def _erase(token: str) -> Response:
    if not verbs.erase(token, now()):
        return _page(token)
    return unlisted(page("choices_erased.html"))


def _page(
    token: str,
    *,
    saved: Saved | None = None,
    typed: str = "",
    error: str = "",
    asked_new: bool = False,
) -> Response:
    chosen = verbs.view(token, now())
    if chosen is None:
        return unlisted(page("choices_too_late.html", 410))
    return unlisted(
        page(
            "choices.html",
            422 if error else 200,
            chosen=chosen,
            saved=saved,
            typed=typed[:320],
            error=error,
            asked_new=asked_new,
            pauses=verbs.PAUSES,
            promise=promise(),
            token=token,
            alternate=alternate("choices", token=token),
        )
    )
