"""The web process: gunicorn over the pages."""

from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from newsletter_service.app import create_app
from newsletter_service.settings import Settings

WEB_THREADS = 16


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


@click.command("web")
@click.option(
    "--workers", default=1, show_default=True, help="Processes; more than one needs PostgreSQL."
)
def command(workers: int) -> None:
    """Serve the pages and the API."""
    _Web(Settings.from_env(), workers).run()
