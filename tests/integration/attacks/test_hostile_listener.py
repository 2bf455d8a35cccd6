"""The listener for bounces among those who mean harm: it stores what is ours and lives on."""

import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter_service import inbound
from newsletter_service.app import create_app
from newsletter_service.bounces import intake
from newsletter_service.delivery import audience
from newsletter_service.extensions import db
from newsletter_service.mail import return_path
from newsletter_service.models import BounceEvent, BounceMessage, Suppression
from newsletter_service.tokens import LinkKeys, delivery_token
from tests.integration.attacks.town import differences, dump
from tests.servers import eventually, free_port, listens
from tests.world import World, world


@pytest.fixture
def made(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as built:
        yield built


@contextmanager
def listening(made: World) -> Iterator[int]:
    """A listener in a thread; its port."""
    port = free_port()
    settings = replace(made.settings, inbound_listen=("127.0.0.1", port))
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


def ours(made: World, n: int = 1) -> str:
    """A return address of ours, for a delivery that need not exist."""
    token = delivery_token(LinkKeys(made.settings.link_keys), 1, n)
    return return_path.address(token, made.settings.bounce_domain)


def stored() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(BounceMessage)) or 0


def still_works(made: World, port: int) -> bool:
    """Whether an honest sender is served within seconds."""
    before = stored()
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as session:
        body = f"Subject: {time.monotonic_ns()}\r\n\r\nx\r\n"
        session.sendmail("", [ours(made)], body)
    return stored() == before + 1


def talk(port: int, said: bytes, *, seconds: float = 2.0) -> bytes:
    """Say something at once and hear what comes back until silence."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        try:
            line.sendall(said)
            while piece := line.recv(65536):
                heard += piece
        except OSError:
            pass
    return heard


GARBAGE = (
    b"\0" * 10_000 + b"\r\n",
    b"\xff\xfe\xfd" * 1000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"EHLO " + b"x" * 300_000 + b"\r\n",
    b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<" + b"a" * 100_000 + b"@x>\r\n",
    b"EHLO x\r\nMAIL FROM:<\r\n.\r\n>\r\nDATA\r\n.\r\nQUIT\r\n",
    b"\r\n" * 50_000,
    b"STARTTLS\r\nAUTH PLAIN AGEAYg==\r\nVRFY root\r\nEXPN list\r\nETRN x\r\nTURN\r\n",
    b"EHLO x\r\nMAIL FROM:<> SIZE=99999999999\r\n",
    b"LHLO x\r\nDATA\r\nhello\r\n.\r\n",
    b"no end of line",
)


def test_garbage_is_answered_or_dropped_and_the_next_sender_is_served(made: World) -> None:
    with listening(made) as port:
        before = dump()
        for said in GARBAGE:
            heard = talk(port, said, seconds=1.0)
            assert b"Traceback" not in heard
            assert b"250 2.0.0" not in heard
        assert differences(before, dump()) == []
        assert still_works(made, port)


def test_it_relays_nothing_and_takes_forged_tokens_from_nobody(made: World) -> None:
    genuine = ours(made)
    local, _, domain = genuine.partition("@")
    forged = [
        "victim@reader.test",
        f"{local}@reader.test",
        f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}",
        f"postmaster@{domain}",
        f"{local}%reader.test@{domain}",
        f'"{local} "@{domain}',
        f"b+@{domain}",
        f"{local}@{domain}.evil.test",
    ]
    with listening(made) as port, smtplib.SMTP("127.0.0.1", port, timeout=10) as session:
        session.ehlo("x")
        session.mail("")
        for address in forged:
            code, _said = session.docmd(f"RCPT TO:<{address}>")
            assert 500 <= code < 560, address
        assert session.rcpt(genuine)[0] == 250
        assert session.rcpt(ours(made, 2))[0] == 452


def test_a_smuggled_second_message_is_none(made: World) -> None:
    """A bare line feed ends no message (the smuggling of 2023)."""
    to = ours(made).encode()
    with listening(made) as port:
        said = (
            b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<%b>\r\nDATA\r\nSubject: a\r\n\r\nfirst\n.\r\n"
            b"MAIL FROM:<>\r\nRCPT TO:<%b>\r\nDATA\r\nSubject: b\r\n\r\nsmuggled\r\n.\r\nQUIT\r\n"
        )
        talk(port, said % (to, to), seconds=3.0)
        assert stored() <= 1


def test_what_is_too_large_is_refused_and_not_kept(made: World) -> None:
    with listening(made) as port:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as session:
            huge = b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 3000
            with pytest.raises((smtplib.SMTPException, OSError)):
                session.sendmail("", [ours(made)], huge)
        assert stored() == 0
        assert still_works(made, port)


def test_a_hundred_who_say_nothing_keep_nobody_out(made: World) -> None:
    with listening(made) as port, ExitStack() as idle:
        for _ in range(100):
            idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        assert still_works(made, port)


def test_whoever_goes_away_in_the_middle_leaves_nothing_behind(made: World) -> None:
    with listening(made) as port:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                head = f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{ours(made)}>\r\nDATA\r\nhalf a"
                line.sendall(head.encode())
        assert stored() == 0
        assert still_works(made, port)


DSN = """From: mailer-daemon@mx.test
To: {to}
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.test

Final-Recipient: rfc822; reader1@reader.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--b--
"""


def judged(raw: bytes, envelope_to: str) -> None:
    message_id = intake.store(raw, envelope_to, "test", datetime.now(UTC))
    intake.process(message_id, datetime.now(UTC))
    db.session.rollback()


def count(model: type[BounceEvent] | type[Suppression]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_bounce_that_names_a_reader_without_a_token_of_ours_changes_nothing(made: World) -> None:
    made.readers(1)
    forged = ours(made).replace("b+a", "b+b")
    for to in ("reader1@reader.test", "", forged, "b+x@bounce.test"):
        judged(DSN.format(to=to).encode(), to)
    assert (count(BounceEvent), count(Suppression)) == (0, 0)


def test_a_bounce_that_comes_again_and_again_counts_once(made: World) -> None:
    made.readers(1)
    issue_id = made.issue()
    audience.expand(issue_id, datetime.now(UTC))
    token = delivery_token(LinkKeys(made.settings.link_keys), issue_id, 1)
    to = return_path.address(token, made.settings.bounce_domain)
    raw = DSN.format(to=to).encode()
    for _ in range(5):
        judged(raw, to)
        judged(raw.replace(b"\n", b"\r\n"), to.upper())
    assert count(BounceEvent) == 1
