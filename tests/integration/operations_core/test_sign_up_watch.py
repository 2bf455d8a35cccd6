"""The alarm of a form that is used to flood mailboxes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from newsletter_service.accounts import people
from newsletter_service.extensions import db
from newsletter_service.models import (
    Lane,
    NewsletterList,
    Notice,
    Role,
    SignUp,
    Token,
    TokenPurpose,
    writing,
)
from newsletter_service.operations import sign_up_watch
from newsletter_service.subscribers import opt_in
from newsletter_service.subscribers.consent import RequestContext
from tests.integration.subscribers.parken import parken

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    with parken(sqlite_url, tmp_path) as made:
        people.create("ops@parken.test", "", [Role.OPERATOR])
        people.create("editor@parken.test", "", [Role.EDITOR])
        yield made


def waiting(number: int, lane: Lane = Lane.DOUBTED) -> None:
    with writing() as session:
        list_id = session.scalars(select(NewsletterList.id)).first()
        session.add_all(
            SignUp(
                list_id=list_id,
                address=f"{lane}{n}@example.org",
                address_key=bytes(32),
                domain="example.org",
                locale="sv",
                lane=lane,
                channel="form",
                asked_at=NOW - timedelta(minutes=5),
                due_at=NOW,
            )
            for n in range(number)
        )


def mailed(number: int, answered: int) -> None:
    with writing() as session:
        session.add_all(
            Token(
                digest=n.to_bytes(32),
                purpose=TokenPurpose.CONFIRM,
                subject_id=n,
                created_at=NOW - timedelta(hours=5),
                expires_at=NOW + timedelta(days=7),
                used_at=NOW if n < answered else None,
            )
            for n in range(number)
        )


def alerts() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Notice.address).where(Notice.kind == "alert")))


def test_a_quiet_day_alarms_nobody() -> None:
    opt_in.subscribe("nytt", "anna@example.org", "sv", RequestContext(), NOW)
    waiting(20)
    mailed(49, 0)
    found = sign_up_watch.look(NOW)
    assert (found.last_hour, found.mailed, found.alarming) == (21, 49, False)
    assert sign_up_watch.tell(NOW) == 0


def test_a_flood_is_told_to_the_operators_once_a_day() -> None:
    waiting(100)
    assert [sign_up_watch.tell(NOW) for _ in range(3)] == [1, 0, 0]
    assert alerts() == ["ops@parken.test"]
    assert sign_up_watch.tell(NOW + timedelta(minutes=30)) == 0


def test_a_busy_list_is_used_to_more() -> None:
    waiting(150)
    with writing() as session:
        for row in session.scalars(select(SignUp).limit(5)):
            row.asked_at = NOW - timedelta(hours=2)
    assert sign_up_watch.look(NOW).spike
    assert not sign_up_watch.Watch({}, 150, 20.0, 0, 0).spike


def test_confirmations_that_nobody_answers_are_told_too() -> None:
    mailed(60, 5)
    found = sign_up_watch.look(NOW)
    assert (found.mailed, found.answered, found.unanswered) == (60, 5, True)
    assert sign_up_watch.tell(NOW) == 1


def test_throwing_away_takes_only_what_nothing_speaks_for() -> None:
    waiting(3)
    waiting(2, Lane.PLAIN)
    assert sign_up_watch.throw_away(actor="ops@parken.test") == 3
    assert sign_up_watch.look(NOW).waiting == {Lane.PLAIN: 2}
