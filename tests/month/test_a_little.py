"""A day and a half of the month, over the night in which the clocks are put forward."""

from datetime import UTC, datetime
from pathlib import Path

from tests.month.clockwork import month


def test_r_9_14_whatever_is_killed_issues_leave_once_and_in_time(
    sqlite_url: str, tmp_path: Path
) -> None:
    begins = datetime(2027, 3, 27, 6, 0, tzinfo=UTC)
    with month(sqlite_url, tmp_path, begins, 1, seed=4) as lived:
        lived.prepare(8)
        lived.live()

        assert lived.faults() == []
        assert lived.seen.killed > 5
        assert lived.seen.started
