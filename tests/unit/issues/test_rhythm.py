"""Every other Thursday at nine, through the nights when the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.issues import rhythm
from newsletter_service.issues.rhythm import NoRhythm, Rhythm

STOCKHOLM = ZoneInfo("Europe/Stockholm")
START = datetime(2026, 3, 20, tzinfo=UTC)
THURSDAYS = Rhythm(date(2026, 3, 19), 2, time(9, 0))


def test_nine_o_clock_is_nine_o_clock_on_both_sides_of_summer_time() -> None:
    before = THURSDAYS.latest(datetime(2026, 3, 20, tzinfo=UTC), STOCKHOLM)
    after = THURSDAYS.latest(datetime(2026, 4, 3, tzinfo=UTC), STOCKHOLM)
    assert before == datetime(2026, 3, 19, 8, 0, tzinfo=UTC)
    assert after == datetime(2026, 4, 2, 7, 0, tzinfo=UTC)


def test_nothing_has_come_before_the_first_time() -> None:
    assert THURSDAYS.latest(datetime(2026, 3, 19, 7, 59, tzinfo=UTC), STOCKHOLM) is None
    assert THURSDAYS.following(datetime(2026, 3, 1, tzinfo=UTC), STOCKHOLM) == datetime(
        2026, 3, 19, 8, 0, tzinfo=UTC
    )


@given(
    st.integers(0, 4 * 365 * 24 * 60).map(lambda m: START + timedelta(minutes=m)),
    st.integers(1, 4),
    st.times(),
)
def test_now_lies_between_the_last_occasion_and_the_next(
    now: datetime, every_weeks: int, at: time
) -> None:
    kept = Rhythm(date(2026, 3, 19), every_weeks, at.replace(second=0, microsecond=0))
    last = kept.latest(now, STOCKHOLM)
    following = kept.following(now, STOCKHOLM)
    assert now < following
    if last is not None:
        assert last <= now
        apart = following - last
        assert abs(apart - timedelta(weeks=every_weeks)) <= timedelta(hours=1)


def test_a_rhythm_begins_on_the_next_such_weekday() -> None:
    monday = date(2026, 11, 23)
    assert rhythm.begin(3, 2, "09.30", 5, monday) == Rhythm(date(2026, 11, 26), 2, time(9, 30), 5)
    assert rhythm.begin(0, 1, "00:00", 0, monday).first == monday


@pytest.mark.parametrize(
    "values", [(7, 1, "09.00", 0), (0, 0, "09.00", 0), (0, 1, "25.00", 0), (0, 1, "nio", 0)]
)
def test_what_is_no_rhythm_is_refused(values: tuple[int, int, str, int]) -> None:
    with pytest.raises(NoRhythm):
        rhythm.begin(*values, date(2026, 11, 23))


def test_a_rhythm_is_read_as_it_was_kept() -> None:
    assert rhythm.read(THURSDAYS.as_settings()) == THURSDAYS
    assert rhythm.read(None) is None
