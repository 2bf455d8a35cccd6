"""Relays as operators see them: which is open, why not, and closing one by hand."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from newsletter_service import audit, queue, relays
from newsletter_service import settings as settings_module
from newsletter_service.delivery import claims
from newsletter_service.extensions import db
from newsletter_service.models import Relay, db_now_ms, writing


class NotPossible(ValueError):
    """This limit would stop all mail; says why."""


class NoSuchRelay(LookupError):
    """No relay has this name; says which there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no relay {name!r}. Relays: {', '.join(known) or 'none yet'}.")


@dataclass(frozen=True)
class RelayLook:
    """How a relay stands. `configured` is False for one that the settings no longer name."""

    id: int
    name: str
    configured: bool
    paused_at: datetime | None
    paused_reason: str
    waits_s: int
    last_error: str
    last_error_at: datetime | None
    accepted_at: datetime | None
    rate_per_second: float
    weight: int
    max_connections: int
    slowed: float

    @property
    def state(self) -> str:
        """`open`, `waiting` (it asked for a break) or `paused`."""
        if self.paused_at is not None:
            return "paused"
        return "waiting" if self.waits_s > 0 else "open"


def look() -> list[RelayLook]:
    """Every configured relay, and those that were and still stand closed."""
    configured = relays.urls(settings_module.current())
    rows = db.session.execute(select(Relay, db_now_ms()).order_by(Relay.id)).all()
    found = [
        RelayLook(
            id=row.id,
            name=row.name,
            configured=row.name in configured,
            paused_at=row.paused_at,
            paused_reason=row.paused_reason,
            waits_s=max(0, round((row.backoff_until_ms - now_ms) / 1000)),
            last_error=row.last_error,
            last_error_at=row.last_error_at,
            accepted_at=row.accepted_at,
            rate_per_second=row.rate_per_second,
            weight=row.weight,
            max_connections=row.max_connections,
            slowed=row.slowed,
        )
        for row, now_ms in rows
    ]
    return [relay for relay in found if relay.configured]


def pause(name: str, actor: str, reason: str, now: datetime) -> bool:
    """Close a relay; whether it was open. Raises `NoSuchRelay`."""
    with writing() as session:
        relay_id = id_of(name)
        closed = relays.pause(session, relay_id, reason, now)
        if closed:
            audit.record(session, actor, "relay.paused", f"relay:{relay_id}", reason=reason)
        return closed


def resume(name: str, actor: str, now: datetime) -> bool:
    """Open a relay; whether it was paused. Raises `NoSuchRelay`."""
    with writing() as session:
        relay_id = id_of(name)
        opened = relays.resume(session, relay_id)
        if opened:
            audit.record(session, actor, "relay.resumed", f"relay:{relay_id}")
            claims.let_batches_go(session)
            queue.nudge("delivery.turn")
            queue.nudge("notices.send")
        return opened


def weigh(name: str, weight: int, actor: str) -> None:
    """Give a relay its part of the readers; 0 uses it only when no other is open.

    Raises `NoSuchRelay`.
    """
    with writing() as session:
        relay_id = id_of(name)
        before = session.get_one(Relay, relay_id).weight
        session.execute(update(Relay).where(Relay.id == relay_id).values(weight=weight))
        about = f"relay:{relay_id}"
        audit.record(session, actor, "relay.weighed", about, weight=weight, before=before)


def limit(name: str, rate: float | None, connections: int | None, actor: str) -> None:
    """Say how much all workers together may send through a relay; 0 is no limit.

    None leaves a limit as it is. One connection is always kept for confirmations, so that a
    limit of one is not possible. Raises `NoSuchRelay` and `NotPossible`.
    """
    if connections == 1:
        raise NotPossible("A relay needs two connections: one is kept for confirmations.")
    with writing() as session:
        relay = session.get_one(Relay, id_of(name))
        if rate is not None:
            relay.rate_per_second = rate
        if connections is not None:
            relay.max_connections = connections
        told = {"rate_per_second": rate, "connections": connections}
        audit.record(session, actor, "relay.limited", f"relay:{relay.id}", **told)


def name_of(relay_id: int) -> str:
    """A relay's name. Raises `NoSuchRelay`."""
    found = db.session.get(Relay, relay_id)
    if found is None:
        raise NoSuchRelay(str(relay_id), _known())
    return found.name


def id_of(name: str) -> int:
    """A relay's id. Raises `NoSuchRelay`."""
    found = db.session.scalars(select(Relay.id).where(Relay.name == name)).one_or_none()
    if found is None:
        raise NoSuchRelay(name, _known())
    return found


def _known() -> list[str]:
    return list(db.session.scalars(select(Relay.name).order_by(Relay.id)))
