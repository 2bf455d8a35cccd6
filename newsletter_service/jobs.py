"""Names of background work and the verbs that do it: the allow-list of the queue."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from newsletter_service import queue
from newsletter_service.bounces import certificates, intake, mailbox, provider_events
from newsletter_service.delivery import audience, finish, notices, turn
from newsletter_service.issues import link_check
from newsletter_service.news import fetch, folding, probe
from newsletter_service.operations import doctor, stops
from newsletter_service.subscribers import sign_ups

log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


JOBS: dict[str, Callable[..., object]] = {
    "sign_ups.take": lambda: sign_ups.take(_now()),
    "notices.send": notices.send_due,
    "bounces.process": lambda message_id: intake.process(message_id, _now()),
    "bounces.poll": lambda: mailbox.poll(_now()),
    "providers.process": lambda: provider_events.process(_now()),
    "providers.certificate": lambda row_id: certificates.fetch(row_id, _now()),
    "audience.expand": lambda issue_id: audience.expand(issue_id, _now()),
    "issue.finish": lambda issue_id: finish.finish(issue_id, _now()),
    "news.fetch": lambda source_id: fetch.fetch(source_id, _now()),
    "news.fold": lambda: folding.fold(_now()),
    "links.try": lambda issue_id: link_check.look(issue_id, _now()),
    "site.discover": lambda probe_id: probe.discover(probe_id, _now()),
    "doctor.check": lambda: doctor.check(_now()),
    "delivery.turn": turn.take,
}


def register() -> None:
    """Let the queue run them, and nothing else."""
    queue.register({name: unless_paused(name, verb) for name, verb in JOBS.items()})


def unless_paused(name: str, verb: Callable[..., object]) -> Callable[..., object]:
    """Work of a paused queue is left undone: its rows wait, and the sweep finds them again."""

    def act(*ids: int) -> object:
        if stops.is_paused(queue.WORK[name]):
            log.info("queue_is_paused", extra={"work": name})
            return None
        return verb(*ids)

    return act
