"""How often a newsletter's next issue is suggested: a weekday, a time, every so many weeks. Pure.

The time is on the clock on the wall, so it stays the same when summer time begins and ends.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEK = timedelta(weeks=1)
MOST_WEEKS = 4
MOST_NEWS = 20
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class NoRhythm(ValueError):
    """These values name no rhythm."""


@dataclass(frozen=True)
class Rhythm:
    """`first` is the first day, and so the weekday; `at` is local.

    `least_news` lets the issue leave by itself with so many news or more; 0 never does.
    """

    first: date
    every_weeks: int
    at: time
    least_news: int = 0

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """The last occasion that has come (UTC), or None before the first."""
        today = now.astimezone(zone).date()
        step = WEEK * self.every_weeks
        day = self.first + max((today - self.first) // step, 0) * step
        for candidate in (day, day - step):
            if candidate >= self.first and (moment := self._moment(candidate, zone)) <= now:
                return moment
        return None

    def following(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The next occasion (UTC)."""
        last = self.latest(now, zone)
        if last is None:
            return self._moment(self.first, zone)
        return self._moment(last.astimezone(zone).date() + WEEK * self.every_weeks, zone)

    def as_settings(self) -> dict[str, object]:
        """As it is kept in a newsletter's settings."""
        return {
            "first": self.first.isoformat(),
            "every_weeks": self.every_weeks,
            "at": self.at.isoformat("minutes"),
            "least_news": self.least_news,
        }

    def _moment(self, day: date, zone: ZoneInfo) -> datetime:
        return datetime.combine(day, self.at, zone).astimezone(UTC)


def read(kept: object) -> Rhythm | None:
    """The rhythm in a newsletter's settings; None if there is none."""
    if not isinstance(kept, Mapping):
        return None
    return Rhythm(
        date.fromisoformat(str(kept["first"])),
        int(kept["every_weeks"]),
        time.fromisoformat(str(kept["at"])),
        int(kept["least_news"]),
    )


def begin(weekday: int, every_weeks: int, at: str, least_news: int, today: date) -> Rhythm:
    """A rhythm from the next such weekday on, Monday is 0. Raises `NoRhythm`."""
    clock = _CLOCK.fullmatch(at.strip().replace(".", ":"))
    known = 0 <= weekday <= 6 and 1 <= every_weeks <= MOST_WEEKS and 0 <= least_news <= MOST_NEWS
    if clock is None or not known:
        raise NoRhythm
    first = today + timedelta(days=(weekday - today.weekday()) % 7)
    return Rhythm(first, every_weeks, time(int(clock[1]), int(clock[2])), least_news)
