"""A worker of one queue. The send queue's carries no pages and renders nothing, to stay small."""

import gc
import logging
import os
import secrets
import socket
import threading
from pkgutil import resolve_name

import click
from flask import Flask
from redis.exceptions import RedisError
from rq.exceptions import StopRequested

from newsletter_service import jobs, queue
from newsletter_service.delivery.engine import STOPPING, close_engine

log = logging.getLogger(__name__)

QUEUE_LOST_WAIT_S = 1.0


@click.command("worker")
@click.argument("queue_name", metavar="QUEUE", type=click.Choice(queue.QUEUES))
def command(queue_name: str) -> None:
    """Work off one queue: confirm, inbound, default or send."""
    run_worker(app_for(queue_name), queue_name)


def settle_memory() -> None:
    """Let the collector of cycles leave alone what stays, and come less often.

    A message leaves no cycle behind; looking for some was a tenth of what a message costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def app_for(queue_name: str) -> Flask:
    """The application that a queue's work needs."""
    slim = queue_name == "send"
    place = "core:create_core" if slim else "background:create_background"
    app: Flask = resolve_name(f"newsletter_service.{place}")()
    return app


def run_worker(app: Flask, queue_name: str) -> None:
    """Work until SIGTERM; what is in hand is finished or given back within ten seconds.

    A lost queue server ends nothing: the work goes on when it is back.
    """
    jobs.register(queue_name)
    settle_memory()
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
