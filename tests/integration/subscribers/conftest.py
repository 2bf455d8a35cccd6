"""Parken's service, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.integration.subscribers.parken import Desk, parken


@pytest.fixture
def app(any_database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Parken's service."""
    with parken(any_database_url, tmp_path) as made:
        yield made


@pytest.fixture
def desk(app: Flask) -> Desk:
    """A look into the service from the side."""
    return Desk(app)
