"""When issues may leave: on these weekdays, between these times on the clock on the wall. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEXT = re.compile(r"(?P<days>[a-z]{3}(?:[-,][a-z]{3})*)\s+(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)")
_MIDNIGHT = time(0)


class NoWindow(ValueError):
    """This text names no window; says how one is written."""

    def __init__(self) -> None:
        super().__init__(
            'Write a window as "mon-fri 07:00-20:00" or "mon,wed,sat-sun 08:00-00:00"; the second'
            " time is later than the first, 00:00 is midnight."
        )


@dataclass(frozen=True)
class SendWindow:
    """Weekdays (Monday is 0) and local times; an `end` of midnight is the day's end."""

    days: frozenset[int]
    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> "SendWindow":
        """Read what a person wrote. Raises `NoWindow`."""
        found = _TEXT.fullmatch(text.strip().lower())
        if found is None:
            raise NoWindow
        try:
            begin, end = time.fromisoformat(found["begin"]), time.fromisoformat(found["end"])
            days = frozenset(day for part in found["days"].split(",") for day in _days(part))
        except (ValueError, IndexError) as error:
            raise NoWindow from error
        if end != _MIDNIGHT and end <= begin:
            raise NoWindow
        return cls(days, begin, end)

    @classmethod
    def of(cls, stored: Mapping[str, object] | None) -> "SendWindow | None":
        """Read what `stored` wrote; None where there is no window."""
        text = str((stored or {}).get("open", ""))
        return cls.parse(text) if text else None

    def stored(self) -> dict[str, object]:
        """As kept in a column of settings."""
        return {"open": str(self)}

    def __str__(self) -> str:
        days = ",".join(DAYS[day] for day in sorted(self.days))
        return f"{_short(days)} {self.begin:%H:%M}-{self.end:%H:%M}"

    def wait(self, now: datetime, zone: ZoneInfo) -> timedelta:
        """How long until it is open; nothing while it is.

        A time that summer time skips is the moment after the gap; one that comes twice the first.
        """
        today = now.astimezone(zone).date()
        for ahead in range(-1, 9):
            day = today + timedelta(days=ahead)
            if day.weekday() not in self.days:
                continue
            opens = _moment(day, self.begin, zone)
            closing = day + timedelta(days=1) if self.end == _MIDNIGHT else day
            if now < _moment(closing, self.end, zone):
                return max(opens - now, timedelta())
        raise AssertionError("a window with a day opens within a week")  # pragma: no cover


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, at, zone)
    return local.astimezone(UTC)


def _days(part: str) -> range | tuple[int, ...]:
    first, _, last = part.partition("-")
    if not last:
        return (DAYS.index(first),)
    begin, end = DAYS.index(first), DAYS.index(last)
    if end < begin:
        raise ValueError(part)
    return range(begin, end + 1)


def _short(days: str) -> str:
    for first in range(7):
        for last in range(6, first + 1, -1):
            days = days.replace(",".join(DAYS[first : last + 1]), f"{DAYS[first]}-{DAYS[last]}")
    return days
