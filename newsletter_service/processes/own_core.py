"""One core for a send worker, where the machine has several (Linux).

Moved between cores it finds their caches cold each time: beside PostgreSQL and a mail server on
two cores a worker that stays on one sent a tenth to a third more (docs/performance.md).
"""

import os
import socket
import sys

NAME = "newsletter-send-worker"


def keep_to_one(name: str = NAME) -> int | None:
    """Stay on a core that no other worker has, by its number; None where none is left.

    One core is left to whoever goes where there is room. A core is taken by binding a name among
    the machine's abstract sockets (unix(7)), which is free again when the process has ended.
    """
    if sys.platform != "linux":
        return None
    for core in sorted(os.sched_getaffinity(0))[:-1]:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0{name}-{core}")
        except OSError:
            claim.close()
            continue
        claim.detach()
        os.sched_setaffinity(0, {core})
        return core
    return None
