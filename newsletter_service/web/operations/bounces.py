"""*Studsar*: what came back, waves to decide, the lab, and the numbers of the policy."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service import waves
from newsletter_service.bounces import lab, own_rules, reclassify
from newsletter_service.extensions import db
from newsletter_service.models import BounceMessage, Issue, Role
from newsletter_service.operations import bounce_desk, trace_words
from newsletter_service.operations.bounce_desk import Of
from newsletter_service.verdict_rules import MEANING_OF_REASON
from newsletter_service.verdicts import NUMBERS
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now

blueprint = Blueprint("bounces", __name__, url_prefix="/desk/drift/studsar")

LONGEST_PASTE = 1_000_000


@blueprint.get("")
@allow(Role.OPERATOR)
def page() -> str:
    """What came back: all of it, or of an issue, a domain or a reader."""
    session = db.session()
    of = Of(
        issue_id=request.args.get("utskick", type=int),
        domain=request.args.get("doman", "")[:255],
        subscriber_id=request.args.get("lasare", type=int),
    )
    found = bounce_desk.look(session, of, now())
    messages, events = bounce_desk.unsettled(session)
    return render_template(
        "operations/bounces.html",
        of=of,
        about=_about(of),
        found=found,
        reason=_reason,
        labels={issue_id: _label(issue_id) for issue_id, _number in found.issues},
        waves=bounce_desk.undecided(session),
        messages=messages,
        provider_events=events,
        rules=own_rules.every(session),
        policy=_policy(),
    )


@blueprint.post("/vag/<int:wave_id>/<any(avbrott,borta):what>")
@allow(Role.OPERATOR)
def decide(wave_id: int, what: str) -> Response:
    """Say whether a wave was an outage or the addresses are gone."""
    try:
        number = waves.decide(wave_id, real=what == "borta", actor=actor(), now=now())
    except LookupError:
        flash(_("That was decided already."), "info")
    else:
        if what == "borta":
            flash(_("%(count)s addresses are suppressed.", count=number), "wait")
        else:
            flash(_("Noted as an outage. Nobody is suppressed for it."), "good")
    return redirect(url_for("bounces.page"), 303)


@blueprint.post("/regler")
@allow(Role.OPERATOR)
def set_policy() -> Response:
    """Change the numbers."""
    given: dict[str, float] = {}
    for name in NUMBERS:
        value = request.form.get(name, type=float)
        if value is not None:
            given[name] = value
    try:
        bounce_desk.set_numbers(given, actor=actor(), now=now())
    except ValueError:
        flash(_("A number is too small or too large; nothing was changed."), "bad")
    else:
        flash(_("Saved. It holds for what comes back from now on."), "good")
    return redirect(url_for("bounces.page", _anchor="policy"), 303)


@blueprint.route("/labb", methods=["GET", "POST"])
@allow(Role.OPERATOR)
def paste() -> str:
    """Paste any message and see what it is taken for; keeps nothing."""
    raw = request.form.get("message", "")[:LONGEST_PASTE]
    seen = lab.examine(db.session(), raw.encode(), now()) if raw.strip() else None
    return _lab(seen, raw=raw)


@blueprint.get("/labb/<int:message_id>")
@allow(Role.OPERATOR)
def stored(message_id: int) -> str:
    """The same for a stored message."""
    message = db.session.get(BounceMessage, message_id)
    if message is None:
        abort(404)
    seen = lab.examine(db.session(), message.raw, now(), message.envelope_to)
    return _lab(seen, message=message)


@blueprint.post("/forslag")
@allow(Role.OPERATOR)
def propose() -> Response:
    """Propose a rule; says what it would change of what is stored."""
    message_id = request.form.get("message_id", type=int)
    try:
        words = own_rules.checked(request.form.get("phrase", ""), request.form.get("reason", ""))
        own_rules.propose(*words, message_id=message_id, actor=actor(), now=now())
    except own_rules.BadRule:
        flash(_("Write at least eight characters of what the message says, and a reason."), "bad")
        if message_id is None:
            return redirect(url_for("bounces.paste"), 303)
        return redirect(url_for("bounces.stored", message_id=message_id), 303)
    number = len(list(reclassify.changes(now(), (words,))))
    flash(
        _(
            "Proposed. Of the stored messages %(count)s would be judged otherwise. It is not used"
            " until you switch it on.",
            count=number,
        ),
        "good",
    )
    return redirect(url_for("bounces.page", _anchor="rules"), 303)


@blueprint.post("/forslag/<int:rule_id>/<any(anvand,kasta):act>")
@allow(Role.OPERATOR)
def rule(rule_id: int, act: str) -> Response:
    """Switch a rule on, or remove it."""
    try:
        if act == "anvand":
            own_rules.switch_on(rule_id, actor=actor(), now=now())
            flash(_("The rule is used from now on."), "good")
        else:
            own_rules.remove(rule_id, actor=actor(), now=now())
            flash(_("The rule is gone."), "good")
    except LookupError:
        flash(_("That rule is gone already."), "info")
    return redirect(url_for("bounces.page", _anchor="rules"), 303)


def _lab(seen: lab.Seen | None, *, raw: str = "", message: BounceMessage | None = None) -> str:
    return render_template(
        "operations/lab.html",
        seen=seen,
        raw=raw,
        message=message,
        reason=_reason,
        reasons=[(code, _reason(code)) for code in sorted(MEANING_OF_REASON, key=_reason)],
        suggestion=_suggestion(seen),
    )


def _suggestion(seen: lab.Seen | None) -> str:
    """The words that a rule could be made of."""
    said = [each.said for each in seen.recipients if each.said] if seen else []
    return said[0].evidence[:200] if said and said[0].judgement.by == "nothing" else ""


def _reason(code: str) -> str:
    known = {"feedback": _("the reader reported the mail as unwanted")}
    said = known.get(code) or trace_words.reason(code)
    return said[:1].upper() + said[1:]


def _label(issue_id: int) -> str:
    issue = db.session.get(Issue, issue_id)
    if issue is None:
        return str(issue_id)
    return str(_("%(list)s, nr %(number)s", list=issue.newsletter.name, number=issue.number))


def _about(of: Of) -> str:
    """Which part the page shows; empty for all of it."""
    if of.issue_id is not None:
        return _label(of.issue_id)
    if of.subscriber_id is not None:
        return str(_("Reader %(id)s", id=of.subscriber_id))
    return of.domain


def _policy() -> list[dict[str, Any]]:
    """The numbers of the policy as fields."""
    words = {
        "soft_failures": _("Failed issues until an address is suppressed"),
        "soft_days": _("… over at least so many days"),
        "success_days": _("Days without a bounce after which a copy has arrived"),
        "unknown_failures": _("Refusals without a reason until an address is suppressed"),
        "unknown_days": _("… within so many days"),
        "twice_hours": _("Hours between two refusals of a closed mailbox"),
        "decay_days": _("Days after which a failure is forgotten"),
        "outage_readers": _("Readers of one operator that make a wave"),
        "outage_percent": _("… and the share of its readers, in per cent"),
        "outage_hours": _("… within so many hours"),
    }
    standing = bounce_desk.numbers(db.session())
    return [
        {
            "name": name,
            "label": words[name],
            "value": f"{standing[name]:g}",
            "least": f"{number.least:g}",
            "most": f"{number.most:g}",
        }
        for name, number in NUMBERS.items()
    ]
