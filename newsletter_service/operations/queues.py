"""The queues as they stand: what waits, what failed, who works; and failed work done again.

The queue holds nudges only, so whatever is lost or thrown away here is found again by the sweep.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from rq import Queue, Worker
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.worker import BaseWorker

from newsletter_service import audit, queue
from newsletter_service.logs import masked
from newsletter_service.models import writing

FAILED_SHOWN = 20
LONGEST_REASON = 300
SILENT_AFTER_S = 90


class QueueAway(ConnectionError):
    """Redis or Valkey does not answer; says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "The queue server does not answer. Start it, or see NEWSLETTER_REDIS_URL. Nothing is"
            " lost: the work stands in the database and goes on when the server is back."
        )


@dataclass(frozen=True)
class QueueLook:
    """One queue: how many jobs in each state, and how long the oldest has waited."""

    name: str
    queued: int
    started: int
    failed: int
    scheduled: int
    oldest_s: float | None


@dataclass(frozen=True)
class WorkerLook:
    """One worker: which queues, what it does, and when it last gave a sign of life."""

    name: str
    queues: tuple[str, ...]
    state: str
    heartbeat_s: float | None
    work: str

    @property
    def alive(self) -> bool:
        """Whether the last sign of life is recent."""
        return self.heartbeat_s is not None and self.heartbeat_s <= SILENT_AFTER_S


@dataclass(frozen=True)
class FailedJob:
    """Work that raised: which, about what, when, and the last line of the error."""

    id: str
    work: str
    ids: tuple[int, ...]
    failed_at: datetime | None
    reason: str


@dataclass(frozen=True)
class QueuesLook:
    """All queues and workers at one moment; empty when the server is away."""

    reachable: bool
    queues: tuple[QueueLook, ...] = ()
    workers: tuple[WorkerLook, ...] = ()

    def workers_of(self, name: str) -> int:
        """How many living workers listen on a queue."""
        return sum(name in worker.queues and worker.alive for worker in self.workers)


def look(now: datetime) -> QueuesLook:
    """How queues and workers stand; a server that is away is an answer too."""
    try:
        return QueuesLook(
            reachable=True,
            queues=tuple(_queue(name, now) for name in queue.QUEUES),
            workers=tuple(sorted(_workers(now), key=lambda worker: worker.name)),
        )
    except (redis.exceptions.RedisError, queue.NoQueue):
        return QueuesLook(reachable=False)


def failed(name: str, limit: int = FAILED_SHOWN) -> list[FailedJob]:
    """The newest failed work of a queue. Raises `QueueAway`."""
    try:
        waiting = queue.queue(name)
        ids = FailedJobRegistry(queue=waiting).get_job_ids(cleanup=False)
        found = (waiting.fetch_job(job_id) for job_id in reversed(ids[-limit:]))
        return [_failed(job) for job in found if job is not None]
    except (redis.exceptions.RedisError, queue.NoQueue) as error:
        raise QueueAway from error


def requeue(name: str, actor: str) -> int:
    """Do all failed work of a queue again; how many jobs. Raises `QueueAway`."""
    return _each_failed(name, actor, "queue.requeued")


def discard(name: str, actor: str) -> int:
    """Forget all failed work of a queue; how many jobs. Raises `QueueAway`."""
    return _each_failed(name, actor, "queue.discarded")


def _each_failed(name: str, actor: str, act: str) -> int:
    try:
        registry = FailedJobRegistry(queue=queue.queue(name))
        done = sum(_take(registry, job_id, act) for job_id in registry.get_job_ids(cleanup=False))
    except (redis.exceptions.RedisError, queue.NoQueue) as error:
        raise QueueAway from error
    with writing() as session:
        audit.record(session, actor, act, f"queue:{name}", jobs=done)
    return done


def _take(registry: FailedJobRegistry, job_id: str, act: str) -> bool:
    try:
        if act == "queue.requeued":
            registry.requeue(job_id)
        else:
            registry.remove(job_id, delete_job=True)
    except (NoSuchJobError, InvalidJobOperation):
        return False  # somebody else took it, or it has expired
    return True


def _queue(name: str, now: datetime) -> QueueLook:
    waiting = queue.queue(name)
    return QueueLook(
        name=name,
        queued=waiting.count,
        started=waiting.started_job_registry.get_job_count(cleanup=False),
        failed=waiting.failed_job_registry.get_job_count(cleanup=False),
        scheduled=waiting.scheduled_job_registry.get_job_count(cleanup=False),
        oldest_s=_oldest(waiting, now),
    )


def _oldest(waiting: Queue, now: datetime) -> float | None:
    for job_id in waiting.get_job_ids(0, 1):
        job = waiting.fetch_job(job_id)
        if job is not None and job.enqueued_at is not None:
            return max(0.0, (now - _aware(job.enqueued_at)).total_seconds())
    return None


def _workers(now: datetime) -> Iterable[WorkerLook]:
    for worker in Worker.all(
        connection=queue.connection(),
        job_class=queue.AllowedJob,
        serializer=queue.queue(queue.QUEUES[0]).serializer,
    ):
        beat = worker.last_heartbeat
        yield WorkerLook(
            name=worker.name,
            queues=tuple(worker.queue_names()),
            state=str(worker.get_state()),
            heartbeat_s=max(0.0, (now - _aware(beat)).total_seconds()) if beat else None,
            work=_at_work(worker),
        )


def _at_work(worker: BaseWorker) -> str:
    job = worker.get_current_job()
    return str(job.func_name) if job is not None else ""


def _failed(job: Job) -> FailedJob:
    result = job.latest_result()
    text = (result.exc_string if result else "") or ""
    lines: Sequence[str] = text.strip().splitlines() or [""]
    return FailedJob(
        id=job.id,
        work=str(job.func_name),
        ids=tuple(number for number in job.args if isinstance(number, int)),
        failed_at=_aware(job.ended_at) if job.ended_at else None,
        reason=masked(lines[-1])[:LONGEST_REASON],
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
