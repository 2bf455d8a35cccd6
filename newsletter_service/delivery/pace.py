"""Starts evenly spaced in time (pure: the clock is an argument)."""

import math

CATCH_UP_S = 0.05


class Pace:
    """At most so many starts a second; None is no limit, and with 0 nothing starts.

    Who comes late may catch up by a twentieth of a second, never more.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self._next = 0.0

    def change(self, rate: float | None, now: float) -> None:
        """Go on at another rate; a faster one does not wait for the slow one's next start."""
        if rate and self.rate is not None and rate > self.rate:
            self._next = min(self._next, now + 1 / rate)
        self.rate = rate

    def wait(self, now: float) -> float:
        """Seconds until the next start is allowed; infinite at 0."""
        if self.rate is None:
            return 0.0
        return max(0.0, self._next - now) if self.rate > 0 else math.inf

    def take(self, now: float) -> None:
        """Something starts now."""
        if self.rate:
            self._next = max(self._next, now - CATCH_UP_S) + 1 / self.rate
