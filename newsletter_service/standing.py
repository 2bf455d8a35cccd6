"""A reader's standing: the history of an address, and what one more failure means for it.

Used for bounces that come back and for refusals of the relay alike. Suppresses where the
verdict says so; an address alone is never trusted: callers have matched a token of ours (R 4.3).
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import suppression, verdicts, waves
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    BounceWave,
    Delivery,
    DeliveryState,
    Issue,
    Organisation,
    SuppressionReason,
    utc_of_ms,
)
from newsletter_service.verdict_rules import Meaning
from newsletter_service.verdicts import Acceptance, Event, History, Policy, Verdict


def policy(session: Session) -> Policy:
    """The organisation's policy; it lives in SQL, the same for every worker."""
    return Policy.of(session.scalar(select(Organisation.bounce_policy)) or {})


def weigh(session: Session, failure: BounceEvent, now: datetime) -> Verdict:
    """Keep the failure, decide by the history, and suppress if it comes to that.

    What is one of a sudden wave at one operator suppresses nobody (`waves`).
    """
    numbers = policy(session)
    history = _history(session, failure, numbers, now)
    session.add(failure)
    decided = verdicts.verdict(_event(failure), history, numbers, now)
    counts = decided.suppress is not None or decided.counts_soft
    guarded = counts and failure.kind != BounceKind.COMPLAINT
    if guarded and waves.holds(session, failure, numbers, now):
        return replace(decided, suppress=None, why="One of a wave at its operator; held.")
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


def would(
    session: Session, failure: BounceEvent, now: datetime, *, in_place_of: int | None = None
) -> Verdict:
    """What `weigh` would decide, but for the outage guard; keeps and changes nothing.

    `in_place_of` is the id of an event that is thought away.
    """
    numbers = policy(session)
    history = _history(session, failure, numbers, now, without=in_place_of)
    return verdicts.verdict(_event(failure), history, numbers, now)


def _event(failure: BounceEvent) -> Event:
    complaint = failure.kind == BounceKind.COMPLAINT
    return Event(
        kind="complaint" if complaint else "failure",
        at=failure.at,
        issue_id=failure.issue_id,
        meaning=Meaning(failure.meaning) if failure.meaning else None,
        final=failure.final,
    )


def _history(
    session: Session,
    failure: BounceEvent,
    numbers: Policy,
    now: datetime,
    *,
    without: int | None = None,
) -> History:
    """What counts: nothing older than the decay, and no failure of an operator's outage."""
    since = now - numbers.decay
    real = select(BounceWave.id).where(BounceWave.decision == waves.REAL)
    earlier = session.scalars(
        select(BounceEvent).where(
            BounceEvent.address_key == failure.address_key,
            BounceEvent.at >= since,
            BounceEvent.id != (without or 0),
            BounceEvent.kind != BounceKind.COMPLAINT,
            BounceEvent.wave_id.is_(None) | BounceEvent.wave_id.in_(real),
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
