"""The mail sandbox keeps what it takes, as a process, and bounces whom it is told to."""

import email
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from newsletter_service.embedded.sandbox import SandboxSettings
from newsletter_service.embedded.sandbox_bounce import BounceTarget
from newsletter_service.embedded.sandbox_store import Sandbox
from tests.smtp_sink import Behaviour, Rule, Sink

MAIL = (
    b"From: news@news.test\r\nTo: anna@example.org\r\n"
    b"Subject: =?utf-8?q?V=C3=A5rbrev?=\r\nMessage-ID: <1@news.test>\r\n\r\n.\r\nHej\r\n..\r\n"
)
RETURN = "b+token@bounce.test"


class Recipients:
    """Remembers to whom an LMTP client sent."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 Ok"


class LmtpListener(Controller):
    """An LMTP server as the service's own listener is one, on a free port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        super().__init__(Recipients(), hostname="127.0.0.1", port=port)

    def factory(self) -> LMTP:
        return LMTP(self.handler)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[int]:
    """Run the sandbox as `up` does; yields its port and expects a clean end on SIGTERM."""
    command = [sys.executable, "-m", "newsletter_service.embedded.sandbox", "--dir", str(folder)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        try:
            yield int(line.split()[-1])
        finally:
            process.terminate()
            assert process.wait(10) == 0


def hand_over(port: int, *recipients: str, sender: str = RETURN, data: bytes = MAIL) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail(sender, recipients, data)


def eventually(condition: Callable[[], bool], seconds: float = 8) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_a_mail_is_kept_byte_for_byte_with_its_envelope(tmp_path: Path) -> None:
    with running(tmp_path) as port:
        hand_over(port, "anna@example.org", "bo@example.org")
        [mail] = Sandbox(tmp_path).list()
    assert mail.raw == MAIL
    assert mail.path.suffix == ".eml"
    assert (mail.sender, mail.recipients) == (RETURN, ("anna@example.org", "bo@example.org"))
    assert mail.subject == "Vårbrev"
    assert mail.size == len(MAIL)
    assert abs(datetime.now(UTC) - mail.received_at) < timedelta(seconds=30)


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        with running(tmp_path) as port:
            hand_over(port, "anna@example.org")
    assert Sandbox(tmp_path).count() == 2


def test_mails_are_found_by_recipient_and_subject_and_paged(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    for n in range(5):
        raw = f"Subject: Nr {n}\r\n\r\n".encode()
        sandbox.add("b@x.test", [f"r{n % 2}@Example.org"], raw, now)
    assert sandbox.count() == 5
    assert [m.subject for m in sandbox.list(limit=2)] == ["Nr 4", "Nr 3"]
    assert [m.subject for m in sandbox.list(limit=2, before=4)] == ["Nr 2", "Nr 1"]
    assert [m.subject for m in sandbox.search(to=" R1@example.ORG ")] == ["Nr 3", "Nr 1"]
    assert [m.subject for m in sandbox.search(subject="nr 2")] == ["Nr 2"]
    assert sandbox.search(to="r1", subject="%") == []
    first = sandbox.get(1)
    assert first is not None
    assert first.received_at == now
    assert sandbox.get(99) is None


def test_a_chosen_address_bounces_by_a_delivery_report(tmp_path: Path) -> None:
    with Sink() as listener:
        to = f"smtp://127.0.0.1:{listener.port}"
        options = ("--bounce", "Studsar@example.org", "--bounce-to", to, "--bounce-delay", "0.05")
        with running(tmp_path, *options) as port:
            hand_over(port, "anna@example.org", "studsar@example.org")
            assert eventually(lambda: Sandbox(tmp_path).due_bounces() == [])
        [report] = listener.messages
        assert not listener.faults
    assert (report.mail_from, report.rcpt_to) == ("", [RETURN])
    parsed = email.message_from_bytes(report.data)
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    text, status, header = parsed.get_payload()
    assert [part.get_content_type() for part in (text, status, header)] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    reader = status.get_payload()[1]
    assert reader["Final-Recipient"] == "rfc822; studsar@example.org"
    assert (reader["Action"], reader["Status"]) == ("failed", "5.1.1")
    assert "Message-ID: <1@news.test>" in header.get_payload()
    assert Sandbox(tmp_path).count() == 1


def test_a_report_may_go_by_lmtp(tmp_path: Path) -> None:
    listener = LmtpListener()
    listener.start()
    to = f"lmtp://127.0.0.1:{listener.server.sockets[0].getsockname()[1]}"
    options = ("--bounce", "studsar@example.org", "--bounce-to", to, "--bounce-delay", "0.05")
    try:
        with running(tmp_path, *options) as port:
            hand_over(port, "studsar@example.org")
            assert eventually(lambda: Sandbox(tmp_path).due_bounces() == [])
    finally:
        listener.stop()
    assert listener.handler.recipients == [RETURN]


def test_a_bounce_waits_for_the_listener_even_over_a_restart(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        later = free.getsockname()[1]
    to = f"smtp://127.0.0.1:{later}"
    options = ("--bounce", "studsar@example.org", "--bounce-to", to, "--bounce-delay", "0.05")
    with running(tmp_path, *options) as port:
        hand_over(port, "studsar@example.org")
        time.sleep(0.3)
    with (
        Sink(Behaviour(rules=[Rule("rcpt", nth=1, reply="451 4.3.0 Later")]), later) as listener,
        running(tmp_path, *options),
    ):
        assert eventually(lambda: len(listener.messages) == 1)
        assert eventually(lambda: Sandbox(tmp_path).due_bounces() == [])


def test_a_report_that_is_refused_for_good_is_given_up(tmp_path: Path) -> None:
    with Sink(Behaviour(rules=[Rule("rcpt", reply="550 5.1.1 Wrong token")])) as listener:
        to = f"smtp://127.0.0.1:{listener.port}"
        options = ("--bounce", "studsar@example.org", "--bounce-to", to, "--bounce-delay", "0")
        with running(tmp_path, *options) as port:
            hand_over(port, "studsar@example.org")
            assert eventually(lambda: Sandbox(tmp_path).due_bounces() == [])


def test_what_has_no_sender_is_never_bounced(tmp_path: Path) -> None:
    with Sink() as listener:
        to = f"smtp://127.0.0.1:{listener.port}"
        options = ("--bounce", "studsar@example.org", "--bounce-to", to, "--bounce-delay", "0")
        with running(tmp_path, *options) as port:
            hand_over(port, "studsar@example.org", sender="")
            assert Sandbox(tmp_path).due_bounces() == []


def test_bouncing_without_a_place_to_send_reports_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--bounce-to"):
        SandboxSettings(tmp_path, bouncing=frozenset({"studsar@example.org"}))
    with pytest.raises(ValueError, match="lmtp://"):
        BounceTarget.parse("127.0.0.1:25")
