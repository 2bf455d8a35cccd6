"""The form: one field, one answer for everybody (R 6.3), no cookie, and no script needed.

Nothing about the address is looked up here: what was asked is written down, a worker does the rest.
The same form stands on our page, in a frame on another site, and is posted from other sites.
"""

import logging

from flask import abort, jsonify, request
from werkzeug.wrappers import Response

from newsletter_service.address import InvalidAddress, parse, typo_suggestion
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList
from newsletter_service.subscribers import (
    field_answers,
    fields,
    lanes,
    pressure,
    proofs,
    sign_ups,
    throwaway,
)
from newsletter_service.subscribers.fields import Unfit
from newsletter_service.subscribers.opt_in import NoReader
from newsletter_service.subscribers.readers import NoSuchList, open_list
from newsletter_service.subscribers.sign_ups import Asked
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.public import evidence, form_answer
from newsletter_service.web.public.evidence import HONEYPOT
from newsletter_service.web.public.form_answer import Typed
from newsletter_service.web.public.form_words import field_fault, what_is_wrong, words_shown
from newsletter_service.web.public.pages import alternate, both, network, page
from newsletter_service.web.public.pages import now as right_now

log = logging.getLogger(__name__)


@both("subscribe", "GET", "POST")
@public
def subscribe(slug: str) -> Response:
    """Show the form; take what was typed, here or on another site."""
    newsletter = _open(slug)
    if request.method != "POST":
        return form_answer.form(newsletter, evidence.PAGE)
    return form_answer.let_in(_take(newsletter, evidence.PAGE))


@both("frame", "GET", "POST")
@public
def frame(slug: str) -> Response:
    """The form for a frame on a site that may carry it; the answer stands in the frame, too."""
    newsletter = _open(slug)
    if request.method != "POST":
        return form_answer.form(newsletter, evidence.FRAME)
    return _take(newsletter, evidence.FRAME)


@both("task", "GET")
@public
def task(slug: str) -> Response:
    """Work for the visitor's browser, instead of a picture puzzle (R 6.8)."""
    _open(slug)
    if not proofs.is_on():
        abort(404)
    effort = lanes.effort(pressure.look("network", network()), pressure.look("all"))
    return form_answer.let_in(jsonify(proofs.task(slug, effort, right_now())))


@both("asked", "GET")
@public
def asked(slug: str) -> Response:
    """Look in your inbox: the same page whatever was known of the address."""
    newsletter = _open(slug)
    return page("asked.html", newsletter=newsletter, alternate=alternate("asked", slug=slug))


def _open(slug: str) -> NewsletterList:
    try:
        return open_list(db.session(), slug)
    except NoSuchList:
        abort(404)


def _take(newsletter: NewsletterList, way: str) -> Response:
    if request.form.get(HONEYPOT):
        log.info("sign_up_dropped", extra={"why": "honeypot"})
        return form_answer.asked(newsletter, way)
    typed = Typed.of(request.form)
    try:
        address = parse(typed.address)
        if throwaway.is_refused(address.domain_ascii):
            return form_answer.wrong(newsletter, way, typed, {"email": what_is_wrong("throwaway")})
        suggestion = typo_suggestion(address)
        if suggestion and suggestion != typed.suggested:
            return form_answer.suggest(newsletter, way, typed, suggestion)
        listed = fields.of_list(db.session(), newsletter.id, shown=True)
        answers = field_answers.from_form(listed, request.form)
        sign_ups.ask(typed.address, _asked(newsletter, way, answers), right_now())
    except InvalidAddress as error:
        return form_answer.wrong(newsletter, way, typed, {"email": what_is_wrong(error.code)})
    except NoReader:
        return form_answer.wrong(newsletter, way, typed, {"email": what_is_wrong("role")})
    except Unfit as unfit:
        faults = {name: field_fault(code) for name, code in unfit.faults.items()}
        return form_answer.wrong(newsletter, way, typed, faults)
    return form_answer.asked(newsletter, way)


def _asked(newsletter: NewsletterList, way: str, answers: dict[int, str]) -> Asked:
    slug = newsletter.slug
    return Asked(
        slug,
        i18n.page_locale(),
        words_shown(newsletter),
        network(),
        evidence.proof(slug),
        evidence.evidence(),
        answers,
        evidence.used(way),
    )
