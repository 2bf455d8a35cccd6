"""The desk on a database, and a list with readers."""

from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter_service.accounts import links, people
from newsletter_service.models import Role
from tests.integration.web.browsing import log_in
from tests.world import World, world


class Apart(FlaskClient):
    """A browser whose requests run outside the test's own application context."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send one request and read all of the answer."""
        return Context().run(super().open, *args, **(kwargs | {"buffered": True}))


@pytest.fixture
def desk_world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A live installation with one list, and browsers that stand apart from the test."""
    with world(sqlite_url, tmp_path, base_url="http://localhost") as made:
        made.app.testing = True
        made.app.test_client_class = Apart
        yield made


@pytest.fixture
def client_as(desk_world: World) -> Callable[..., FlaskClient]:
    """Make a browser in which a person with these roles is logged in."""

    def make(*roles: Role) -> FlaskClient:
        person = people.create(f"{'-'.join(roles)}@staff.test", "Anna Ek", list(roles))
        link = links.one_time_link(person, datetime.now(UTC))
        browser = desk_world.app.test_client()
        log_in(browser, link)
        return browser

    return make
