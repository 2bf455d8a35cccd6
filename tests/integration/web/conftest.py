"""An app on a fresh database, and browsers of people with each role."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter_service.accounts import links, people
from newsletter_service.app import create_app
from newsletter_service.extensions import db
from newsletter_service.models import Role
from newsletter_service.settings import Settings
from newsletter_service.web_extensions import limiter
from tests.integration.web.browsing import log_in


@pytest.fixture
def environment(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of the app under test; a test may add to them before it asks for `app`."""
    return {
        "NEWSLETTER_DATABASE_URL": sqlite_url,
        "NEWSLETTER_DATA_DIR": str(tmp_path),
        "NEWSLETTER_BASE_URL": "http://localhost",
    }


@pytest.fixture
def app(environment: dict[str, str]) -> Iterator[Flask]:
    """The whole application, its rate limits counted afresh.

    No context is open while a test uses a browser: a request within one would share its `g`.
    """
    made = create_app(Settings.from_env(environment))
    made.testing = True
    made.config["PROPAGATE_EXCEPTIONS"] = False
    if limiter._fallback_storage is not None:
        limiter._fallback_storage.reset()
    limiter._storage_dead = False  # what the app of an earlier test found out
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody has logged in with."""
    return app.test_client()


@pytest.fixture
def client_as(app: Flask) -> Callable[..., FlaskClient]:
    """Make a browser in which a person with these roles is logged in."""

    def make(*roles: Role) -> FlaskClient:
        name = "-".join(roles)
        with app.app_context():
            person = people.find(f"{name}@staff.test") or people.create(
                f"{name}@staff.test", name.title(), list(roles)
            )
            link = links.one_time_link(person, datetime.now(UTC))
        browser = app.test_client()
        log_in(browser, link)
        return browser

    return make
