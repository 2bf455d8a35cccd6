"""Keeps a worker to its share of a relay's rate; nine tenths of it belong to issues (P6)."""

import time

ISSUES_SHARE = 0.9


class Pace:
    """Starts evenly spaced; without a rate it never waits."""

    def __init__(self) -> None:
        self._interval = 0.0
        self._next = 0.0

    def share(self, rate_per_second: float, workers: int) -> None:
        """Take this worker's part of the rate; 0 is no limit."""
        share = rate_per_second * ISSUES_SHARE / max(workers, 1)
        self._interval = 1 / share if share > 0 else 0.0

    def next_wait(self) -> float:
        """Seconds until the next message may start; the turn after that is taken by it."""
        if not self._interval:
            return 0.0
        now = time.monotonic()
        at = max(self._next, now)
        self._next = at + self._interval
        return at - now
