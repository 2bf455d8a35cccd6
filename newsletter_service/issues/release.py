"""Release: freezing what was approved, now with time to undo or at a time; and undoing it.

The editions are frozen here; sending starts when the time has come (delivery.overdue).
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.issues import approve, editions, let_stand, preflight, recipients, selection
from newsletter_service.mail.letter import LetterError
from newsletter_service.mail.message import Letter
from newsletter_service.models import IllegalMove, Issue, IssueState, writing
from newsletter_service.settings import Settings

LATEST = timedelta(days=366)
# Worth a look, but noted only when it leaves: the page has a place for a test, a worker that
# measures pictures and tries links may not have come to them yet, and who has not answered reads
# the words that were written for it.
NOTED_ONLY = frozenset({"untested", "link_untried", "picture_unsized", "field_unanswered"})
# Below this a first wave would be too few to tell anything.
CANARY_ABOVE = 5000


class Blocked(Exception):
    """The check found what must be mended first; `findings` are the blocking ones."""

    def __init__(self, findings: list[preflight.Finding]) -> None:
        self.findings = findings
        rules = ", ".join(finding.rule for finding in findings)
        super().__init__(f"The issue does not pass the check: {rules}.")


class NotApproved(Exception):
    """What would be sent is not what was approved."""


class Unexplained(Exception):
    """What is worth a look stands without a reason; `findings` are these."""

    def __init__(self, findings: list[preflight.Finding]) -> None:
        self.findings = findings
        super().__init__("Say why it is sent although the check found something to look over.")


class BadTime(ValueError):
    """The local time cannot be used; `code` is past, too_far or unreadable."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"the time is {code}")


def release(  # noqa: PLR0913 - what is optional is named
    issue_id: int,
    *,
    actor: str,
    now: datetime,
    at_local: str = "",
    undo: bool = True,
    typed: int | None = None,
    canary: bool = False,
    despite: str | None = None,
) -> datetime:
    """Schedule the issue, and freeze it; returns when it leaves (UTC).

    Without `at_local` it leaves after the time to undo, or at once without `undo`. `typed` is the
    number of recipients as somebody wrote it, where the check asks for that. `canary` sends to a
    few first, where there are many. `despite` says why it leaves although something was worth a
    look; None where nobody is asked. Raises `Blocked`, `Unexplained`, `NotApproved`, `BadTime` or
    `IllegalMove`.
    """
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.state == IssueState.DRAFT and not issue.newsletter.approval_required:
            approve.settle(session, issue, actor, now)
        send_at = _set_time(issue, at_local, now, undo=undo)
        issue.selection = selection.frozen(session, issue)
        issue.canary = canary and recipients.of_issue(session, issue, now).reached > CANARY_ABOVE
        frozen_hash, letters = _frozen(session, issue, now)
        report = preflight.examine(session, issue, now, letters)
        if findings := preflight.stops(report, typed):
            raise Blocked(findings)
        _answer_for(session, issue, report.should, despite, (actor, now))
        issue.move(IssueState.SCHEDULED)
        issue.planned_reach = report.reach.reached if report.reach else None
        if frozen_hash != issue.approved_hash:
            raise NotApproved("The issue changed after its approval; have it approved again.")
        issue.released_by = actor
        warned = sorted({one.rule for one in report.should})
        detail = {"send_at": send_at.isoformat()} | ({"warned": warned} if warned else {})
        audit.record(session, actor, "issue.released", f"issue:{issue_id}", **detail)
    return send_at


def _answer_for(
    session: Session,
    issue: Issue,
    warnings: list[preflight.Finding],
    despite: str | None,
    who: tuple[str, datetime],
) -> None:
    """Keep the reason for which what is worth a look stands. Raises `Unexplained`.

    What is `NOTED_ONLY` stands without one.
    """
    standing = [one for one in warnings if one.rule not in NOTED_ONLY]
    if despite is None or not standing:
        return
    if not despite.strip():
        raise Unexplained(standing)
    let_stand.keep(session, issue, standing, despite, actor=who[0], now=who[1])


def reschedule(
    issue_id: int, *, actor: str, now: datetime, at_local: str = "", typed: int | None = None
) -> datetime:
    """Another time for an issue that is planned, was held, or passed its time while nothing ran.

    The letter is frozen anew, since it carries its day. Raises as `release`.
    """
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.state != IssueState.SCHEDULED:
            raise IllegalMove("An issue", str(issue.state), "another time")
        send_at = _set_time(issue, at_local, now)
        frozen_hash, letters = _frozen(session, issue, now)
        report = preflight.examine(session, issue, now, letters)
        if findings := preflight.since_planned(report, typed):
            raise Blocked(findings)
        issue.planned_reach = report.reach.reached if report.reach else None
        if frozen_hash != issue.approved_hash:
            raise NotApproved("The issue changed after its approval; have it approved again.")
        audit.record(
            session, actor, "issue.rescheduled", f"issue:{issue_id}", send_at=send_at.isoformat()
        )
    return send_at


def _set_time(issue: Issue, at_local: str, now: datetime, *, undo: bool = True) -> datetime:
    """When it leaves; with the wall clock's time and its zone, where somebody chose one."""
    settings = settings_module.current()
    wait = timedelta(seconds=settings.undo_seconds if undo else 0)
    send_at = local_time(at_local, settings, now) if at_local else now + wait
    issue.send_at, issue.send_at_local = send_at, at_local
    issue.send_at_zone = settings.timezone if at_local else ""
    issue.told_late_at = issue.held_at = None
    issue.expires_at = send_at + timedelta(hours=settings.expiry_hours)
    return send_at


def _frozen(session: Session, issue: Issue, now: datetime) -> tuple[str, dict[str, Letter]]:
    """Freeze the issue: the hash, and the letters that will be sent, so that they are checked."""
    try:
        frozen_hash = editions.freeze(session, issue, now)
    except LetterError:
        return "", {}  # the check says so
    session.flush()
    return frozen_hash, editions.frozen(session, issue)


def undo(issue_id: int, *, actor: str, now: datetime) -> None:
    """Take a release back before it started; the issue is a draft again. `IllegalMove`."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        issue.move(IssueState.DRAFT)
        editions.thaw(session, issue)
        issue.send_at, issue.send_at_local, issue.send_at_zone = None, "", ""
        issue.expires_at = issue.told_late_at = issue.held_at = None
        issue.selection, issue.canary, issue.planned_reach = {}, False, None
        issue.approved_hash, issue.approved_at, issue.approved_by = "", None, ""
        audit.record(session, actor, "issue.release_undone", f"issue:{issue_id}")


def local_time(text: str, settings: Settings, now: datetime) -> datetime:
    """A local time such as 2026-12-03T09:00 as UTC, in the installation's zone (R 9.14).

    A time that the clocks skip is moved forward by the hour they skip; one that they run
    through twice is the first of the two.
    """
    try:
        written = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTime("unreadable") from error
    if written.tzinfo is not None or len(text) <= len("2026-12-03"):
        raise BadTime("unreadable")
    moment = moment_of(written, ZoneInfo(settings.timezone)).astimezone(UTC)
    if moment <= now:
        raise BadTime("past")
    if moment - now > LATEST:
        raise BadTime("too_far")
    return moment


def moment_of(written: datetime, zone: ZoneInfo) -> datetime:
    """A wall clock's time as one moment, also in the two nights when the clocks change."""
    return written.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone)


def is_odd(written: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock shows this time never or twice that day."""
    first, second = (written.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first != second
