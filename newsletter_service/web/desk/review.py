"""*Granska*: the letter, and five things that are in order or have a remedy; then it is sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.accounts import sending
from newsletter_service.address import InvalidAddress
from newsletter_service.extensions import db
from newsletter_service.issues import (
    dead_links,
    departure,
    editions,
    late,
    let_stand,
    mend,
    preflight,
    recipients,
    release,
    review,
    selection,
    trial,
)
from newsletter_service.issues.blocks import Changed, Edit, NotEditable
from newsletter_service.issues.recipients import Recipients
from newsletter_service.models import IllegalMove, Issue, IssueState, Role
from newsletter_service.settings import current
from newsletter_service.subscribers import segments
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, answer_fields, now, review_words
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.desk.composer import views
from newsletter_service.web.desk.review_words import Audience
from newsletter_service.web.i18n import clock, local, recent, weekday

blueprint = Blueprint("review", __name__, url_prefix="/desk/utskick/<int:issue_id>")

NOTHING = preflight.Report([], [], [], [])
OPEN = (IssueState.DRAFT, IssueState.IN_REVIEW, IssueState.APPROVED)


@blueprint.get("/granska")
@allow(Role.EDITOR, Role.APPROVER, Role.OPERATOR)
def page(issue_id: int) -> str:
    """How the issue stands before it leaves."""
    return _page(words.the_issue(issue_id))


@blueprint.post("/prova")
@allow(Role.EDITOR, Role.APPROVER)
def send_test(issue_id: int) -> Response | tuple[str, int]:
    """Send a test to an address."""
    issue = words.the_issue(issue_id)
    address = request.form.get("address", "").strip()
    chosen = words.chosen_locale(issue)
    locales = editions.written_locales(issue) if "all" in request.form else [chosen]
    try:
        for locale in locales:
            reader = answer_fields.chosen_reader()
            trial.send_test(issue_id, address, locale, actor=actor(), now=now(), reader=reader)
    except InvalidAddress:
        wrong = _("Write an e-mail address, such as namn@example.org.")
        return _page(issue, errors={"address": wrong}, address=address), 422
    flash(_("A test is on its way to %(address)s.", address=address), "good")
    return _back(issue_id)


@blueprint.post("/skicka")
@allow(Role.EDITOR)
def send(issue_id: int) -> Response | tuple[str, int]:
    """Release it: in some minutes, which leaves time to undo, or at a time."""
    issue = words.the_issue(issue_id)
    later = request.form.get("when") == "later"
    at = request.form.get("at", "").strip() if later else ""
    if later and not at:
        return _page(issue, errors={"at": _("Choose a day and a time.")}, later=True), 422
    try:
        typed, canary = request.form.get("recipients", type=_as_number), "canary" in request.form
        why = request.form.get("despite", "")
        wish = partial(release.release, typed=typed, canary=canary, despite=why)
        wish(issue_id, actor=actor(), now=now(), at_local=at)
    except release.Unexplained:
        db.session.rollback()
        wrong = _("Write why it is sent as it is, or mend what stands under Check.")
        return _page(words.the_issue(issue_id), errors={"despite": wrong}, later=later, at=at), 422
    except release.Blocked as error:
        if all(one.kind for one in error.findings):
            return _number_wanted(issue_id, later=later, at=at)
        flash(_("Something must be mended first; see the check."), "bad")
    except release.NotApproved:
        flash(_("The letter is another than the one that was approved. Ask once more."), "bad")
    except release.BadTime as error:
        db.session.rollback()
        wrong = words.time_trouble(error.code)
        return _page(words.the_issue(issue_id), errors={"at": wrong}, later=True, at=at), 422
    return _back(issue_id)


@blueprint.post("/mottagare")
@allow(Role.EDITOR)
def choose_audience(issue_id: int) -> Response | str:
    """Send it to a segment of the list, or to everybody on it; or only count whom that is."""
    issue = words.the_issue(issue_id)
    segment_id = request.form.get("segment", 0, type=int)
    if request.form.get("do") == "count":
        return _page(issue, looked_at=segment_id)
    edit = Edit(request.form.get("version", issue.version, type=int), actor(), now())
    try:
        selection.choose(issue_id, segment_id or None, edit)
    except (Changed, NotEditable, segments.NoSuchSegment):
        flash(_("The issue has changed meanwhile; this is how it stands now."), "wait")
    return _back(issue_id)


@blueprint.post("/mottagare/antal")
@allow(Role.EDITOR)
def count_audience(issue_id: int) -> str:
    """Whom the chosen segment would reach, and why others are left out, for htmx."""
    chosen = request.form.get("segment", 0, type=int)
    issue = words.the_issue(issue_id)
    reach, audience = _looked_at(issue, chosen)
    return render_template(
        "desk/review/_recipients.html", issue=issue, reach=reach, audience=audience
    )


def _looked_at(issue: Issue, segment_id: int) -> tuple[Recipients, Audience]:
    try:
        return review_words.looked_at(issue, segment_id, now())
    except segments.NoSuchSegment:
        abort(404)


@blueprint.post("/annan-tid")
@allow(Role.EDITOR)
def reschedule(issue_id: int) -> Response | tuple[str, int]:
    """Another time for an issue that is planned, or was to leave while nothing ran."""
    later = request.form.get("when") == "later"
    at = request.form.get("at", "").strip() if later else ""
    if later and not at:
        at = "-"
    try:
        typed = request.form.get("recipients", type=_as_number)
        leaves = release.reschedule(issue_id, actor=actor(), now=now(), at_local=at, typed=typed)
        flash(_("Kept. It leaves %(when)s.", when=recent(leaves)), "good")
    except release.Blocked as error:
        if all(one.kind for one in error.findings):
            return _number_wanted(issue_id, later=later, at=at)
        flash(_("Something must be mended first: make it a draft again and see the check."), "bad")
    except release.NotApproved:
        flash(_another_letter(issue_id), "bad")
    except IllegalMove:
        flash(_("The issue has changed meanwhile; this is how it stands now."), "wait")
    except release.BadTime as error:
        db.session.rollback()
        wrong = {"at": words.time_trouble(error.code)}
        return _page(words.the_issue(issue_id), errors=wrong, later=True, at=at), 422
    return _back(issue_id)


def _another_letter(issue_id: int) -> str:
    """What is planned is no longer what would be sent: a setting that it shows has changed."""
    db.session.rollback()
    if words.the_issue(issue_id).newsletter.approval_required:
        return str(_("The letter is another than the one that was approved. Ask once more."))
    return str(
        _(
            "The letter is another than when it was planned, since a setting has changed. Undo,"
            " look at it and send it anew."
        )
    )


def _as_number(text: str) -> int:
    """A number as people write it: 12 374, 12.374 or 12,374."""
    return int("".join(text.split()).replace(".", "").replace(",", ""))


def _number_wanted(issue_id: int, *, later: bool, at: str) -> tuple[str, int]:
    db.session.rollback()
    wrong = _("Write the number of recipients, as it stands above.")
    return _page(words.the_issue(issue_id), errors={"recipients": wrong}, later=later, at=at), 422


@blueprint.post("/angra")
@allow(Role.EDITOR, Role.OPERATOR)
def undo(issue_id: int) -> Response:
    """Take the release back before it leaves."""
    release.undo(issue_id, actor=actor(), now=now())
    flash(_("Nothing was sent. The issue is a draft again."), "good")
    return _back(issue_id)


def _page(  # noqa: PLR0913 - what somebody typed, by field
    issue: Issue,
    *,
    errors: dict[str, str] | None = None,
    address: str = "",
    later: bool = False,
    at: str = "",
    looked_at: int | None = None,
) -> str:
    is_open, session = issue.state in OPEN, db.session()
    at = at or _time_to_begin_with(issue, now())
    # what has left is checked no more, and its audience is known
    report = preflight.examine(session, issue, now()) if is_open else NOTHING
    reach = report.reach
    if reach is None and not issue.audience:
        reach = recipients.lately(session, issue, now())
    audience = review_words.audience(issue, reach)
    seen = (reach, audience) if looked_at is None else _looked_at(issue, looked_at)
    held = departure.found(session, issue, now()) if issue.held_at else []
    locale = words.chosen_locale(issue)
    return render_template(
        "desk/review/page.html",
        issue=issue,
        is_open=is_open,
        locale_here=locale,
        subject=words.subject(issue),
        label=words.label(issue),
        status=words.status(issue),
        tabs=words.tabs(issue, "review"),
        **_of_the_check(report, held, departure.asked_ahead(session, issue, now())),
        written=editions.written_locales(issue),
        links_tried=recent(issue.links_tried_at) if issue.links_tried_at else "",
        is_administrator=current_user.has_role(Role.ADMINISTRATOR),
        where=review_words.places(issue),
        reach=reach,
        audience=audience,
        seen=seen,
        is_late=late.is_late(issue, now()),
        dead=dead_links.found(session, issue, now()),
        with_canary=release.CANARY_ABOVE,
        canary_minutes=sending.of_list(issue.newsletter).canary_minutes,
        tested=issue.tested_version == issue.version,
        steps=review.steps(issue.id) if issue.newsletter.approval_required else [],
        comments=len(review.comments(issue.id)),
        may_approve=current_user.has_role(Role.APPROVER),
        may_edit=current_user.has_role(Role.EDITOR),
        views=views(issue.id, locale, "review.page"),
        seen_by=answer_fields.seen(issue, locale),
        address=address or actor(),
        errors=errors or {},
        later=later,
        at=at,
        at_in_words=_in_words(at),
        undo_minutes=max(1, round(current().undo_seconds / 60)),
    )


def _of_the_check(
    report: preflight.Report, held: Sequence[preflight.Finding], ahead: Sequence[preflight.Finding]
) -> dict[str, object]:
    """What was found while writing, what holds the issue since its time came, and what will."""
    asked = [one for one in (*report.must, *held, *ahead) if one.kind]
    return {
        "must": [one for one in report.must if not one.kind],
        "should": [one for one in report.should if one.rule != "untested"],
        "unanswered": [one for one in report.should if one.rule not in release.NOTED_ONLY],
        "tips": report.tips,
        "left": report.left,
        "some_mend": mend.some(report),
        "held": held,
        "never_stands": let_stand.NEVER,
        "held_to_mend": [one for one in held if not one.kind],
        "ahead": ahead,
        "asked": asked[0] if asked else None,
    }


def _time_to_begin_with(issue: Issue, moment: datetime) -> str:
    """The time it has while that is ahead, else tomorrow at nine; as its field wants it."""
    if issue.send_at and issue.send_at > moment:
        return f"{local(issue.send_at):%Y-%m-%dT%H:%M}"
    tomorrow = local(moment).date() + timedelta(days=1)
    return f"{tomorrow.isoformat()}T09:00"


def _in_words(at: str) -> str:
    """The field's time as people here write it; nothing while it is no time."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return ""
    there = release.moment_of(moment, ZoneInfo(current().timezone))
    said = _("%(day)s at %(clock)s", day=weekday(there), clock=clock(there))
    if release.is_odd(moment, ZoneInfo(current().timezone)):
        said = _("%(when)s. The clocks change that night.", when=said)
    return str(said)


def _back(issue_id: int) -> Response:
    return redirect(url_for("review.page", issue_id=issue_id), 303)
