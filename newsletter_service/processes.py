"""The long-running processes: web, workers, scheduler, listener; `up` runs one of each."""

import logging
import os
import secrets
import signal
import socket
import threading
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from redis.exceptions import RedisError
from rq.exceptions import StopRequested

from newsletter_service import inbound as listener
from newsletter_service import jobs, queue, scheduler
from newsletter_service.app import create_app
from newsletter_service.delivery.engine import STOPPING, close_engine
from newsletter_service.settings import Settings

log = logging.getLogger(__name__)

WEB_THREADS = 16
QUEUE_LOST_WAIT_S = 1.0


class _Web(BaseApplication):  # type: ignore[misc]
    """gunicorn with one threaded worker: SQLite's writers stand in one line anyway."""

    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._workers = workers
        super().__init__()

    def load_config(self) -> None:
        host, port = self._settings.listen
        values: dict[str, Any] = {
            "bind": f"{host}:{port}",
            "workers": self._workers,
            "threads": WEB_THREADS,
            "worker_class": "gthread",
            "graceful_timeout": 8,
            "timeout": 60,
            "accesslog": None,
            "loglevel": "warning",
            "proc_name": "newsletter-web",
            "control_socket_disable": True,
        }
        for name, value in values.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)


@click.command()
@click.option(
    "--workers", default=1, show_default=True, help="Processes; more than one needs PostgreSQL."
)
def web(workers: int) -> None:
    """Serve the pages and the API."""
    _Web(Settings.from_env(), workers).run()


@click.command()
@click.argument("queue_name", metavar="QUEUE", type=click.Choice(queue.QUEUES))
def worker(queue_name: str) -> None:
    """Work off one queue: confirm, inbound, default or send."""
    run_worker(create_app(), queue_name)


def run_worker(app: Flask, queue_name: str) -> None:
    """Work until SIGTERM; what is in hand is finished or given back within ten seconds.

    A lost queue server ends nothing: the work goes on when it is back.
    """
    jobs.register()
    stopping: threading.Event = app.extensions.setdefault(STOPPING, threading.Event())
    try:
        while not stopping.is_set():
            _work_once(app, queue_name, stopping)
            stopping.wait(QUEUE_LOST_WAIT_S)
    except StopRequested:
        stopping.set()
    finally:
        close_engine(app)


def _work_once(app: Flask, queue_name: str, stopping: threading.Event) -> None:
    """Work until SIGTERM or until the queue server is lost."""
    name = f"{queue_name}-{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        queue.QueueWorker(app, queue_name, name, stopping).work(logging_level="WARNING")
    except (RedisError, queue.NoQueue) as error:
        log.warning("queue_lost", extra={"queue": queue_name, "error": type(error).__name__})


@click.command("scheduler")
def run_scheduler() -> None:
    """Tick: start what is due, recover what was lost, fetch news. Several do no harm."""
    scheduler.run(create_app(), _until_signal())


@click.command()
def inbound() -> None:
    """Listen for bounces on NEWSLETTER_INBOUND_LISTEN."""
    listener.serve(create_app(), _until_signal())


def _until_signal() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    return stopping


COMMANDS = (web, worker, run_scheduler, inbound)
