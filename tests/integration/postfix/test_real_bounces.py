"""Through real servers: what they return ends as the right verdict on the right subscriber."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from newsletter_service import inbound
from newsletter_service.app import create_app
from newsletter_service.bounces import intake
from newsletter_service.delivery import audience, finish, turn
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import (
    BounceEvent,
    BounceMessage,
    BounceState,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    writing,
)
from tests.exim_server import Exim
from tests.postfix_server import Postfix
from tests.servers import eventually, free_port, listens
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World, world

pytestmark = pytest.mark.postfix

KNOWN = "anna@reader.test"
UNKNOWN = {f"reader{number}@reader.test" for number in range(1, 4)}


@pytest.fixture
def relayed(postfix: Postfix, any_database_url: str, tmp_path: Path) -> Iterator[World]:
    """A world whose relay is Postfix and whose listener Postfix hands bounces to."""
    with listening(postfix, any_database_url, tmp_path) as made:
        yield made


@contextmanager
def listening(server: Postfix | Exim, database_url: str, place: Path) -> Iterator[World]:
    """A world whose relay is this server, which hands what comes back to our listener."""
    port = free_port()
    with world(
        database_url, place, smtp_url=server.url, inbound_listen=f"127.0.0.1:{port}"
    ) as made:
        server.route(made.settings.bounce_domain, port)
        stopping = threading.Event()
        listener = threading.Thread(
            target=inbound.serve, args=(create_app(made.settings), stopping)
        )
        listener.start()
        try:
            assert eventually(lambda: listens(port))
            yield made
        finally:
            stopping.set()
            listener.join(15)


def add_reader(made: World, address: str) -> None:
    then = datetime(2026, 1, 1, tzinfo=UTC)
    with writing() as session:
        row = made._reader(address, then)
        reader_id = session.scalars(insert(Subscriber).returning(Subscriber.id), [row]).one()
        session.add(
            Subscription(
                subscriber_id=reader_id,
                list_id=made.list_id,
                state=SubscriptionState.CONFIRMED,
                handle=reader_id.to_bytes(16, "big"),
                created_at=then,
                confirmed_at=then,
                legal_basis="consent",
            )
        )


def came_back() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(BounceMessage)) or 0


def test_unknown_users_end_as_hard_bounces_on_the_right_subscribers(relayed: World) -> None:
    relayed.readers(len(UNKNOWN))
    add_reader(relayed, KNOWN)
    issue_id = relayed.issue()
    audience.expand(issue_id, datetime.now(UTC))
    turn.take()
    finish.finish(issue_id, datetime.now(UTC))

    assert statement(db.session(), issue_id).accepted == 4
    assert eventually(lambda: came_back() == len(UNKNOWN), 60)
    for message_id in db.session.scalars(select(BounceMessage.id)).all():
        intake.process(message_id, datetime.now(UTC))

    states = set(db.session.scalars(select(BounceMessage.state)))
    assert states == {BounceState.PROCESSED}
    assert set(db.session.scalars(select(BounceEvent.kind))) == {"hard"}
    suppressed = db.session.execute(
        select(Subscriber.address, Suppression.reason).join(
            Suppression, Suppression.address_key == Subscriber.address_key
        )
    ).all()
    assert {tuple(row) for row in suppressed} == {(each, "hard_bounce") for each in UNKNOWN}
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert (counted.audience, counted.accepted, counted.bounced) == (4, 4, 3)


# What comes back for each, and what it means; only what does not exist is suppressed.
MEANT = {
    "ingen-alls@reader.test": ("hard", "userunknown"),
    "full@reader.test": ("soft", "mailboxfull"),
    "karin@spam.test": ("soft", "spamdetected"),
}
# Exim says that it gave up, Postfix only what it was told last.
GAVE_UP = {"exim": ("soft", "expired"), "postfix": ("soft", "onhold")}
MISCHIEF = [
    Rule(at="dot", recipient="*@spam.test", reply="550 5.7.1 The message was rejected as spam"),
    Rule(at="rcpt", recipient="*@busy.test", reply="451 4.3.0 Try again later"),
]


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_real_servers_bounces_mean_what_happened(
    name: str, request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path
) -> None:
    """Unknown user, full mailbox, refused content, and deferred until it expired."""
    server: Postfix | Exim = request.getfixturevalue(name)
    with Sink(Behaviour(rules=MISCHIEF)) as far, listening(server, sqlite_url, tmp_path) as made:
        for domain in ("spam.test", "busy.test"):
            server.route(domain, int(far.url.rpartition(":")[2].partition("?")[0]))
        meant = MEANT | {"olle@busy.test": GAVE_UP[name]}
        for address in meant:
            add_reader(made, address)
        issue_id = made.issue()
        audience.expand(issue_id, datetime.now(UTC))
        turn.take()

        assert eventually(lambda: came_back() == len(meant), 90), server.log()[-3000:]
        for message_id in db.session.scalars(select(BounceMessage.id)).all():
            intake.process(message_id, datetime.now(UTC))

        found = {
            row.address: (row.kind, row.reason)
            for row in db.session.execute(
                select(Subscriber.address, BounceEvent.kind, BounceEvent.reason).join(
                    BounceEvent, BounceEvent.subscriber_id == Subscriber.id
                )
            )
        }
        assert found == meant
        assert db.session.scalars(select(Suppression.reason)).all() == ["hard_bounce"]
