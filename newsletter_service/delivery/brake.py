"""Slowing down for who asked us to, and getting faster again by steps; for relays and groups.

A complaint halves the speed, and a quiet half minute gives an eighth of it back.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, func, select, update
from sqlalchemy.orm import Session

from newsletter_service.models import DestinationGroup, Relay, db_now_ms

Executor = Connection | Session
Braked = type[Relay] | type[DestinationGroup]

LEAST = 1 / 16
STEP = 1 / 8
STEP_MS = 30_000
FIRST_BACKOFF_MS = 5_000
LONGEST_BACKOFF_MS = 5 * 60 * 1000


def slow_down(executor: Executor, table: Braked, which: ColumnElement[bool]) -> None:
    """Half the speed, just before a break: what comes during the break is the same trouble."""
    executor.execute(
        update(table)
        .where(which, table.backoff_until_ms <= db_now_ms())
        .values(
            slowed=case((table.slowed / 2 < LEAST, LEAST), else_=table.slowed / 2),
            slowed_at_ms=db_now_ms(),
        )
    )


def speed_up(executor: Executor, table: Braked) -> None:
    """A step faster for all that have been quiet long enough."""
    executor.execute(
        update(table)
        .where(
            table.slowed < 1,
            table.slowed_at_ms <= db_now_ms() - STEP_MS,
            table.backoff_until_ms <= db_now_ms(),
        )
        .values(
            slowed=case((table.slowed + STEP >= 1, 1.0), else_=table.slowed + STEP),
            slowed_at_ms=db_now_ms(),
        )
    )


def back_off(
    executor: Executor, table: Braked, which: ColumnElement[bool], reason: str, now: datetime
) -> None:
    """Nothing for a while, twice as long each time; while it lasts nothing is added."""
    failures = executor.execute(select(func.coalesce(table.failures, 0)).where(which)).scalar() or 0
    wait = min(FIRST_BACKOFF_MS * 2 ** min(failures, 10), LONGEST_BACKOFF_MS)
    executor.execute(
        update(table)
        .where(which, table.backoff_until_ms <= db_now_ms())
        .values(
            failures=table.failures + 1,
            backoff_until_ms=db_now_ms() + wait,
            last_error=reason[:300].replace("\0", ""),
            last_error_at=now,
        )
    )
