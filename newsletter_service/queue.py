"""The queue carries nudges; SQL holds the truth.

`WORK` names every kind of background work and its queue. A verb calls `nudge` inside its
transaction; the job is enqueued after the commit. A nudge that fails is counted and forgotten:
the sweep finds what is overdue. Jobs are JSON, and only names in `WORK` are ever run (R 8.15).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from flask import Flask, current_app
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import event
from sqlalchemy.orm import Session

from newsletter_service.extensions import db

log = logging.getLogger(__name__)

QUEUES = ("confirm", "inbound", "default", "send")
WORK = {
    "sign_ups.take": "confirm",
    "notices.send": "confirm",
    "bounces.process": "inbound",
    "bounces.poll": "inbound",
    "readers.import": "inbound",
    "providers.process": "inbound",
    "providers.certificate": "inbound",
    "audience.expand": "default",
    "issue.finish": "default",
    "news.fetch": "default",
    "news.fold": "default",
    "links.try": "inbound",  # strangers' sites are slow; sending must not wait behind them
    "site.discover": "default",
    "pictures.fetch": "default",
    "doctor.check": "default",
    "delivery.turn": "send",
}
NO_TIMEOUT = -1
FAILED_JOBS_KEPT_S = 7 * 24 * 3600
PAUSE_AFTER_FAILURE_S = 3.0
ENOUGH_JOBS = 500
WORKERS_PATIENCE_S = 15.0
VISITORS_PATIENCE_S = 0.5  # a hung queue server must not hold up whoever waits for a page
KEY = "newsletter-queue"


class NotAllowed(Exception):
    """A job in Redis names something that is not background work of ours."""


class NoQueue(Exception):
    """No Redis is configured and no embedded Valkey runs; says how to start one."""

    def __init__(self) -> None:
        super().__init__(
            "No queue server is running. Start one with `newsletter up`, or name one in"
            " NEWSLETTER_REDIS_URL."
        )


_verbs: dict[str, Callable[..., object]] = {}


def register(queue_name: str, verbs: dict[str, Callable[..., object]]) -> None:
    """Say which verb does each kind of a queue's work; exactly its names in `WORK`."""
    wanted = {name for name, where in WORK.items() if where == queue_name}
    if set(verbs) != wanted:
        raise ValueError(f"work without a verb or a verb without work: {set(verbs) ^ wanted}")
    _verbs.update(verbs)


class AllowedJob(Job):
    """A job that can only be a name of the allow-list: nothing is imported, no callback runs."""

    success_callback = failure_callback = stopped_callback = None

    @property
    def func(self) -> Callable[..., object]:
        """The verb. Raises `NotAllowed`."""
        if self.func_name not in _verbs:
            raise NotAllowed(f"the job {self.id} names {self.func_name!r}, which is not our work")
        return _verbs[self.func_name]


@dataclass
class QueueState:
    """One process's connection, and how its nudges went."""

    configured_url: str
    url_file: Path
    failed_nudges: int = 0
    silent_until: float = 0.0
    connections: dict[tuple[str, float], redis.Redis] = field(default_factory=dict)

    def connection(self, patience_s: float = WORKERS_PATIENCE_S) -> redis.Redis:
        """The Redis connection; follows the embedded Valkey when its address changes."""
        url = self.configured_url
        if not url:
            if not self.url_file.exists():
                raise NoQueue
            url = self.url_file.read_text().strip()
        if (url, patience_s) not in self.connections:
            self.connections[url, patience_s] = redis.Redis.from_url(
                url, socket_timeout=patience_s, socket_connect_timeout=min(patience_s, 2)
            )
        return self.connections[url, patience_s]


def init_app(app: Flask, redis_url: str, data_dir: Path) -> None:
    """Bind the queue to an app."""
    app.extensions[KEY] = QueueState(redis_url, data_dir / "valkey.url")


def state() -> QueueState:
    """The current app's queue state."""
    queue_state: QueueState = current_app.extensions[KEY]
    return queue_state


def connection(patience_s: float = WORKERS_PATIENCE_S) -> redis.Redis:
    """The current app's Redis. Raises `NoQueue`."""
    return state().connection(patience_s)


def queue(name: str, patience_s: float = WORKERS_PATIENCE_S) -> Queue:
    """One of `QUEUES`."""
    if name not in QUEUES:
        raise ValueError(f"there is no queue {name!r}")
    return Queue(
        name,
        connection=connection(patience_s),
        serializer=JSONSerializer,
        job_class=AllowedJob,
    )


