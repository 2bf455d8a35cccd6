"""Sending an issue to a server that remembers: everybody once, and the statement balances."""

import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter_service.delivery import audience, finish, turn
from newsletter_service.delivery.statement import Statement, statement
from newsletter_service.extensions import db
from newsletter_service.models import Issue, IssueState, writing
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World, world


@pytest.fixture
def sending(any_database_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    with world(any_database_url, tmp_path, smtp_url=smtp_sink.url, batch_size="40") as made:
        yield made


def send(issue_id: int) -> Statement:
    """Expand, take one turn and see whether it is over."""
    audience.expand(issue_id, datetime.now(UTC))
    turn.take()
    finish.finish(issue_id, datetime.now(UTC))
    return statement(db.session(), issue_id)


def recipients(sink: Sink) -> list[str]:
    return sorted(message.rcpt_to[0] for message in sink)


def test_every_reader_gets_the_issue_once(sending: World, smtp_sink: Sink) -> None:
    sending.readers(120)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert counted.balances
    assert counted.accepted == counted.audience == 120
    assert recipients(smtp_sink) == sorted(f"reader{i}@reader.test" for i in range(1, 121))
    assert db.session.get_one(Issue, issue_id).state == IssueState.SENT
    assert not smtp_sink.faults
