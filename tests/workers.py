"""Send workers in threads of the test process, each with its own app, engine and loop."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from newsletter_service.app import create_app
from newsletter_service.delivery import turn
from newsletter_service.delivery.engine import STOPPING, close_engine
from newsletter_service.extensions import db
from newsletter_service.settings import Settings
from tests.world import World

PAUSE_S = 0.05


@contextmanager
def workers(made: World, number: int) -> Iterator[None]:
    """Let so many workers take turn after turn, until the block ends."""
    apps = [create_app(Settings.from_env(made.env)) for _ in range(number)]
    stopping = [app.extensions.setdefault(STOPPING, threading.Event()) for app in apps]
    failures: list[BaseException] = []

    def work(app: Flask, stop: threading.Event) -> None:
        with app.app_context():
            try:
                while not stop.is_set():
                    turn.take()
                    db.session.remove()
                    stop.wait(PAUSE_S)
            except BaseException as error:
                failures.append(error)
            finally:
                close_engine(app)
                db.engine.dispose()

    threads = [
        threading.Thread(target=work, args=each) for each in zip(apps, stopping, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for stop in stopping:
            stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
