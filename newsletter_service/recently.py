"""Answers that take long to find, kept for a while in this process."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")
MOST = 64


class Recently(Generic[Value]):
    """Keeps what was found for so many seconds, where finding it anew would be dear.

    `is_dear` looks at the value: what is found at once is never old.
    """

    def __init__(self, seconds: float, is_dear: Callable[[Value], bool]) -> None:
        self._seconds = seconds
        self._is_dear = is_dear
        self._kept: dict[Hashable, tuple[float, Value]] = {}

    def get(self, key: Hashable, find: Callable[[], Value]) -> Value:
        """What was found for the key lately, or what is found now."""
        at, value = self._kept.get(key, (float("-inf"), None))
        if value is not None and time.monotonic() - at <= self._seconds:
            return value
        found = find()
        if self._is_dear(found):
            while len(self._kept) >= MOST:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[key] = time.monotonic(), found
        return found
