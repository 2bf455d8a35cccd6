"""Parts of a limit, leased from SQL: living workers divide it and never exceed it together.

A worker that joins has nothing until the others have made room, which takes them a second. The
shares of a dead one fall free when its lease runs out, by database time.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql

from newsletter_service.models import Share, db_now_ms

LEASE_MS = 6000
ISSUES_PART = 0.9
NOTICES = "notices:"
_LOCK = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """What all workers together may do: starts a second and connections, 0 is no limit."""

    what: str
    rate: float
    connections: int


@dataclass(frozen=True, slots=True)
class Granted:
    """What this worker may do; None is no limit."""

    rate: float | None
    connections: int | None


@dataclass(frozen=True, slots=True)
class _Held:
    """What living workers of one kind hold together."""

    workers: int = 0
    rate: float = 0.0
    connections: int = 0


def lease(
    connection: Connection, owner: str, limits: Iterable[Limit], in_use: Mapping[str, int] = {}
) -> dict[str, Granted]:
    """Take or renew this worker's shares, inside one writing transaction.

    Of connections that are `in_use` beyond its share a worker has to part first: until it looks
    again they count as its own, so that nobody opens another before they are closed.
    """
    granted = {}
    for limit in sorted(limits, key=lambda limit: limit.what):
        _lock(connection, limit.what)
        issues, notices = _others(connection, limit.what, owner)
        share = _notices_share if owner.startswith(NOTICES) else _issues_share
        granted[limit.what] = found = share(limit, issues, notices)
        _write(connection, limit.what, owner, found, in_use.get(limit.what, 0))
    return granted


def let_go(connection: Connection, owner: str) -> None:
    """Leave this worker's shares to the others."""
    connection.execute(delete(Share).where(Share.owner == owner))


def _issues_share(limit: Limit, issues: _Held, notices: _Held) -> Granted:
    """An even part of nine tenths, and of all connections but one (P6)."""
    workers = issues.workers + 1
    rate = limit.rate * ISSUES_PART
    connections = max(limit.connections - 1, 1)
    return Granted(
        _room(limit, rate / workers, rate - issues.rate, limit.rate - issues.rate - notices.rate),
        _seats(
            limit,
            math.ceil(connections / workers),
            connections - issues.connections,
            limit.connections - issues.connections - notices.connections,
        ),
    )


def _notices_share(limit: Limit, issues: _Held, notices: _Held) -> Granted:
    """A tenth and one connection while issues are sent, everything while none is (P6)."""
    workers = notices.workers + 1
    rate = limit.rate * (1 - ISSUES_PART) if issues.workers else limit.rate
    connections = 1 if issues.workers else limit.connections
    return Granted(
        _room(limit, rate / workers, limit.rate - issues.rate - notices.rate),
        _seats(
            limit,
            math.ceil(connections / workers),
            limit.connections - issues.connections - notices.connections,
        ),
    )


def _room(limit: Limit, *rates: float) -> float | None:
    if not limit.rate:
        return None
    room = min(rates)
    return room if room > limit.rate / 1e6 else 0.0


def _seats(limit: Limit, *numbers: int) -> int | None:
    return max(min(numbers), 0) if limit.connections else None


def _others(connection: Connection, what: str, owner: str) -> tuple[_Held, _Held]:
    """What the others hold for issues, and for notices."""
    rows = connection.execute(
        select(Share.owner, Share.rate, Share.connections).where(
            Share.what == what,
            Share.owner.not_in((owner, _LOCK)),
            Share.until_ms > db_now_ms(),
        )
    ).all()
    issues = [row for row in rows if not row.owner.startswith(NOTICES)]
    notices = [row for row in rows if row.owner.startswith(NOTICES)]
    found = [
        _Held(len(some), sum(row.rate for row in some), sum(row.connections for row in some))
        for some in (issues, notices)
    ]
    return found[0], found[1]


def _lock(connection: Connection, what: str) -> None:
    """One at a time divides a limit; on SQLite there is one writer anyway."""
    if connection.dialect.name == "sqlite":
        return
    row = {"what": what, "owner": _LOCK, "rate": 0.0, "connections": 0, "until_ms": 0}
    connection.execute(postgresql.insert(Share).values(row).on_conflict_do_nothing())
    mine = select(Share.what).where(Share.what == what, Share.owner == _LOCK)
    connection.execute(mine.with_for_update())


def _write(connection: Connection, what: str, owner: str, granted: Granted, in_use: int) -> None:
    seats = granted.connections
    values = {
        "rate": granted.rate or 0.0,
        "connections": 0 if seats is None else max(seats, in_use),
        "until_ms": db_now_ms() + LEASE_MS,
    }
    mine = update(Share).where(Share.what == what, Share.owner == owner).values(values)
    if connection.execute(mine).rowcount == 0:
        dead = delete(Share).where(
            Share.what == what, Share.owner != _LOCK, Share.until_ms < db_now_ms()
        )
        connection.execute(dead)
        connection.execute(insert(Share).values(what=what, owner=owner, **values))
