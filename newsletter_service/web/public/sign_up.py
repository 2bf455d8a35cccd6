"""The form: one field, one answer for everybody (R 6.3), no cookie, and no script needed.

Nothing about the address is looked up here: what was asked is written down, a worker does the rest.
"""

import hashlib
import logging
from dataclasses import dataclass

from flask import abort, jsonify, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.address import InvalidAddress, parse, typo_suggestion
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList
from newsletter_service.subscribers import lanes, pressure, proofs, sign_ups
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.opt_in import NoReader
from newsletter_service.subscribers.readers import NoSuchList, open_list
from newsletter_service.subscribers.sign_ups import Asked
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.brand import brand
from newsletter_service.web.public import evidence
from newsletter_service.web.public.evidence import HONEYPOT
from newsletter_service.web.public.pages import alternate, both, network, page, path, visitor
from newsletter_service.web.public.pages import now as right_now

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Typed:
    """What the visitor sent; `suggested` is the spelling that was offered last time."""

    address: str
    suggested: str


@both("subscribe", "GET", "POST")
@public
def subscribe(slug: str) -> Response:
    """Show the form; take what was typed."""
    try:
        newsletter = open_list(db.session(), slug)
    except NoSuchList:
        abort(404)
    if request.method != "POST":
        return _form(newsletter)
    if request.form.get(HONEYPOT):
        log.info("sign_up_dropped", extra={"why": "honeypot"})
        return _asked(slug)
    return _take(newsletter)


@both("task", "GET")
@public
def task(slug: str) -> Response:
    """Work for the visitor's browser, instead of a picture puzzle (R 6.8)."""
    try:
        open_list(db.session(), slug)
    except NoSuchList:
        abort(404)
    effort = lanes.effort(pressure.look("network", network()), pressure.look("all"))
    return jsonify(proofs.task(slug, effort, right_now()))


@both("asked", "GET")
@public
def asked(slug: str) -> Response:
    """Look in your inbox: the same page whatever was known of the address."""
    try:
        newsletter = open_list(db.session(), slug)
    except NoSuchList:
        abort(404)
    return page("asked.html", newsletter=newsletter, alternate=alternate("asked", slug=slug))


def _take(newsletter: NewsletterList) -> Response:
    typed = Typed(request.form.get("email", ""), request.form.get("suggested", ""))
    try:
        suggestion = typo_suggestion(parse(typed.address))
        if suggestion and suggestion != typed.suggested:
            return _form(newsletter, typed, suggestion=suggestion)
        sign_ups.ask(typed.address, _asked_with(newsletter), right_now())
    except InvalidAddress as error:
        return _form(newsletter, typed, error=_what_is_wrong(error.code))
    except NoReader:
        return _form(newsletter, typed, error=_what_is_wrong("role"))
    return _asked(newsletter.slug)


def _asked_with(newsletter: NewsletterList) -> Asked:
    slug = newsletter.slug
    return Asked(
        slug,
        i18n.page_locale(),
        _shown(newsletter),
        network(),
        evidence.proof(slug),
        evidence.evidence(),
    )


def _asked(slug: str) -> Response:
    return redirect(path("asked", i18n.page_locale(), slug=slug), 303)


def _form(
    newsletter: NewsletterList, typed: Typed | None = None, error: str = "", suggestion: str = ""
) -> Response:
    return page(
        "sign_up.html",
        422 if error else 200,
        newsletter=newsletter,
        promise=promise(newsletter),
        typed=typed.address[:320] if typed else "",
        error=error,
        suggestion=suggestion,
        honeypot=HONEYPOT,
        stamp=evidence.stamp(newsletter.slug, "page"),
        alternate=alternate("subscribe", slug=newsletter.slug),
    )


def promise(newsletter: NewsletterList) -> str:
    """The text beside the button, which is what a reader consents to (R 5.7)."""
    english = i18n.page_locale() == "en"
    often = newsletter.frequency_en or "" if english else newsletter.frequency
    names = {"newsletter": newsletter.title(i18n.page_locale()), "organisation": brand().name}
    first = (
        _("When you subscribe we send %(newsletter)s from %(organisation)s to your address, "
          "%(often)s.", often=often, **names)
        if often
        else _("When you subscribe we send %(newsletter)s from %(organisation)s to your address.",
               **names)
    )  # fmt: skip
    then = _("You can unsubscribe at any time by the link in every letter.")
    return f"{first} {then}"


def _shown(newsletter: NewsletterList) -> RequestContext:
    """Which words the visitor had before the eyes, and where."""
    if evidence.stamped() is not None:
        digest = hashlib.sha256(promise(newsletter).encode()).hexdigest()
        return visitor(request.path, f"sha256:{digest[:32]}", "form")
    where = request.headers.get("Referer") or request.headers.get("Origin") or ""
    return visitor(where or request.path, "form on another site", "form")


def _what_is_wrong(code: str) -> str:
    words: dict[str, str] = {
        "empty": _("Enter an e-mail address, for example namn@example.org."),
        "no_at_sign": _("An e-mail address has an @ in it, for example namn@example.org."),
        "several_at_signs": _("Enter one address only, with a single @."),
        "forbidden_character": _("The address holds a character that no address can have."),
        "too_long": _("The address is too long. Check that there is only one."),
        "local": _("Check what stands before the @ in the address."),
        "domain": _("Check what stands after the @, for example example.org."),
        "role": _("Nobody reads that address as a person. Enter one of your own."),
    }
    return words[code]