def nudge(name: str, *ids: int) -> None:
    """Ask for work once the current transaction has committed."""
    if name not in WORK:
        raise ValueError(f"there is no background work {name!r}")
    db.session().info.setdefault("nudges", []).append((name, ids))


def nudge_now(wanted: Iterable[tuple[str, tuple[int, ...]]]) -> int:
    """Enqueue at once; what fails is counted, not raised. Returns how many were enqueued."""
    queueing = state()
    enqueued = 0
    for name, ids in dict.fromkeys(wanted):
        if time.monotonic() < queueing.silent_until:
            queueing.failed_nudges += 1
            continue
        try:
            enqueued += _enqueue(name, ids)
        except (redis.exceptions.RedisError, NoQueue) as error:
            queueing.failed_nudges += 1
            queueing.silent_until = time.monotonic() + PAUSE_AFTER_FAILURE_S
            log.warning("nudge_failed", extra={"work": name, "error": type(error).__name__})
    return enqueued


def nudge_overdue(wanted: Iterable[tuple[str, tuple[int, ...]]]) -> int:
    """Enqueue what a sweep found, unless its queue is long already.

    The sweep finds the same work every time until a worker has done it; while none works, jobs
    must not pile up. Returns how many were enqueued.
    """
    enough: dict[str, bool] = {}
    pressing = []
    for name, ids in wanted:
        listed = WORK[name]
        if listed not in enough:
            try:
                enough[listed] = queue(listed, VISITORS_PATIENCE_S).count >= ENOUGH_JOBS
            except (redis.exceptions.RedisError, NoQueue):
                enough[listed] = False  # the nudge below counts the failure
        if not enough[listed]:
            pressing.append((name, ids))
    return nudge_now(pressing)


def _enqueue(name: str, ids: tuple[int, ...]) -> int:
    target = queue(WORK[name], VISITORS_PATIENCE_S)
    if not ids and target.count >= max(1, live_workers(target)):
        return 0  # enough of the same waits already
    target.enqueue_call(
        name,
        args=ids,
        timeout=NO_TIMEOUT,
        result_ttl=0,
        failure_ttl=FAILED_JOBS_KEPT_S,
        description=name,
    )
    return 1


def live_workers(listening_on: Queue) -> int:
    """How many workers listen on a queue."""
    return Worker.count(queue=listening_on)


@event.listens_for(Session, "after_commit")
def _after_commit(session: Session) -> None:
    wanted = session.info.pop("nudges", None)
    if wanted:
        nudge_now(wanted)


@event.listens_for(Session, "after_rollback")
def _after_rollback(session: Session) -> None:
    session.info.pop("nudges", None)


class QueueWorker(SimpleWorker):
    """Runs jobs of one queue in this process; a thread keeps its heartbeat while it works.

    SIGTERM sets `stopping`, which long work looks at before every gate. `work` returns when
    Redis is lost in the middle of a job; the caller makes another one.
    """

    max_connection_wait_time = 5.0
    log_result_lifespan = False

    def __init__(
        self, app: Flask, queue_name: str, name: str, stopping: threading.Event | None = None
    ) -> None:
        self.app = app
        self.stopping = stopping or threading.Event()
        self._working = False
        with app.app_context():
            super().__init__(
                [queue(queue_name)],
                name=name,
                connection=connection(),
                serializer=JSONSerializer,
                job_class=AllowedJob,
                worker_ttl=60,
                maintenance_interval=120,
                log_job_description=False,
            )

    def request_stop(self, signum: int, frame: Any) -> None:
        """Finish what is in hand, then stop."""
        self.stopping.set()
        self._stop_requested = True
        if not self._working:
            raise StopRequested

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job under a heartbeat thread, in a fresh application context."""
        self._working = True
        done = threading.Event()
        beat = threading.Thread(target=self._beat, args=(done,), daemon=True)
        beat.start()
        try:
            with self.app.app_context():
                super().execute_job(job, queue)
        finally:
            self._working = False
            done.set()
            beat.join()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(15):
            try:
                self.heartbeat(60)
            except redis.exceptions.RedisError as error:
                log.warning("heartbeat_failed", extra={"error": type(error).__name__})
