"""What follows from a thing that came back, whichever way it came."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import audit, standing
from newsletter_service.bounces.resolve import Target
from newsletter_service.delivery import control
from newsletter_service.models import Batch, BounceEvent, BounceKind, Issue, IssueState
from newsletter_service.verdict_rules import Meaning

BLAMED_READERS = 20
BLAMED_SHARE = 0.05
_OURS = (Meaning.SENDER, Meaning.CONFIG)


def settle_doubt(session: Session, target: Target) -> None:
    """Something came back for a copy, so the relay had it: a doubt about it is settled."""
    if target.notice_id is not None:
        control.settle_notice_by_evidence(session, target.notice_id)
    elif target.issue_id is not None and target.n is not None:
        control.settle_by_evidence(session, target.issue_id, target.n)


def event_about(target: Target, source: str, at: datetime) -> BounceEvent:
    """An event about the copy that a token named; what happened is the caller's to fill in."""
    return BounceEvent(
        address_key=target.address_key,
        domain=target.domain,
        subscriber_id=target.subscriber_id,
        issue_id=target.issue_id,
        n=target.n,
        notice_id=target.notice_id,
        source=source,
        at=at,
    )


def take(session: Session, target: Target, event: BounceEvent, now: datetime) -> None:
    """Keep an event and weigh it. Strangers can ask for notices: those suppress nobody."""
    if target.notice_id is not None and event.kind != BounceKind.COMPLAINT:
        session.add(event)
        return
    verdict = standing.weigh(session, event, now)
    if verdict.sender_fault and event.issue_id is not None:
        _trip(session, event.issue_id, now)


def _trip(session: Session, issue_id: int, now: datetime) -> None:
    """Refusals for our sake that come back by mail pause the issue, as the relay's own do."""
    session.flush()
    blamed = session.scalar(
        select(func.count(func.distinct(BounceEvent.address_key))).where(
            BounceEvent.issue_id == issue_id, BounceEvent.meaning.in_(_OURS)
        )
    )
    accepted = session.scalar(select(func.sum(Batch.accepted)).where(Batch.issue_id == issue_id))
    if (blamed or 0) < BLAMED_READERS or (blamed or 0) < BLAMED_SHARE * (accepted or 0):
        return
    state = session.scalar(select(Issue.state).where(Issue.id == issue_id))
    if state == IssueState.SENDING:
        why = f"{blamed} readers' servers refuse mail from us; see Not arriving"
        control.pause_row(session.connection(), issue_id, why)
        audit.record(session, "bounces", "issue.paused", f"issue:{issue_id}", reason=why)
