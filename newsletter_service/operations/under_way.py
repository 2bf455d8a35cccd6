"""Issues on their way: how far each is, what it waits for, and whether anybody works on it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.delivery.statement import tallies
from newsletter_service.issues import merging
from newsletter_service.models import Batch, Issue, IssueState, Retry, db_now_ms, ms_of
from newsletter_service.operations import waiting
from newsletter_service.operations.waiting import Why

STALLED_AFTER_MS = 2 * 60 * 1000


@dataclass(frozen=True)
class Send:
    """An issue on its way. `stalled` when work is due and nobody takes it."""

    issue_id: int
    number: int
    list_name: str
    subject: str
    state: str
    paused_reason: str
    audience: int
    counts: dict[str, int]
    expanded: bool
    stalled: bool
    waits: tuple[Why, ...] = ()

    @property
    def done(self) -> int:
        """How many readers have an outcome."""
        return sum(self.counts[name] for name in ("accepted", "refused", "skipped", "in_doubt"))

    @property
    def left(self) -> int:
        """How many still wait."""
        return self.counts["pending"] + self.counts["deferred"]


def look(session: Session) -> list[Send]:
    """Those that are being sent or paused, oldest first."""
    found = session.scalars(
        select(Issue)
        .where(Issue.state.in_((IssueState.SENDING, IssueState.PAUSED)))
        .order_by(Issue.id)
    ).all()
    return [_send(session, issue) for issue in found]


def _send(session: Session, issue: Issue) -> Send:
    counts = tallies(session, issue.id)
    waits = tuple(waiting.reasons(session, issue, counts["pending"] + counts["deferred"]))
    return Send(
        issue_id=issue.id,
        number=issue.number,
        list_name=issue.newsletter.name,
        subject=merging.subject(session, issue),
        state=issue.state,
        paused_reason=issue.paused_reason,
        audience=issue.audience,
        counts=counts,
        expanded=issue.expanded_at is not None,
        stalled=_stalled(session, issue) and not any(why.stops for why in waits),
        waits=waits,
    )


def _stalled(session: Session, issue: Issue) -> bool:
    """Work has been due for minutes, and no living worker holds any of the issue."""
    if issue.state != IssueState.SENDING:
        return False
    since = db_now_ms() - STALLED_AFTER_MS
    held = select(Batch.id).where(
        Batch.issue_id == issue.id, Batch.owner != "", Batch.lease_until_ms > db_now_ms()
    )
    due = select(Batch.id).where(
        Batch.issue_id == issue.id, Batch.done.is_(False), Batch.not_before_ms < since
    )
    retry = select(Retry.n).where(Retry.issue_id == issue.id, Retry.due_ms < since)
    if session.execute(held.limit(1)).first():
        return False
    late = any(session.execute(query.limit(1)).first() for query in (due, retry))
    released = ms_of(issue.released_at) if issue.released_at else 0
    young = session.scalar(select(db_now_ms() - released)) or 0
    return (late or issue.expanded_at is None) and young > STALLED_AFTER_MS
