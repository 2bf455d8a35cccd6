"""The outage guard: one operator suddenly refusing many readers for one reason is its own fault.

A wave suppresses nobody, undoes what its first failures did, and waits for a person: the operator
had an outage, or the addresses really are gone. Undecided it counts as an outage after a day.
"""

import time
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from newsletter_service import audit, journal, suppression
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    BounceWave,
    JournalKind,
    Subscriber,
    Suppression,
    SuppressionReason,
    changed,
    writing,
)
from newsletter_service.operators import domains_of, operator_of
from newsletter_service.verdicts import Policy

OUTAGE, REAL = "outage", "real"
GUARD = "outage guard"
UNDECIDED_FOR = timedelta(hours=24)
COUNTED_FOR_S = 300.0
_UNDONE = (SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES)
_readers: dict[str, tuple[float, int]] = {}


def holds(session: Session, failure: BounceEvent, policy: Policy, now: datetime) -> bool:
    """Whether a failure that would suppress belongs to a wave; it is then kept for a decision.

    Call inside a verb, with the failure added.
    """
    session.flush()
    operator = operator_of(failure.domain)
    since = now - policy.outage_window
    wave = _open(session, operator, failure.reason, since)
    if wave is None:
        if not _is_sudden(session, operator, failure.reason, since, policy):
            return False
        wave = _begin(session, operator, failure, since, now)
    wave.last_at = now
    failure.wave_id = wave.id
    return True


def _open(session: Session, operator: str, reason: str, since: datetime) -> BounceWave | None:
    found = select(BounceWave).where(
        BounceWave.operator == operator,
        BounceWave.reason == reason,
        BounceWave.decision == "",
        BounceWave.last_at >= since,
    )
    return session.scalars(found.order_by(BounceWave.id.desc()).limit(1)).one_or_none()


def _is_sudden(
    session: Session, operator: str, reason: str, since: datetime, policy: Policy
) -> bool:
    failed = session.scalar(
        select(func.count(func.distinct(BounceEvent.address_key))).where(
            *_alike(operator, reason, since)
        )
    )
    if (failed or 0) < policy.outage_readers:
        return False
    return (failed or 0) >= policy.outage_share * _readers_at(session, operator)


def _alike(operator: str, reason: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        BounceEvent.domain.in_(domains_of(operator)),
        BounceEvent.at >= since,
        BounceEvent.reason == reason,
        BounceEvent.kind != BounceKind.COMPLAINT,
        BounceEvent.final.is_(True),
    )


def _readers_at(session: Session, operator: str) -> int:
    """How many readers an operator has; counted once in a while."""
    counted_at, number = _readers.get(operator, (float("-inf"), 0))
    if time.monotonic() - counted_at > COUNTED_FOR_S:
        query = select(func.count()).select_from(Subscriber)
        number = session.scalar(query.where(Subscriber.domain.in_(domains_of(operator)))) or 0
        if len(_readers) > 1000:
            _readers.clear()
        _readers[operator] = (time.monotonic(), number)
    return number


def _begin(
    session: Session, operator: str, failure: BounceEvent, since: datetime, now: datetime
) -> BounceWave:
    """Open a wave over what failed alike, and lift what those failures suppressed."""
    wave = BounceWave(operator=operator, reason=failure.reason, began_at=now, last_at=now)
    session.add(wave)
    session.flush()
    alike = _alike(operator, failure.reason, since)
    session.execute(
        update(BounceEvent)
        .where(*alike, BounceEvent.wave_id.is_(None))
        .values(wave_id=wave.id)
        .execution_options(synchronize_session=False)
    )
    lifted = _lift(session, wave, since, now)
    audit.record(
        session, GUARD, "bounces.wave_began", f"wave:{wave.id}", reason=wave.reason, lifted=lifted
    )
    return wave


def _lift(session: Session, wave: BounceWave, since: datetime, now: datetime) -> int:
    """Release whom the wave's failures suppressed; how many."""
    why = f"{wave.operator}: sudden wave"
    lifted = session.execute(
        update(Suppression)
        .where(
            Suppression.address_key.in_(
                select(BounceEvent.address_key).where(BounceEvent.wave_id == wave.id)
            ),
            Suppression.reason.in_(_UNDONE),
            Suppression.last_at >= since,
            Suppression.released_at.is_(None),
        )
        .values(released_at=now, released_by=GUARD, release_reason=why)
        .returning(Suppression.address_key, Suppression.scope)
        .execution_options(synchronize_session=False)
    ).all()
    for key, scope in lifted:
        journal.note(session, JournalKind.RELEASED, key, now, scope=scope, reason=why)
    return len(lifted)


def undecided(session: Session) -> list[BounceWave]:
    """The waves that wait for somebody, the oldest first."""
    return list(
        session.scalars(select(BounceWave).where(BounceWave.decision == "").order_by(BounceWave.id))
    )


def readers_of(session: Session, wave: BounceWave) -> int:
    """How many readers a wave has met."""
    met = select(func.count(func.distinct(BounceEvent.address_key)))
    return session.scalar(met.where(BounceEvent.wave_id == wave.id)) or 0


def decide(wave_id: int, *, real: bool, actor: str, now: datetime) -> int:
    """Say what a wave was; returns how many readers are suppressed now.

    Where the addresses really are gone, those that a failure would have suppressed at once are
    suppressed. Raises `LookupError` where there is nothing to decide.
    """
    with writing() as session:
        wave = session.get(BounceWave, wave_id, with_for_update=True)
        if wave is None or wave.decision:
            raise LookupError(f"There is no open wave {wave_id}.")
        wave.decision, wave.decided_at, wave.decided_by = REAL if real else OUTAGE, now, actor
        number = _suppress_all(session, wave, now) if real else 0
        audit.record(
            session, actor, "bounces.wave_decided", f"wave:{wave_id}", decision=wave.decision
        )
        return number


def _suppress_all(session: Session, wave: BounceWave, now: datetime) -> int:
    keys = {}
    for event in session.scalars(
        select(BounceEvent).where(
            BounceEvent.wave_id == wave.id, BounceEvent.kind == BounceKind.HARD
        )
    ):
        keys[event.address_key] = (event.source, event.evidence)
    for key, (source, evidence) in keys.items():
        suppression.suppress(
            session,
            key,
            reason=SuppressionReason.HARD_BOUNCE,
            source=source,
            evidence=evidence,
            now=now,
        )
    return len(keys)


def close_stale(now: datetime) -> int:
    """Take what nobody decided within a day for an outage; how many waves."""
    with writing() as session:
        statement = (
            update(BounceWave)
            .where(BounceWave.decision == "", BounceWave.last_at < now - UNDECIDED_FOR)
            .values(decision=OUTAGE, decided_at=now, decided_by=GUARD)
        )
        return changed(session, statement)
