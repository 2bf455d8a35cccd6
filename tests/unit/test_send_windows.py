"""Send windows on the clock on the wall, also in the weeks when summer time begins and ends."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.send_windows import NoWindow, SendWindow

STOCKHOLM = ZoneInfo("Europe/Stockholm")
WEEKDAYS = SendWindow.parse("mon-fri 07:00-20:00")


def local(*values: int) -> datetime:
    return datetime(*values, tzinfo=STOCKHOLM).astimezone(UTC)  # type: ignore[arg-type]


def opens(window: SendWindow, now: datetime) -> datetime:
    return now + window.wait(now, STOCKHOLM)


def test_a_window_is_open_on_its_days_and_between_its_times() -> None:
    assert WEEKDAYS.wait(local(2026, 11, 23, 7), STOCKHOLM) == timedelta()
    assert WEEKDAYS.wait(local(2026, 11, 23, 19, 59), STOCKHOLM) == timedelta()
    assert opens(WEEKDAYS, local(2026, 11, 23, 6, 59)) == local(2026, 11, 23, 7)
    assert opens(WEEKDAYS, local(2026, 11, 23, 20)) == local(2026, 11, 24, 7)
    assert opens(WEEKDAYS, local(2026, 11, 27, 20)) == local(2026, 11, 30, 7)  # over the weekend


def test_it_opens_at_seven_on_the_wall_when_summer_time_has_begun_or_ended() -> None:
    assert opens(WEEKDAYS, local(2026, 3, 27, 21)) == datetime(2026, 3, 30, 5, tzinfo=UTC)
    assert opens(WEEKDAYS, local(2026, 10, 23, 21)) == datetime(2026, 10, 26, 6, tzinfo=UTC)


def test_a_time_that_is_skipped_or_comes_twice_still_opens_once() -> None:
    night = SendWindow.parse("sun 02:30-04:00")
    assert opens(night, local(2026, 3, 28, 12)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert opens(night, local(2026, 10, 24, 12)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    during = datetime(2026, 10, 25, 1, 45, tzinfo=UTC)  # the second half past two
    assert night.wait(during, STOCKHOLM) == timedelta()


def test_a_window_may_last_until_midnight() -> None:
    late = SendWindow.parse("sat 18:00-00:00")
    assert late.wait(local(2026, 11, 28, 23, 59), STOCKHOLM) == timedelta()
    assert opens(late, local(2026, 11, 29, 0)) == local(2026, 12, 5, 18)


@pytest.mark.parametrize(
    "text",
    [
        "", "mon", "mon-fri", "07:00-20:00", "fri-mon 07:00-20:00", "mon 20:00-07:00",
        "mon 25:00-26:00", "moo 07:00-08:00", "mon 07:00-07:00",
    ],
)  # fmt: skip
def test_what_is_no_window_is_said_so(text: str) -> None:
    with pytest.raises(NoWindow, match="mon-fri"):
        SendWindow.parse(text)


@given(
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 22),
    st.integers(1, 23),
    st.integers(0, 365 * 24 * 60),
)
def test_it_always_opens_and_is_open_then(
    days: set[int], begin: int, hours: int, minute: int
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    end = (begin + hours) if begin + hours < 24 else 0
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    text = f"{','.join(names[day] for day in sorted(days))} {begin:02}:00-{end:02}:00"
    window = SendWindow.parse(text)
    assert SendWindow.parse(str(window)) == window
    assert SendWindow.of(window.stored()) == window
    wait = window.wait(now, STOCKHOLM)
    assert timedelta() <= wait <= timedelta(days=7, hours=1)
    assert window.wait(now + wait, STOCKHOLM) == timedelta()
    if wait:
        then = (now + wait).astimezone(STOCKHOLM)
        assert then.weekday() in days
