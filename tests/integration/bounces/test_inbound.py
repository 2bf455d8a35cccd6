"""The listener takes mail for our return addresses only, and answers once it is stored."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter_service import inbound
from newsletter_service.app import create_app
from newsletter_service.bounces import intake
from newsletter_service.extensions import db
from newsletter_service.models import BounceMessage
from tests.integration.bounces.conftest import Sent
from tests.integration.bounces.reports import dsn
from tests.servers import eventually, free_port, listens

READER = "reader3@reader.test"


@contextmanager
def listening(sent: Sent, **changes: object) -> Iterator[int]:
    """A listener in a thread; its port."""
    port = free_port()
    settings = replace(sent.made.settings, inbound_listen=("127.0.0.1", port), **changes)
    stopping = threading.Event()
    thread = threading.Thread(target=inbound.serve, args=(create_app(settings), stopping))
    thread.start()
    try:
        assert eventually(lambda: listens(port))
        yield port
    finally:
        stopping.set()
        thread.join(15)
        assert not thread.is_alive()


@pytest.fixture
def port(sent: Sent) -> Iterator[int]:
    with listening(sent) as port:
        yield port


@contextmanager
def client(port: int) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as session:
        session.ehlo("mx.elsewhere.test")
        yield session


def stored() -> list[BounceMessage]:
    db.session.rollback()
    return list(db.session.scalars(select(BounceMessage)))


def test_a_bounce_is_stored_before_it_is_answered_for(sent: Sent, port: int) -> None:
    to = sent.sender_of(READER)
    with client(port) as session:
        assert session.sendmail("", [to], dsn(READER)) == {}
        [kept] = stored()
    assert kept.envelope_to == to
    assert kept.source == "listener"
    intake.process(kept.id, datetime.now(UTC))
    assert sent.suppressed() == {READER: "hard_bounce"}


def test_r_2_24_an_upper_cased_token_is_taken(sent: Sent, port: int) -> None:
    with client(port) as session:
        session.sendmail("", [sent.sender_of(READER).upper()], dsn(READER))
    [kept] = stored()
    intake.process(kept.id, datetime.now(UTC))
    assert sent.suppressed() == {READER: "hard_bounce"}


@pytest.mark.parametrize(
    "address",
    [
        "b+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@{domain}",
        "postmaster@{domain}",
        "b+@{domain}",
        "{token}@elsewhere.test",
        "reader1@reader.test",
    ],
)
def test_any_other_address_is_refused_at_rcpt(sent: Sent, port: int, address: str) -> None:
    genuine, _, domain = sent.sender_of(READER).partition("@")
    with client(port) as session:
        session.mail("")
        code, _ = session.rcpt(address.format(domain=domain, token=genuine))
    assert code == 550
    assert not stored()


def test_a_second_recipient_waits_for_the_next_transaction(sent: Sent, port: int) -> None:
    with client(port) as session:
        session.mail("")
        assert session.rcpt(sent.sender_of(READER))[0] == 250
        assert session.rcpt(sent.sender_of("reader1@reader.test"))[0] == 452


def test_lmtp_is_spoken_too(sent: Sent, port: int) -> None:
    with smtplib.LMTP("127.0.0.1", port) as session:
        session.sendmail("", [sent.sender_of(READER)], dsn(READER))
    assert len(stored()) == 1


def test_a_message_above_the_limit_is_refused_and_the_session_lives(sent: Sent, port: int) -> None:
    too_much = b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n"
    too_much += (b"y" * 70 + b"\r\n") * (intake.LARGEST // 72)
    with client(port) as session:
        session.mail("")
        session.rcpt(sent.sender_of(READER))
        assert session.data(too_much)[0] == 552
        session.sendmail("", [sent.sender_of(READER)], dsn(READER))
    assert len(stored()) == 1


def test_long_lines_of_a_returned_message_are_taken(sent: Sent, port: int) -> None:
    long = b"Subject: x\r\n\r\n" + b"x" * 50_000 + b"\r\n"
    with client(port) as session:
        session.sendmail("", [sent.sender_of(READER)], long)
    assert len(stored()) == 1


def test_a_database_that_fails_leaves_the_message_with_its_sender(
    sent: Sent, tmp_path: Path
) -> None:
    nowhere = f"sqlite:///{tmp_path / 'missing' / 'none.db'}"
    with listening(sent, database_url=nowhere) as port, client(port) as session:
        session.mail("")
        session.rcpt(sent.sender_of(READER))
        assert session.data(dsn(READER))[0] == 451
    assert not stored()


def test_too_many_connections_are_told_to_come_again(sent: Sent, port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(inbound.MOST_CONNECTIONS)]
    try:
        assert eventually(lambda: _greeting(port).startswith("421"))
    finally:
        for each in held:
            each.close()
    assert eventually(lambda: _greeting(port).startswith("220"))


def _greeting(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as each:
        return each.recv(200).decode()
