"""Several relays: readers shared out by weight, and nobody lost or doubled when one goes away."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter_service.delivery import audience, finish, turn
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import Delivery, Relay, Retry, writing
from newsletter_service.operations import relay_desk
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.workers import workers
from tests.world import World, world


@pytest.fixture
def pair() -> Iterator[tuple[Sink, Sink]]:
    with ExitStack() as stack:
        yield stack.enter_context(Sink()), stack.enter_context(Sink())


@pytest.fixture
def sending(sqlite_url: str, tmp_path: Path, pair: tuple[Sink, Sink]) -> Iterator[World]:
    urls = ",".join(sink.url for sink in pair)
    options = {"batch_size": "100", "retry_seconds": "1"}
    with world(sqlite_url, tmp_path, smtp_url=urls, **options) as made:
        yield made


def readers_of(sink: Sink) -> set[str]:
    return {message.rcpt_to[0] for message in sink.messages}


def name_of(sink: Sink) -> str:
    return f"127.0.0.1:{sink.port}"


def now() -> datetime:
    return datetime.now(UTC)


def send(made: World) -> int:
    issue_id = made.issue()
    audience.expand(issue_id, now())
    turn.take()
    return issue_id


def open_again() -> None:
    with writing() as session:
        session.execute(update(Relay).values(backoff_until_ms=0))
        session.execute(update(Retry).values(due_ms=0))


def test_readers_are_shared_out_by_weight_and_keep_their_relay(
    sending: World, pair: tuple[Sink, Sink]
) -> None:
    first, second = pair
    relay_desk.weigh(name_of(first), 300, "anna")
    sending.readers(400)
    send(sending)
    assert 60 <= len(second.messages) <= 140  # a quarter of 400
    assert len(first.messages) + len(second.messages) == 400
    before = readers_of(first), readers_of(second)
    send(sending)
    assert (readers_of(first), readers_of(second)) == before


def test_p4_a_retry_goes_through_the_same_relay_though_the_weights_have_changed(
    sending: World, pair: tuple[Sink, Sink]
) -> None:
    first, second = pair
    first.behave(Behaviour(rules=[Rule("dot", reply="451 4.3.0 Later", store=True)]))
    relay_desk.weigh(name_of(second), 0, "anna")
    sending.readers(5)
    issue_id = send(sending)
    assert statement(db.session(), issue_id).deferred == 5
    relay_desk.weigh(name_of(second), 1000, "anna")
    relay_desk.weigh(name_of(first), 0, "anna")
    first.behave(Behaviour())
    open_again()
    turn.take()
    assert not second.messages
    assert statement(db.session(), issue_id).accepted == 5
    texts = Counter(message.data for message in first.messages)
    assert set(texts.values()) == {2}  # the same bytes both times


def test_a_retry_takes_the_other_relay_when_its_own_is_paused(
    sending: World, pair: tuple[Sink, Sink]
) -> None:
    first, second = pair
    first.behave(Behaviour(rules=[Rule("dot", reply="451 4.3.0 Later")]))
    second.behave(Behaviour(rules=[Rule("dot", reply="451 4.3.0 Later")]))
    sending.readers(20)
    issue_id = send(sending)
    relay_desk.pause(name_of(first), "anna", "maintenance", now())
    second.behave(Behaviour())
    open_again()
    turn.take()
    assert statement(db.session(), issue_id).accepted == 20
    assert len(second.messages) == 20


@pytest.mark.parametrize("at", ["connect", "mail", "rcpt", "data"])
def test_a_relay_that_closes_is_passed_by_at_once_and_nobody_is_lost_or_doubled(
    sending: World, pair: tuple[Sink, Sink], at: str
) -> None:
    first, _ = pair
    busy = Rule(at, reply="421 4.3.2 Closing", close=True, since=1 if at == "connect" else 10)
    first.behave(Behaviour(rules=[busy]))
    sending.readers(200)
    issue_id = send(sending)
    open_again()
    first.behave(Behaviour())
    turn.take()
    finish.finish(issue_id, now())
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert counted.accepted == 200
    assert counted.state == "sent"
    seen = Counter(m.rcpt_to[0] for sink in pair for m in sink.messages)
    assert len(seen) == 200
    assert set(seen.values()) == {1}
    if at in ("connect", "mail", "rcpt"):
        assert set(db.session.scalars(select(Delivery.tries))) == {1}


def test_two_workers_fail_over_when_a_relay_dies_in_the_middle(
    sending: World, pair: tuple[Sink, Sink]
) -> None:
    first, second = pair
    sending.readers(300)
    issue_id = sending.issue()
    audience.expand(issue_id, now())
    first.behave(Behaviour(rules=[Rule("mail", reply="421 4.3.2 Closing", close=True, since=40)]))
    with workers(sending, 2):
        assert second.wait_until(
            lambda _: len(first.messages) + len(second.messages) >= 300, timeout=30
        )
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert counted.accepted == 300
    assert len(readers_of(first) | readers_of(second)) == 300
