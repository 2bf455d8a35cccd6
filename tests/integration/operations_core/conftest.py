"""A small world to look at from the operator's side, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World, world


@pytest.fixture
def small_world(any_database_url: str, tmp_path: Path) -> Iterator[World]:
    """A live installation with one list and no readers; no queue server beside it."""
    with world(any_database_url, tmp_path) as made:
        yield made
