"""Parken's public pages, asked without cookies."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.integration.subscribers.parken import Desk, parken, visitor


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Parken's service; no queue server runs."""
    with parken(sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
def desk(app: Flask) -> Desk:
    """A look into the service from the side."""
    return Desk(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor without cookies."""
    return visitor(app)
