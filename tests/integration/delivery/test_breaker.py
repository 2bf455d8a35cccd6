"""Refusals for our sake: paused, audited, told to the operators, and gone on with when mended."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter_service.delivery import audience, control, finish, turn
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import (
    AuditEvent,
    Issue,
    Notice,
    Person,
    Relay,
    Role,
    Suppression,
    writing,
)
from newsletter_service.operations import alarms
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World, world

NOT_OURS = "550 5.7.515 Access denied, sending domain does not meet the authentication level"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def sending(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url) as made:
        with writing() as session:
            for name, roles in (("ops", [Role.OPERATOR]), ("ed", [Role.EDITOR])):
                session.add(
                    Person(
                        email=f"{name}@park.example.org", name=name, roles=roles, created_at=now()
                    )
                )
        yield made


def released(made: World, readers: int) -> int:
    made.readers(readers)
    issue_id = made.issue()
    audience.expand(issue_id, now())
    return issue_id


def test_r_1_9b_the_issue_is_paused_once_audited_and_told_and_resuming_tries_all_at_once(
    sending: World, smtp_sink: Sink
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("dot", reply=NOT_OURS)]))
    issue_id = released(sending, 40)
    turn.take()
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.act == "issue.paused")).one()
    assert event.actor == "circuit breaker"
    assert "5.7.515" in event.detail["reason"]
    assert alarms.tell(now()) == 1
    assert alarms.tell(now()) == 0
    alert = db.session.scalars(select(Notice)).one()
    assert alert.address == "ops@park.example.org"
    assert "5.7.515" in alert.values["what"]
    assert db.session.scalar(select(func.count()).select_from(Suppression)) == 0
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert counted.deferred >= 5
    smtp_sink.behave(Behaviour())
    control.resume(issue_id, "anna", now())
    turn.take()
    turn.take()
    finish.finish(issue_id, now())
    counted = statement(db.session(), issue_id)
    assert (counted.accepted, counted.state) == (40, "sent")
    assert len(smtp_sink.messages) == 40


def test_a_deferral_by_the_readers_server_keeps_its_time_when_the_issue_is_resumed(
    sending: World, smtp_sink: Sink
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("dot", reply="451 4.3.0 Later")]))
    issue_id = released(sending, 3)
    turn.take()
    control.pause(issue_id, "anna", "a look", now())
    control.resume(issue_id, "anna", now())
    smtp_sink.behave(Behaviour())
    turn.take()
    assert statement(db.session(), issue_id).deferred == 3


def test_r_2_41_a_refused_log_in_pauses_the_relay_with_a_line_in_the_audit_log_and_an_alarm(
    sending: World, smtp_sink: Sink
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("mail", reply="535 5.7.8 Authentication failed")]))
    issue_id = released(sending, 10)
    turn.take()
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.act == "relay.paused")).one()
    assert event.actor == "circuit breaker"
    assert alarms.tell(now()) == 1
    relay = db.session.scalars(select(Relay).where(Relay.paused_at.is_not(None))).one()
    assert "535" in relay.paused_reason
    db.session.rollback()
    assert db.session.get_one(Issue, issue_id).state == "sending"
    assert statement(db.session(), issue_id).pending == 10
