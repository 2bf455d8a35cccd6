"""Rates and connections that all workers share, counted at the server that takes the mail."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import insert, select, update

from newsletter_service import notices
from newsletter_service.delivery import audience, finish, shares, turn
from newsletter_service.delivery import notices as sending_notices
from newsletter_service.delivery.shares import Limit
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    Destination,
    DestinationGroup,
    Notice,
    Relay,
    Retry,
    Share,
    ledger,
    writing,
)
from newsletter_service.operations import relay_desk
from tests.smtp_sink import Behaviour, Message, Rule, Sink
from tests.workers import workers
from tests.world import World, world

RATE = 100.0


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def sending(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    options = {"batch_size": "40", "retry_seconds": "1", "smtp_connections": "6"}
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, **options) as made:
        yield made


@pytest.fixture
def shared(any_database_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    options = {"batch_size": "40", "smtp_connections": "6"}
    with world(any_database_url, tmp_path, smtp_url=smtp_sink.url, **options) as made:
        yield made


def relay_name(sink: Sink) -> str:
    return f"127.0.0.1:{sink.port}"


def ready(made: World, readers: int, domain: str = "reader.test") -> int:
    made.readers(readers, domain)
    issue_id = made.issue()
    audience.expand(issue_id, now())
    return issue_id


def busiest(messages: list[Message], seconds: float = 1.0) -> int:
    """The most messages that were received within so many seconds."""
    times = sorted(message.received for message in messages)
    return max(
        (sum(begin <= moment < begin + seconds for moment in times) for begin in times), default=0
    )


def test_two_workers_on_one_rate_do_not_exceed_it_and_use_it(
    shared: World, smtp_sink: Sink
) -> None:
    relay_desk.limit(relay_name(smtp_sink), RATE, None, "anna")
    issue_id = ready(shared, 150)
    with workers(shared, 2):
        assert smtp_sink.wait_until(lambda sink: len(sink.messages) == 150, timeout=40)
    assert busiest(smtp_sink.messages) <= RATE + 6  # a twentieth of a second's worth for each
    assert busiest(smtp_sink.messages) >= RATE / 2
    assert statement(db.session(), issue_id).accepted == 150


def test_p1_flushing_the_queue_server_unleashes_no_flood(
    sqlite_url: str, tmp_path: Path, smtp_sink: Sink, valkey_url: str
) -> None:
    options = {"smtp_url": smtp_sink.url, "redis_url": valkey_url, "batch_size": "40"}
    with world(sqlite_url, tmp_path, **options) as made, Redis.from_url(valkey_url) as client:
        relay_desk.limit(relay_name(smtp_sink), RATE, None, "anna")
        ready(made, 120)
        with workers(made, 2):
            for number in (30, 60, 120):
                assert smtp_sink.wait_until(lambda sink, n=number: len(sink.messages) >= n, 30)
                client.flushall()
    assert busiest(smtp_sink.messages) <= RATE + 6
    assert set(Counter(m.rcpt_to[0] for m in smtp_sink.messages).values()) == {1}


def test_a_worker_that_loses_the_database_keeps_its_last_share(
    sqlite_url: str, tmp_path: Path, smtp_sink: Sink
) -> None:
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, batch_size="200") as made:
        relay_desk.limit(relay_name(smtp_sink), RATE, None, "anna")
        ready(made, 120)
        with workers(made, 1):
            assert smtp_sink.wait_until(lambda sink: len(sink.messages) > 20)
            with closing(sqlite3.connect(made.settings.database_url.partition("///")[2])) as away:
                away.execute("BEGIN EXCLUSIVE")
                seen = len(smtp_sink.messages)
                time.sleep(1.3)  # longer than the workers' look-out
                assert len(smtp_sink.messages) <= seen + 10  # at most what had passed the gate
                away.rollback()
            assert smtp_sink.wait_until(lambda sink: len(sink.messages) == 120, timeout=30)
    assert busiest(smtp_sink.messages) <= RATE + 12  # one that waited at the gate on each lane


def test_a_limit_on_connections_holds_for_all_workers_with_one_kept_for_confirmations(
    shared: World, smtp_sink: Sink
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("dot", delay=0.01)]))
    relay_desk.limit(relay_name(smtp_sink), None, 4, "anna")
    ready(shared, 120)
    most = 0
    with workers(shared, 2):
        deadline = time.monotonic() + 30
        while len(smtp_sink.messages) < 120 and time.monotonic() < deadline:
            most = max(most, sum(not session.closed for session in smtp_sink.sessions))
            time.sleep(0.002)
    assert len(smtp_sink.messages) == 120
    assert 2 <= most <= 3


def test_who_gets_less_keeps_what_it_uses_until_it_has_parted_from_it(
    sqlite_url: str, tmp_path: Path
) -> None:
    limit = Limit("relay:1", 0.0, 4)
    with world(sqlite_url, tmp_path), ledger(db.engine) as connection:
        assert shares.lease(connection, "a", [limit])["relay:1"].connections == 3
        assert shares.lease(connection, "b", [limit])["relay:1"].connections == 0
        assert shares.lease(connection, "a", [limit], {"relay:1": 3})["relay:1"].connections == 2
        assert shares.lease(connection, "b", [limit])["relay:1"].connections == 0
        assert shares.lease(connection, "a", [limit], {"relay:1": 2})["relay:1"].connections == 2
        assert shares.lease(connection, "b", [limit])["relay:1"].connections == 1


def test_shares_never_add_up_to_more_than_the_limit(sqlite_url: str, tmp_path: Path) -> None:
    limit = Limit("relay:1", 100.0, 10)
    with world(sqlite_url, tmp_path):
        for owner in ("a", "b", "c", "notices:d", "a", "b", "c", "notices:d", "a", "b"):
            with ledger(db.engine) as connection:
                shares.lease(connection, owner, [limit])
                held = connection.execute(select(Share.owner, Share.rate, Share.connections)).all()
            issues = [share for share in held if not share.owner.startswith("notices:")]
            assert sum(share.rate for share in held) <= 100 + 1e-6
            assert sum(share.rate for share in issues) <= 90 + 1e-6
            assert sum(share.connections for share in held) <= 10
            assert sum(share.connections for share in issues) <= 9
        assert {round(share.rate) for share in issues} == {30}
        (notice,) = (share for share in held if share.owner.startswith("notices:"))
        assert round(notice.rate) == 10
        assert notice.connections == 1
        with ledger(db.engine) as connection:  # the others are dead, what they held falls free
            connection.execute(update(Share).values(until_ms=0))
            alone = shares.lease(connection, "a", [limit])["relay:1"]
        assert alone.rate == pytest.approx(90)
        assert alone.connections == 9


def in_group(domain: str, name: str, **limits: float) -> None:
    with writing() as session:
        values = {"domain": domain, "group_name": name, "looked_at": now()}
        session.execute(insert(Destination).values(values))
        session.add(DestinationGroup(name=name, **limits))


def of(sink: Sink, domain: str) -> list[Message]:
    return [m for m in sink.messages if m.rcpt_to[0].endswith("@" + domain)]


def test_a_limited_group_holds_up_nobody_else(sending: World, smtp_sink: Sink) -> None:
    in_group("big.test", "google", rate_per_second=30.0)
    sending.readers(40, "big.test")
    ready(sending, 120)
    with workers(sending, 2):
        assert smtp_sink.wait_until(lambda sink: len(of(sink, "reader.test")) == 120, timeout=30)
        slow_ones = len(of(smtp_sink, "big.test"))
        assert slow_ones < 40
        assert smtp_sink.wait_until(lambda sink: len(of(sink, "big.test")) == 40, timeout=60)
    assert busiest(of(smtp_sink, "big.test")) <= 30 + 4


def test_r_1_21_a_group_that_says_4_7_is_left_alone_slowed_down_and_recovers_by_steps(
    sending: World, smtp_sink: Sink
) -> None:
    in_group("big.test", "microsoft")
    reply = "451 4.7.650 The mail server has been temporarily rate limited"
    smtp_sink.behave(Behaviour(rules=[Rule("rcpt", recipient="*@big.test", reply=reply)]))
    sending.readers(80, "big.test")
    issue_id = ready(sending, 80)
    turn.take()
    group = db.session.get_one(DestinationGroup, "microsoft")
    assert group.slowed == 0.5
    assert group.failures == 1
    assert group.backoff_until_ms > time.time() * 1000
    assert len(of(smtp_sink, "reader.test")) == 80
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert 1 <= counted.deferred <= 20  # the others of the group were not even tried
    smtp_sink.behave(Behaviour())
    speeds = []
    for _ in range(8):
        with writing() as session:
            calm = {"backoff_until_ms": 0, "slowed_at_ms": 0}
            session.execute(update(DestinationGroup).values(calm))
            session.execute(update(Batch).values(not_before_ms=0))
            session.execute(update(Retry).values(due_ms=0))
        turn.take()
        db.session.expire_all()
        speeds.append(db.session.get_one(DestinationGroup, "microsoft").slowed)
        db.session.rollback()
    assert speeds[0] == 0.625
    assert speeds[-1] == 1.0
    assert speeds == sorted(speeds)
    finish.finish(issue_id, now())
    assert statement(db.session(), issue_id).accepted == 160
    assert set(Counter(m.rcpt_to[0] for m in smtp_sink.messages).values()) == {1}


def test_a_storm_of_421_slows_the_relay_loses_nobody_and_passes(
    sending: World, smtp_sink: Sink
) -> None:
    smtp_sink.behave(
        Behaviour(rules=[Rule("mail", reply="421 4.3.2 Too many connections", close=True)])
    )
    issue_id = ready(sending, 100)
    for _ in range(3):
        turn.take()
        with writing() as session:
            session.execute(update(Relay).values(backoff_until_ms=0, slowed_at_ms=0))
            session.execute(update(Batch).values(not_before_ms=0))
    relay = db.session.scalars(select(Relay).where(Relay.name != "sandbox")).one()
    slowest = relay.slowed
    assert slowest < 0.4
    assert relay.failures == 3
    db.session.rollback()
    smtp_sink.behave(Behaviour())
    turn.take()
    finish.finish(issue_id, now())
    counted = statement(db.session(), issue_id)
    assert counted.accepted == 100
    assert counted.state == "sent"
    db.session.expire_all()
    relay = db.session.scalars(select(Relay).where(Relay.name != "sandbox")).one()
    assert slowest < relay.slowed <= 1
    assert relay.failures == 0


def confirm(made: World, number: int) -> float:
    """Ask for a confirmation and send it; seconds until the relay had it."""
    with writing() as session:
        notices.ask(
            session,
            "confirmation",
            subject=f"subscription:{number}",
            purpose_key="first",
            address=f"anna{number}@visitor.test",
            locale="sv",
            now=now(),
            values={},
            list_id=made.list_id,
            secret="secret",
            expires_at=now() + timedelta(days=7),
        )
    began = time.monotonic()
    sending_notices.send_due()
    return time.monotonic() - began


def test_p6_confirmations_pass_a_bulk_send_that_uses_up_the_limits(
    shared: World, smtp_sink: Sink
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("dot", delay=0.01)]))
    relay_desk.limit(relay_name(smtp_sink), RATE, 3, "anna")
    ready(shared, 150)
    delays = []
    with workers(shared, 2):
        assert smtp_sink.wait_until(lambda sink: len(sink.messages) > 20)
        for number in range(5):
            delays.append(confirm(shared, number))
            assert not db.session.scalars(select(Notice).where(Notice.state != "accepted")).all()
            db.session.rollback()
        assert len(smtp_sink.messages) < 150  # the issue was under way all the time
        assert smtp_sink.wait_until(lambda sink: len(sink.messages) == 155, timeout=30)
    assert max(delays) < 2
    assert busiest(smtp_sink.messages) <= RATE + 9
