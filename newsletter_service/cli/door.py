"""What every command shares: the app made when it is needed, and plain errors."""

import functools
import getpass
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, ParamSpec, TypeVar

import click
from flask import Flask
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList
from newsletter_service.send_windows import SendWindow
from newsletter_service.settings import SettingsError

P = ParamSpec("P")
T = TypeVar("T")
FAULT = 1
MISUSE = 2


class Door:
    """Makes the application at first use; a fault in the settings becomes a plain message."""

    def __init__(
        self, create_app: Callable[[], Flask], with_pages: Callable[[], Flask] | None = None
    ) -> None:
        self._create_app = create_app
        self._with_pages = with_pages or create_app
        self._app: Flask | None = None

    @property
    def app(self) -> Flask:
        """The application."""
        if self._app is None:
            self._app = _made(self._create_app)
        return self._app

    @property
    def pages(self) -> Flask:
        """An application that has the pages, too."""
        return _made(self._with_pages)


def _made(create: Callable[[], Flask]) -> Flask:
    try:
        return create()
    except SettingsError as error:
        fail(str(error), MISUSE)


def in_app(command: Callable[P, T]) -> Callable[P, T]:
    """Run a command inside the application's context."""

    @functools.wraps(command)
    @click.pass_obj
    def run(door: Door, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with door.app.app_context():
            return command(*args, **kwargs)

    return run


def fail(sentence: str, code: int = FAULT) -> NoReturn:
    """Say what happened and what to do, and end."""
    click.echo(sentence, err=True)
    raise SystemExit(code)


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def actor() -> str:
    """Who stands in the audit log for a command: the system's user."""
    return f"command line ({getpass.getuser()})"


def print_json(value: Any) -> None:
    """One JSON document, for programs."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def list_of(slug: str) -> NewsletterList:
    """The list with a slug; ends the command if there is none."""
    found = db.session.scalars(
        select(NewsletterList).where(NewsletterList.slug == slug)
    ).one_or_none()
    if found is None:
        known = ", ".join(db.session.scalars(select(NewsletterList.slug))) or "none yet"
        fail(f"There is no list {slug!r}. Lists: {known}.")
    return found


def window_of(times: str) -> SendWindow | None:
    """The send window that was written; None for `always`. Raises `NoWindow`."""
    return None if times.strip().lower() == "always" else SendWindow.parse(times)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
list_option = click.option("--list", "slug", required=True, help="The list's slug.")
