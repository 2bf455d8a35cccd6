"""The outage guard: a sudden wave at one operator suppresses nobody until somebody says so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter_service import standing, waves
from newsletter_service.bounces import effects
from newsletter_service.bounces.resolve import Target
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    BounceEvent,
    BounceKind,
    BounceWave,
    DeliveryState,
    Issue,
    IssueState,
    Organisation,
    Subscriber,
    Suppression,
    writing,
)
from tests.world import World, world

NOW = datetime.now(UTC)


@pytest.fixture
def made(any_database_url: str, tmp_path: Path) -> Iterator[World]:
    """30 readers at one domain, 30 at two of another operator's domains, a policy of 10."""
    with world(any_database_url, tmp_path) as made:
        made.readers(30, "reader.test")
        made.readers(15, "hotmail.com")
        made.readers(15, "live.se")
        with writing() as session:
            session.scalars(select(Organisation)).one().bounce_policy = {"outage_readers": 10}
        waves._readers.clear()
        yield made


def _fail(domain: str, number: int, at: datetime = NOW, **more: object) -> None:
    """So many readers of a domain fail, one after the other."""
    readers = db.session.execute(
        select(Subscriber.id, Subscriber.address_key)
        .where(Subscriber.domain == domain)
        .order_by(Subscriber.id)
        .limit(number)
    ).all()
    for reader_id, key in readers:
        values = {
            "kind": BounceKind.HARD,
            "final": True,
            "reason": "userunknown",
            "meaning": "hard",
            "source": "test",
            "evidence": "user unknown",
            "at": at,
        }
        event = BounceEvent(
            address_key=key, domain=domain, subscriber_id=reader_id, **(values | more)
        )
        with writing() as session:
            standing.weigh(session, event, at)


def _suppressed() -> int:
    db.session.expire_all()
    query = select(Suppression).where(Suppression.released_at.is_(None))
    return len(db.session.scalars(query).all())


def test_a_few_unknown_users_are_suppressed_as_ever(made: World) -> None:
    _fail("reader.test", 5)

    assert _suppressed() == 5
    assert waves.undecided(db.session()) == []


def test_a_wave_suppresses_nobody_and_undoes_what_its_first_failures_did(made: World) -> None:
    _fail("reader.test", 25)

    assert _suppressed() == 0
    [wave] = waves.undecided(db.session())
    assert (wave.operator, wave.reason) == ("reader.test", "userunknown")
    assert waves.readers_of(db.session(), wave) == 25


def test_all_domains_of_an_operator_are_one(made: World) -> None:
    _fail("hotmail.com", 6)
    _fail("live.se", 6)

    assert _suppressed() == 0
    assert [wave.operator for wave in waves.undecided(db.session())] == ["microsoft"]


def test_many_but_a_small_share_of_an_operators_readers_are_no_wave(made: World) -> None:
    made.readers(200, "reader.test", first=1000)
    waves._readers.clear()
    _fail("reader.test", 20)

    assert _suppressed() == 20


def test_failures_over_days_are_no_wave(made: World) -> None:
    for hours in range(0, 20 * 7, 7):
        _fail("reader.test", 1, NOW + timedelta(hours=hours))

    assert waves.undecided(db.session()) == []


def test_a_complaint_counts_at_once_in_any_wave(made: World) -> None:
    _fail("reader.test", 12)
    _fail("reader.test", 1, kind=BounceKind.COMPLAINT, reason="feedback", meaning="")

    assert _suppressed() == 1


def test_what_was_an_outage_is_never_held_against_a_reader(made: World) -> None:
    _fail("reader.test", 12, meaning="hard-twice", reason="suspend")
    _fail("reader.test", 12, NOW + timedelta(hours=1), meaning="hard-twice", reason="suspend")
    waves.decide(1, real=False, actor="op@park.test", now=NOW)
    later = NOW + timedelta(days=30)

    _fail("reader.test", 1, later, meaning="hard-twice", reason="suspend")

    assert _suppressed() == 0


def test_addresses_that_really_are_gone_are_suppressed_by_a_decision(made: World) -> None:
    _fail("reader.test", 12)

    assert waves.decide(1, real=True, actor="op@park.test", now=NOW) == 12
    assert _suppressed() == 12
    with pytest.raises(LookupError):
        waves.decide(1, real=False, actor="op@park.test", now=NOW)


def test_an_undecided_wave_is_an_outage_after_a_day(made: World) -> None:
    _fail("reader.test", 12)

    assert waves.close_stale(NOW + timedelta(hours=23)) == 0
    assert waves.close_stale(NOW + timedelta(hours=25)) == 1
    wave = db.session.get_one(BounceWave, 1)
    assert (wave.decision, wave.decided_by) == (waves.OUTAGE, waves.GUARD)


def test_refusals_for_our_sake_that_come_back_by_mail_pause_the_issue(made: World) -> None:
    issue_id = made.issue(IssueState.SENDING)
    with writing() as session:
        session.add(Batch(issue_id=issue_id, first_n=1, last_n=60, accepted=60))
    for reader in db.session.scalars(select(Subscriber).limit(20)).all():
        accepted = DeliveryState.ACCEPTED
        target = Target(reader.address_key, reader.address, accepted, reader.id, issue_id, 1)
        with writing() as session:
            event = effects.event_about(target, "test", NOW)
            event.kind, event.reason, event.meaning = BounceKind.SOFT, "blocked", "sender"
            event.final = True
            effects.take(session, target, event, NOW)

    issue = db.session.get_one(Issue, issue_id, populate_existing=True)
    assert issue.state == IssueState.PAUSED
    assert issue.paused_reason.startswith("20 readers")
    assert _suppressed() == 0
