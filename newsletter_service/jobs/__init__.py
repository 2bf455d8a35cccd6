"""Names of background work and the verbs that do it: the allow-list, a module for each queue.

A worker takes in its own queue's module and no other, so that what sends does not carry what
renders, fetches and reads.
"""

import logging
from collections.abc import Callable
from pkgutil import resolve_name

from newsletter_service import queue
from newsletter_service.operations import stops

Verbs = dict[str, Callable[..., object]]

log = logging.getLogger(__name__)


def of(queue_name: str) -> Verbs:
    """A queue's work by name, as in `queue.WORK`."""
    verbs: Verbs = resolve_name(f"{__name__}.for_{queue_name}:JOBS")
    return verbs


def register(*queue_names: str) -> None:
    """Let workers of these queues do their work, and nothing else."""
    for queue_name in queue_names:
        verbs = {name: unless_paused(name, verb) for name, verb in of(queue_name).items()}
        queue.register(queue_name, verbs)


def unless_paused(name: str, verb: Callable[..., object]) -> Callable[..., object]:
    """Work of a paused queue is left undone: its rows wait, and the sweep finds them again."""

    def act(*ids: int) -> object:
        if stops.is_paused(queue.WORK[name]):
            log.info("queue_is_paused", extra={"work": name})
            return None
        return verb(*ids)

    return act
