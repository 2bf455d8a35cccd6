"""An installation with a newsletter, and browsers of its staff."""

from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter_service.accounts import links, people
from newsletter_service.extensions import db
from newsletter_service.models import Role
from newsletter_service.web_extensions import limiter
from tests.integration.web.browsing import log_in
from tests.world import World, world

Browser = Callable[..., FlaskClient]


class Outside(FlaskClient):
    """A browser whose requests do not share the test's own application context and its `g`."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Make the request in a context of its own."""
        return Context().run(super().open, *args, **options)


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A newsletter with three readers."""
    with world(sqlite_url, tmp_path, base_url="http://localhost") as made:
        made.readers(3)
        db.session.remove()
        made.app.testing = True
        made.app.test_client_class = Outside
        made.app.config["PROPAGATE_EXCEPTIONS"] = False
        if limiter._fallback_storage is not None:
            limiter._fallback_storage.reset()
        yield made


@pytest.fixture
def browser(desk: World) -> Browser:
    """Make a browser in which a colleague with these roles is logged in."""

    def make(*roles: Role, language: str = "en") -> FlaskClient:
        email = f"{'-'.join(roles)}@staff.test"
        person = people.find(email) or people.create(email, "", list(roles))
        link = links.one_time_link(person, datetime.now(UTC))
        db.session.remove()
        client = desk.app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        log_in(client, link)
        return client

    return make
