"""A world that sends to a server that remembers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter_service.delivery import audience, finish, turn
from newsletter_service.delivery.statement import Statement, statement
from newsletter_service.extensions import db
from tests.smtp_sink import Sink
from tests.world import World, world

Send = Callable[[int], Statement]


@pytest.fixture
def sending(any_database_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    with world(
        any_database_url,
        tmp_path,
        smtp_url=smtp_sink.url,
        batch_size="40",
        lease_seconds="5",
        retry_seconds="1",
    ) as made:
        yield made


@pytest.fixture
def send() -> Send:
    """Expand, take one turn, see whether the issue is over, and count."""

    def act(issue_id: int) -> Statement:
        audience.expand(issue_id, datetime.now(UTC))
        turn.take()
        finish.finish(issue_id, datetime.now(UTC))
        return statement(db.session(), issue_id)

    return act
