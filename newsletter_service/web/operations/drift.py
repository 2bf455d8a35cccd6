"""*Drift*: how sending stands, and the buttons of an operator. Each shows its command."""

import hashlib
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.delivery import control
from newsletter_service.models import Delivery, Role, utc_of_ms
from newsletter_service.operations import (
    overview,
    queues,
    relay_desk,
    sign_up_watch,
    stops,
    trace_words,
)
from newsletter_service.operations.findings import Check, Outcome
from newsletter_service.queue import QUEUES
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now
from newsletter_service.web.i18n import number, page_locale
from newsletter_service.web.operations import words
from newsletter_service.web.told import PAUSED_BY

blueprint = Blueprint("drift", __name__, url_prefix="/desk/drift")


@blueprint.get("")
@allow(Role.OPERATOR)
def page() -> str | Response:
    """The page; its live parts again when htmx asks, all of it when the buttons have changed."""
    found = overview.look(now())
    shape = _shape(found)
    if not request.headers.get("HX-Request"):
        return render_template("operations/drift.html", **_values(found), shape=shape)
    if request.args.get("shape") != shape:
        answer = make_response("", 204)
        answer.headers["HX-Refresh"] = "true"
        return answer
    return render_template("operations/_live.html", **_values(found))


@blueprint.post("/utskick/<int:issue_id>/<any(pausa,fortsatt,avbryt):act>")
@allow(Role.OPERATOR)
def send(issue_id: int, act: str) -> Response:
    """Pause, resume or cancel an issue on its way."""
    try:
        if act == "pausa":
            control.pause(issue_id, actor(), PAUSED_BY % {"name": _name()}, now())
            flash(_("Paused. What is being handed over right now is finished first."), "wait")
        elif act == "fortsatt":
            control.resume(issue_id, actor(), now())
            flash(_("Sending goes on."), "good")
        else:
            control.cancel(issue_id, actor(), now())
            flash(_("Cancelled. Nobody else gets it; who has it has it."), "wait")
    except control.NotPossible:
        flash(_("That was not possible any more; this is how it stands now."), "bad")
    return _back()


@blueprint.post("/epost/<int:relay_id>/<any(pausa,oppna):act>")
@allow(Role.OPERATOR)
def relay(relay_id: int, act: str) -> Response:
    """Pause or open a mail server."""
    try:
        name = relay_desk.name_of(relay_id)
    except relay_desk.NoSuchRelay:
        abort(404)
    if act == "pausa":
        relay_desk.pause(name, actor(), PAUSED_BY % {"name": _name()}, now())
        flash(_("No more mail leaves through %(relay)s.", relay=name), "wait")
    else:
        relay_desk.resume(name, actor(), now())
        flash(_("%(relay)s is open again.", relay=name), "good")
    return _back()


@blueprint.post("/allt/<any(stoppa,fortsatt):act>")
@allow(Role.OPERATOR)
def everything(act: str) -> Response:
    """The kill switch: nothing leaves, or everything goes on."""
    if act == "stoppa":
        reason = request.form.get("reason", "").strip() or PAUSED_BY % {"name": _name()}
        stops.stop_everything(actor(), reason, now())
        flash(_("Stopped. No mail leaves any more."), "wait")
    else:
        stops.go_on(actor())
        flash(_("Mail leaves again."), "good")
    return _back()


@blueprint.post("/formular")
@allow(Role.OPERATOR)
def forms() -> Response:
    """Forget the waiting sign-ups that nothing speaks for."""
    gone = sign_up_watch.throw_away(actor=actor())
    flash(_("%(count)s sign-ups were thrown away.", count=number(gone)), "good")
    return _back("forms")


@blueprint.post("/koer/<name>/<any(pausa,fortsatt):act>")
@allow(Role.OPERATOR)
def queue_work(name: str, act: str) -> Response:
    """Leave a queue's work undone, or work it off again."""
    if name not in QUEUES:
        abort(404)
    if act == "pausa":
        stops.pause_queue(name, actor(), PAUSED_BY % {"name": _name()}, now())
        flash(_("%(queue)s: paused.", queue=words.queue_name(name)), "wait")
    else:
        stops.resume_queue(name, actor())
        flash(_("%(queue)s: goes on.", queue=words.queue_name(name)), "good")
    return _back("queues")


@blueprint.post("/oklara/<int:issue_id>/<int:n>/<any(skickat,avvisat,igen):act>")
@allow(Role.OPERATOR)
def doubt(issue_id: int, n: int, act: str) -> Response:
    """Say how a doubtful one ended, or send it again."""
    try:
        if act == "igen":
            control.resend(issue_id, n, actor(), now())
            flash(_("It will be sent again."), "good")
        else:
            control.settle(issue_id, n, act == "skickat", actor(), now())
            flash(_("Noted."), "good")
    except control.NotPossible:
        flash(_("It was settled already."), "info")
    return _back("in-doubt")


@blueprint.post("/koer/<name>/<any(igen,kasta):act>")
@allow(Role.OPERATOR)
def failed(name: str, act: str) -> Response:
    """Do failed work again, or forget it."""
    if name not in QUEUES:
        abort(404)
    try:
        if act == "igen":
            count = queues.requeue(name, actor())
            flash(_("%(count)s will be tried again.", count=count), "good")
        else:
            count = queues.discard(name, actor())
            flash(_("%(count)s are forgotten.", count=count), "good")
    except queues.QueueAway:
        flash(_("The queue server does not answer; nothing was changed."), "bad")
    return _back("queues")


def _values(found: overview.Overview) -> dict[str, Any]:
    return {
        "overview": found,
        "verdict": words.verdict(found),
        "verdict_kind": words.verdict_kind(found),
        "troubles": [words.said(trouble) for trouble in found.troubles],
        "failures": _failures(found),
        "words": words,
        "since": _since,
        "reasons": [(_capital(code), count) for code, count in found.came_back.by_reason],
        "report_faults": _faults(found),
    }


def _since(delivery: Delivery) -> datetime | None:
    return utc_of_ms(delivery.settled_ms) if delivery.settled_ms else None


def _capital(code: str) -> str:
    said = trace_words.reason(code)
    return said[:1].upper() + said[1:]


def _faults(found: overview.Overview) -> list[dict[str, str]]:
    """What the last check found that is not as it should be, in words."""
    checks = (Check.of(stored) for stored in (found.report.checks if found.report else []))
    return [
        check.told(page_locale())
        for check in checks
        if check.outcome in {Outcome.FAILED, Outcome.WARNING}
    ]


def _failures(found: overview.Overview) -> dict[str, list[queues.FailedJob]]:
    try:
        return {
            each.name: queues.failed(each.name, 5) for each in found.queues.queues if each.failed
        }
    except queues.QueueAway:
        return {}


def _shape(found: overview.Overview) -> str:
    """Changes when a button of the page would have to."""
    parts = [
        [(send.issue_id, send.state) for send in found.sends],
        [(each.id, each.state) for each in found.relays],
        [(each.issue_id, each.n) for each in found.doubts],
        [(each.name, bool(each.failed)) for each in found.queues.queues],
        sorted(found.holds),
        found.report.id if found.report else 0,
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _name() -> str:
    return str(current_user.name or current_user.email)


def _back(anchor: str | None = None) -> Response:
    return redirect(url_for("drift.page", _anchor=anchor), 303)
