"""How much is being signed up right now, counted by `limits` on the queue's server.

Without that server this process counts in its own memory for a while: a lost Redis neither opens
the gate nor closes it, and nobody waits for it.
"""

import logging
import time
from collections.abc import Callable

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from newsletter_service.queue_counts import QueueStorage

log = logging.getLogger(__name__)

_EVERY = RateLimitItemPerHour(1_000_000, namespace="SIGN-UPS")
_shared = QueueStorage()
_memory = MemoryStorage()
_silent = {"until": 0.0}
PAUSE_AFTER_FAILURE_S = 3.0


def note(*names: str) -> int:
    """Count one more under a name; how many there were within the hour, this one among them.

    One question to the server: a visitor waits for each. The hour begins with the first of them.
    """
    key, hour = _EVERY.key_for(*names), _EVERY.get_expiry()
    return _counted(lambda storage: storage.incr(key, hour))


def look(*names: str) -> int:
    """How many there were under a name within the hour."""
    return _counted(lambda storage: storage.get(_EVERY.key_for(*names)))


def has_room(per_hour: int, *names: str) -> bool:
    """Take one of so many an hour under a name; False when there is none left."""
    item = RateLimitItemPerHour(per_hour, namespace="SIGN-UP-MAILS")
    return bool(_counted(lambda found: SlidingWindowCounterRateLimiter(found).hit(item, *names)))


def is_full(per_hour: int, *names: str) -> bool:
    """Whether none is left, and takes none."""
    item = RateLimitItemPerHour(per_hour, namespace="SIGN-UP-MAILS")
    return not _counted(lambda found: SlidingWindowCounterRateLimiter(found).test(item, *names))


def forget() -> None:
    """Count anew in this process's memory."""
    _memory.reset()


def _counted(ask: Callable[[Storage], int]) -> int:
    if time.monotonic() >= _silent["until"]:
        try:
            return ask(_shared)
        except Exception as error:  # limits wraps some of Redis's errors and lets others through
            _silent["until"] = time.monotonic() + PAUSE_AFTER_FAILURE_S
            log.warning("limits_in_memory", extra={"error": type(error).__name__})
    return ask(_memory)
