"""A relay that hangs does not hold up the end of the process, and costs a doubt only after the dot.

The stop flag is set from a timer, as a signal handler does; test_crashes.py does it by SIGTERM.
"""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import current_app
from sqlalchemy import select

from newsletter_service import notices
from newsletter_service.delivery import audience, turn
from newsletter_service.delivery import notices as sending_notices
from newsletter_service.delivery.engine import engine_of
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import Notice, writing
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World, world


@pytest.fixture
def patient(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    """A world whose worker would wait for its relay for minutes."""
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, smtp_timeout="0") as made:
        yield made


def stop_in(seconds: float) -> None:
    engine = engine_of(current_app._get_current_object())  # type: ignore[attr-defined]
    threading.Timer(seconds, engine.stopping.set).start()


@pytest.mark.parametrize(("at", "doubt"), [("connect", 0), ("mail", 0), ("data", 0), ("dot", 1)])
def test_p3_a_send_worker_ends_within_ten_seconds_though_the_relay_hangs(
    patient: World, smtp_sink: Sink, at: str, doubt: int
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule(at, delay=60, since=1)]))
    patient.readers(1)
    issue_id = patient.issue()
    audience.expand(issue_id, datetime.now(UTC))
    stop_in(0.7)
    began = time.monotonic()
    turn.take()
    assert time.monotonic() - began < 8
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert counted.in_doubt == doubt
    assert counted.pending + counted.deferred == 1 - doubt


@pytest.mark.parametrize(("at", "state"), [("connect", "pending"), ("dot", "in_doubt")])
def test_p3_a_notice_worker_ends_within_ten_seconds_too(
    patient: World, smtp_sink: Sink, at: str, state: str
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule(at, delay=60, since=1)]))
    now = datetime.now(UTC)
    with writing() as session:
        notices.ask(
            session,
            "confirmation",
            subject="subscription:1",
            purpose_key="first",
            address="anna@reader.test",
            locale="sv",
            now=now,
            values={},
            list_id=patient.list_id,
            secret="secret",
            expires_at=now + timedelta(days=7),
        )
    stop_in(0.7)
    began = time.monotonic()
    sending_notices.send_due()
    assert time.monotonic() - began < 8
    db.session.rollback()
    assert db.session.scalars(select(Notice.state)).one() == state
