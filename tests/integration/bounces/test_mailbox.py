"""Bounces fetched from real mailboxes: nothing leaves one before it is stored."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from newsletter_service.app import create_app
from newsletter_service.bounces import intake, mailbox
from newsletter_service.bounces.mailbox import Polled
from newsletter_service.bounces.mailbox_sessions import MailboxFault, opened
from newsletter_service.bounces.mailbox_url import MailboxUrl
from newsletter_service.extensions import db
from newsletter_service.models import BounceMailbox, BounceMessage, leases, writing
from tests.dovecot_server import Dovecot
from tests.integration.bounces.conftest import Sent
from tests.integration.bounces.reports import dsn
from tests.world import World, world

READER = "reader3@reader.test"
SCHEMES = ("imaps", "imap", "pops", "pop")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG = b"Subject: x\r\n\r\n" + b"x" * 9000 + b"\r\n.\r\n"


@pytest.fixture
def user(dovecot: Dovecot, request: pytest.FixtureRequest) -> str:
    """A mailbox of this test's own."""
    return f"box{abs(hash(request.node.nodeid))}"


@pytest.fixture
def made(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A world that sent nothing."""
    with world(sqlite_url, tmp_path) as made:
        yield made


@contextmanager
def set_to(made: World, *urls: str) -> Iterator[None]:
    """An installation that fetches from these mailboxes."""
    settings = replace(made.settings, bounce_mailbox_url=urls)
    with create_app(settings).app_context():
        yield


def stored() -> list[BounceMessage]:
    db.session.rollback()
    return list(db.session.scalars(select(BounceMessage).order_by(BounceMessage.id)))


def state() -> BounceMailbox:
    db.session.expire_all()
    return db.session.scalars(select(BounceMailbox)).one()


def test_bounces_are_fetched_over_imap_and_pop_with_and_without_starttls(
    sent: Sent, dovecot: Dovecot, user: str
) -> None:
    for number, scheme in enumerate(SCHEMES, 1):
        reader = f"reader{number}@reader.test"
        dovecot.put(user, dsn(reader, to=sent.sender_of(reader), returned=LONG))
        dovecot.put(user, b"Subject: hello\r\n\r\nNo bounce at all, by %d\r\n" % number)
        with set_to(sent.made, dovecot.url(scheme, user)):
            [polled] = mailbox.poll(NOW, at_once=True)
        assert (polled.error, polled.taken) == ("", 2)
        assert dovecot.left(user) == 0
    for message in stored():
        assert message.source == "mailbox"
        intake.process(message.id, NOW)
    assert set(sent.suppressed()) == {f"reader{number}@reader.test" for number in range(1, 5)}


def test_a_message_that_cannot_be_stored_stays_in_the_mailbox(
    made: World, dovecot: Dovecot, user: str
) -> None:
    dovecot.put(user, dsn(READER))
    refusing = "CREATE TRIGGER refuse BEFORE INSERT ON bounce_message"
    with writing() as session:
        session.execute(text(f"{refusing} BEGIN SELECT RAISE(ABORT, 'no'); END"))
    with set_to(made, dovecot.url("imaps", user)):
        [polled] = mailbox.poll(NOW)
        assert polled.error == "not stored: IntegrityError"
        assert dovecot.left(user) == 1
        assert not stored()
        with writing() as session:
            session.execute(text("DROP TRIGGER refuse"))
        [polled] = mailbox.poll(NOW, at_once=True)
    assert (polled.taken, dovecot.left(user), len(stored())) == (1, 0, 1)


def break_off(url: MailboxUrl) -> None:
    """Store a message and end there; what POP was told to remove is not removed then."""
    with opened(url) as box:
        [waiting] = box.waiting((), 10)
        intake.store(box.read(waiting), "", "mailbox", NOW)
        box.remove([waiting] if url.protocol == "pop" else [])
        raise KeyboardInterrupt


@pytest.mark.parametrize("scheme", ["imaps", "pops"])
def test_broken_off_between_storing_and_removing_it_counts_once(
    made: World, dovecot: Dovecot, user: str, scheme: str
) -> None:
    raw = dsn(READER)
    dovecot.put(user, raw)
    with set_to(made, dovecot.url(scheme, user)):
        with pytest.raises(KeyboardInterrupt):
            break_off(mailbox.urls_now()[0])
        assert dovecot.left(user) == 1
        [polled] = mailbox.poll(NOW)
    assert (polled.taken, dovecot.left(user), len(stored())) == (1, 0, 1)


@pytest.mark.parametrize("scheme", ["imaps", "pops"])
def test_what_is_too_large_stays_and_is_not_fetched_again(
    made: World, dovecot: Dovecot, user: str, scheme: str
) -> None:
    dovecot.put(user, b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n" * intake.LARGEST)
    dovecot.put(user, dsn(READER))
    with set_to(made, dovecot.url(scheme, user)):
        [first] = mailbox.poll(NOW)
        [second] = mailbox.poll(NOW, at_once=True)
    assert (first.taken, second.taken, dovecot.left(user)) == (1, 0, 1)
    assert first.left == second.left == state().left_uids
    assert len(first.left) == 1


def test_one_process_at_a_time_looks_into_a_mailbox(
    made: World, dovecot: Dovecot, user: str
) -> None:
    with set_to(made, dovecot.url("imaps", user)):
        [url] = mailbox.urls_now()
        assert leases.hold(db.engine, mailbox.lease_of(url), "another", 60_000)
        assert mailbox.poll(NOW) == []
        leases.let_go(db.engine, mailbox.lease_of(url), "another")
        assert [each.error for each in mailbox.poll(NOW)] == [""]


def test_a_mailbox_is_looked_into_every_minute_and_a_failing_one_ever_more_seldom(
    made: World, dovecot: Dovecot, user: str
) -> None:
    minute = timedelta(minutes=1)
    with set_to(made, dovecot.url("imaps", user)):
        assert mailbox.any_due(NOW)
        mailbox.poll(NOW)
        assert not mailbox.any_due(NOW + minute / 2)
        assert mailbox.poll(NOW + minute / 2) == []
        assert mailbox.any_due(NOW + minute)
    wrong = dovecot.url("imaps", user).replace(":hemligt", ":fel")
    with set_to(made, wrong):
        for _ in range(2):
            [polled] = mailbox.poll(NOW, at_once=True)
        assert polled.error.startswith("login: ")
        assert state().failures == 2
        assert not mailbox.any_due(NOW + 3 * minute)
        assert mailbox.any_due(NOW + 4 * minute)


def test_a_long_mailbox_is_emptied_in_parts(made: World, dovecot: Dovecot, user: str) -> None:
    for number in range(5):
        dovecot.put(user, b"Subject: %d\r\n\r\nhello\r\n" % number)
    for scheme in ("imaps", "pops"):
        with opened(MailboxUrl.parse(dovecot.url(scheme, user))) as box:
            some = box.waiting((), 3)
            rest = box.waiting([each.uid for each in some], 10)
        assert (len(some), len(rest)) == (3, 2)


Answer = Callable[[bytes], bytes]


@contextmanager
def server(greeting: bytes, answer: Answer) -> Iterator[int]:
    """A server of one connection that answers each line as a test wants; its port."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb", buffering=0) as lines:
            lines.write(greeting)
            try:
                while line := lines.readline():
                    lines.write(answer(line))
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def imap_that_sends_without_end(line: bytes) -> bytes:
    tag, _, command = line.strip().partition(b" ")
    done = tag + b" OK done\r\n"
    if command.startswith(b"SELECT"):
        return b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n" + done
    if command.startswith(b"CAPABILITY"):
        return b"* CAPABILITY IMAP4rev1\r\n" + done
    if command.startswith(b"FETCH"):
        return b"* 1 FETCH (UID 1 RFC822.SIZE 10)\r\n" + done
    if command.startswith(b"UID FETCH"):
        return b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n"
    return done


def pop_that_sends_without_end(line: bytes) -> bytes:
    is_list = line.startswith((b"LIST", b"UIDL"))
    return b"+OK\r\n" + (b"1 " + b"x" * 60 + b"\r\n") * (80_000 if is_list else 0)


@pytest.mark.parametrize(
    ("scheme", "greeting", "answer"),
    [
        ("imap", b"* OK hello\r\n", imap_that_sends_without_end),
        ("pop", b"+OK hello\r\n", pop_that_sends_without_end),
    ],
)
def test_a_server_that_sends_without_end_is_left(
    scheme: str, greeting: bytes, answer: Answer
) -> None:
    with server(greeting, answer) as port:
        url = MailboxUrl.parse(f"{scheme}://me:secret@127.0.0.1:{port}?tls=none")
        with pytest.raises(MailboxFault, match="more than was asked"), opened(url, 10) as box:
            box.read(box.waiting((), 10)[0])


def test_nothing_is_polled_where_no_mailbox_is_set(made: World) -> None:
    assert not mailbox.any_due(NOW)
    assert mailbox.poll(NOW, at_once=True) == []
    assert Polled("x").error == ""
