"""Warm-up plans: so many mails a day at first, for a new relay or a new sender domain.

Counts stand in SQL and are given to workers in small blocks, so that a day's number is never
exceeded; a killed worker wastes what was left of its block. Confirmations are not counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update
from sqlalchemy.orm import Session

from newsletter_service.models import NewsletterList, WarmUp, db_now_ms, utc_of_ms

STANDARD = (50, 100, 200, 400, 800, 1500, 3000, 5000, 8000, 12000, 18000, 27000, 40000, 60000)
DOMAIN = "domain:"
LEAST_BLOCK = 25
LARGEST_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that holds today: how many may leave, how many were given out, until when."""

    what: str
    day: date
    limit: int
    taken: int
    wait_ms: int

    @property
    def of_sender(self) -> bool:
        """Whether it holds for a sender's domain and not for a relay."""
        return self.what.startswith(DOMAIN)

    @property
    def relay_id(self) -> int:
        """The relay it holds for."""
        return int(self.what.partition(":")[2])

    @property
    def left(self) -> int:
        """How many may still be given out today."""
        return max(self.limit - self.taken, 0)

    @property
    def block(self) -> int:
        """How many a worker takes at a time."""
        return min(max(self.limit // 10, LEAST_BLOCK), LARGEST_BLOCK)


def limit_of(first_day: date, per_day: Iterable[int], day: date) -> int | None:
    """How many may leave on a day; None before the plan and after its end."""
    numbers = list(per_day)
    number = (day - first_day).days
    return numbers[number] if 0 <= number < len(numbers) else None


def today(executor: Connection | Session, zone: ZoneInfo) -> list[Plan]:
    """The plans that hold today, by database time in the service's zone."""
    rows = executor.execute(
        select(
            WarmUp.what,
            WarmUp.first_day,
            WarmUp.per_day,
            WarmUp.day,
            WarmUp.taken,
            db_now_ms().label("now_ms"),
        )
    ).all()
    found = []
    for row in rows:
        now = utc_of_ms(row.now_ms)
        day = now.astimezone(zone).date()
        limit = limit_of(row.first_day, row.per_day, day)
        if limit is not None:
            taken = row.taken if row.day == day else 0
            found.append(Plan(row.what, day, limit, taken, _until_tomorrow(now, day, zone)))
    return found


def take(connection: Connection, plan: Plan, wanted: int) -> int:
    """Give a worker some of today's number; how many it may send."""
    row = connection.execute(
        select(WarmUp.day, WarmUp.taken).where(WarmUp.what == plan.what).with_for_update()
    ).one_or_none()
    if row is None:
        return 0
    taken = row.taken if row.day == plan.day else 0
    given = max(min(wanted, plan.limit - taken), 0)
    _note(connection, plan, taken + given)
    return given


def give_back(connection: Connection, plan: Plan, unused: int) -> None:
    """A worker did not need all of it."""
    connection.execute(
        update(WarmUp)
        .where(WarmUp.what == plan.what, WarmUp.day == plan.day, WarmUp.taken >= unused)
        .values(taken=WarmUp.taken - unused)
    )


def senders(executor: Connection | Session) -> Mapping[int, str]:
    """The domain of each list's sender."""
    rows = executor.execute(select(NewsletterList.id, NewsletterList.sender_address))
    return {row.id: row.sender_address.rpartition("@")[2].lower() for row in rows}


def _note(connection: Connection, plan: Plan, taken: int) -> None:
    connection.execute(
        update(WarmUp).where(WarmUp.what == plan.what).values(day=plan.day, taken=taken)
    )


def _until_tomorrow(now: datetime, day: date, zone: ZoneInfo) -> int:
    midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return int((midnight - now).total_seconds() * 1000) + 1000
