"""When to try again (pure): the schedule of R 2.37 with jitter that a reader's key decides."""

import zlib


def wait_ms(tries: int, schedule: tuple[int, ...], seed: str) -> int:
    """Milliseconds until the next try after `tries` tries (1 or more).

    The last step of the schedule repeats. Jitter adds up to a quarter of the step, the same for
    the same seed, so that a thousand deferred readers do not come back at one moment.
    """
    step = schedule[min(max(tries, 1), len(schedule)) - 1]
    jitter = zlib.crc32(f"{seed}:{tries}".encode()) % 1000 / 4000
    return int(step * 1000 * (1 + jitter))
