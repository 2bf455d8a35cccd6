"""How many messages a relay takes at once, found by trying (pure: the clock is an argument).

One more for every round that went well, half as many when it slows down or complains: additive
increase and multiplicative decrease, between one and the number of connections.
"""

SLOW_S = 1.0
SLOW_TIMES = 4.0
REST_S = 5.0
_WEIGHT = 0.1


class Adaptive:
    """The present width for one relay; starts at the most."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.width = float(most)
        self._lately = 0.0
        self._least = float("inf")
        self._eased_at = float("-inf")

    @property
    def is_full(self) -> bool:
        """Whether nothing is held back."""
        return self.width >= self.most

    def took(self, seconds: float, now: float) -> bool:
        """A message was taken after so long; whether the width changed."""
        self._lately += (seconds - self._lately) * _WEIGHT
        if self._lately < self._least:
            self._least = max(self._lately, 0.001)
        elif self._lately > SLOW_S and self._lately > SLOW_TIMES * self._least:
            return self.ease(now)
        if self.width >= self.most:
            return False
        self.width = min(float(self.most), self.width + 1 / self.width)
        return True

    def ease(self, now: float) -> bool:
        """It complained: half as many, once in a while; whether the width changed."""
        if now - self._eased_at < REST_S or self.width <= 1:
            return False
        self._eased_at = now
        self.width = max(1.0, self.width / 2)
        return True
