"""A reader's standing: the history of an address, and what one more failure means for it.

Used for bounces that come back and for refusals of the relay alike. Suppresses where the
verdict says so; an address alone is never trusted: callers have matched a token of ours (R 4.3).
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import suppression, verdicts
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    Delivery,
    DeliveryState,
    Issue,
    SuppressionReason,
    utc_of_ms,
)
from newsletter_service.verdict_rules import Meaning
from newsletter_service.verdicts import Acceptance, Event, History, Policy, Verdict

LOOKS_BACK = timedelta(days=180)
POLICY = Policy()


def weigh(session: Session, failure: BounceEvent, now: datetime) -> Verdict:
    """Keep the failure, decide by the history, and suppress if it comes to that."""
    history = _history(session, failure, now)
    session.add(failure)
    decided = verdicts.verdict(_event(failure), history, POLICY, now)
    if decided.suppress is not None:
        suppression.suppress(
            session,
            failure.address_key,
            reason=SuppressionReason(decided.suppress),
            source=failure.source,
            evidence=failure.evidence,
            now=now,
        )
    return decided


def _event(failure: BounceEvent) -> Event:
    complaint = failure.kind == BounceKind.COMPLAINT
    return Event(
        kind="complaint" if complaint else "failure",
        at=failure.at,
        issue_id=failure.issue_id,
        meaning=Meaning(failure.meaning) if failure.meaning else None,
        final=failure.final,
    )


def _history(session: Session, failure: BounceEvent, now: datetime) -> History:
    since = now - LOOKS_BACK
    earlier = session.scalars(
        select(BounceEvent).where(
            BounceEvent.address_key == failure.address_key,
            BounceEvent.at >= since,
            BounceEvent.kind != BounceKind.COMPLAINT,
        )
    )
    accepted = session.execute(
        select(Delivery.issue_id, Delivery.settled_ms, Delivery.arrived_ms).where(
            Delivery.issue_id.in_(select(Issue.id).where(Issue.released_at >= since)),
            Delivery.subscriber_id == failure.subscriber_id,
            Delivery.state == DeliveryState.ACCEPTED,
        )
    )
    return History(
        failures=tuple(_event(event) for event in earlier),
        acceptances=tuple(
            Acceptance(issue_id, utc_of_ms(arrived or settled or 0), delivered=arrived is not None)
            for issue_id, settled, arrived in accepted
        ),
    )
