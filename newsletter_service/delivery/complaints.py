"""Complaints against an issue: at one in a thousand people are told, at three it is paused.

At those rates the large mailbox providers turn against a sender (R 1.8). Each is done once an
issue: whoever lets a paused one go on has seen the numbers.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.delivery.breaker import ACTOR
from newsletter_service.extensions import db
from newsletter_service.models import (
    AuditEvent,
    Batch,
    BounceEvent,
    BounceKind,
    Issue,
    IssueState,
    writing,
)

WORRYING = 0.001
TOO_MANY = 0.003
LEAST = 5  # a few say nothing about the rate, however small the issue
WATCHED_FOR = timedelta(days=7)
HIGH = "issue.complaints_high"


def watch(now: datetime) -> list[int]:
    """Look at the issues of the last week with complaints; those that something was done about."""
    with_complaints = (
        select(BounceEvent.issue_id)
        .where(BounceEvent.kind == BounceKind.COMPLAINT, BounceEvent.at > now - WATCHED_FOR)
        .group_by(BounceEvent.issue_id)
        .having(func.count(func.distinct(BounceEvent.n)) >= LEAST)
    )
    found = db.session.scalars(
        select(Issue.id).where(
            Issue.id.in_(with_complaints),
            Issue.released_at > now - WATCHED_FOR,
            Issue.state.in_((IssueState.SENDING, IssueState.SENT)),
        )
    ).all()
    db.session.rollback()
    return [issue_id for issue_id in found if _look(issue_id, now)]


def _look(issue_id: int, now: datetime) -> bool:
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        complained, accepted = _counted(session, issue_id)
        rate = complained / max(accepted, 1)
        stops = rate > TOO_MANY and issue.state == IssueState.SENDING
        said = f"{complained} of {accepted} complained."
        if stops and not _done(session, "issue.paused", issue_id):
            issue.move(IssueState.PAUSED)
            issue.paused_reason = said
            audit.record(session, ACTOR, "issue.paused", f"issue:{issue_id}", reason=said)
            return True
        if rate > WORRYING and not _done(session, HIGH, issue_id):
            audit.record(session, ACTOR, HIGH, f"issue:{issue_id}", reason=said)
            return True
        return False


def _counted(session: Session, issue_id: int) -> tuple[int, int]:
    complained = session.scalar(
        select(func.count(func.distinct(BounceEvent.n))).where(
            BounceEvent.issue_id == issue_id, BounceEvent.kind == BounceKind.COMPLAINT
        )
    )
    accepted = session.scalar(select(func.sum(Batch.accepted)).where(Batch.issue_id == issue_id))
    return complained or 0, int(accepted or 0)


def _done(session: Session, act: str, issue_id: int) -> bool:
    """Whether it was done about complaints before."""
    reasons = session.scalars(
        select(AuditEvent.detail).where(
            AuditEvent.subject == f"issue:{issue_id}", AuditEvent.act == act
        )
    )
    return any("complained" in str(detail.get("reason", "")) for detail in reasons)
