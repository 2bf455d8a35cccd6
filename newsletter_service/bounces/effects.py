"""What follows from a thing that came back, whichever way it came."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter_service import standing
from newsletter_service.bounces.resolve import Target
from newsletter_service.delivery import control
from newsletter_service.models import BounceEvent, BounceKind


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
    standing.weigh(session, event, now)
