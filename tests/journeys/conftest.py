"""The whole service, empty or filled in, started when a journey first asks for it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.journeys.whole_service import Running, Up, running_service

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An installation that nobody has been in; a release can be undone for three seconds."""
    with running_service(tmp_path_factory.mktemp("service"), undo_seconds="3") as running:
        yield running


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`newsletter up` with its sample news, readers, a sent issue and a draft."""
    with Up(tmp_path_factory.mktemp("up"), undo_seconds="1") as running:
        yield running
