"""An installation with something of everything, to be attacked from outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from newsletter_service.subscribers import pressure
from newsletter_service.web_extensions import limiter
from tests.integration.attacks.town import Town, found_town
from tests.world import world


def forget_limits() -> None:
    """What earlier tests asked for is not counted against this one."""
    if limiter._fallback_storage is not None:
        limiter._fallback_storage.reset()
    limiter._storage_dead = False
    pressure.forget()


@pytest.fixture
def town(sqlite_url: str, tmp_path: Path) -> Iterator[Town]:
    """The installation; no queue server runs."""
    with world(sqlite_url, tmp_path, base_url="http://localhost") as made:
        forget_limits()
        yield found_town(made)


@pytest.fixture
def stranger(town: Town) -> FlaskClient:
    """A browser nobody is logged in with."""
    return town.stranger()
