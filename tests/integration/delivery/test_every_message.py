"""Every message that reaches a relay, parsed with the standard library: part 2 of the rules."""

import email
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select, update

from newsletter_service import notices, tokens
from newsletter_service.delivery import audience, turn
from newsletter_service.delivery import notices as sending_notices
from newsletter_service.delivery.engine import engine_of
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.issues import editions
from newsletter_service.models import (
    Issue,
    NewsletterList,
    Notice,
    Subscriber,
    Subscription,
    writing,
)
from tests.smtp_sink import Behaviour, Message, Sink
from tests.world import World, world

LONG_BASE = "https://nyhetsbrev.example.org/" + "a" * 169
SUBJECT = "🎉 Räksmörgås på Fjällängen – nu öppnar världens minsta kryomikroskop för alla 🔬"
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
LIST_FIELDS = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Owner")
AT_MOST_ONCE = (*ONCE, *LIST_FIELDS, "Sender", "Reply-To", "Cc", "Bcc", "List-Post", "Precedence")
SENDER = "Åsa Öberg, Fjällängens forskningspark"
NOTICES = ("confirmation", "welcome", "already_subscribed", "invitation", "login_link", "alert")
VALUES = {
    "invitation": {"inviter": "Åsa Öberg", "days": 7},
    "login_link": {"minutes": 30},
    "alert": {
        "title": "Reläet nekar oss",
        "what": "Servern svarade 535.",
        "remedy": "Byt lösenord.",
    },
    "confirmation": {"block_link": True},
}


@dataclass
class Raw:
    """A kept message as bytes, by header line, and parsed."""

    kept: Message

    @property
    def parsed(self) -> EmailMessage:
        return cast("EmailMessage", email.message_from_bytes(self.kept.data, policy=policy.SMTP))

    @property
    def header(self) -> bytes:
        return self.kept.data.partition(b"\r\n\r\n")[0] + b"\r\n"

    def value(self, name: str) -> bytes:
        """The raw value of a field that stands once, with its folds."""
        found = re.findall(rb"(?mi)^%s: (.*(?:\r\n[ \t].*)*)\r$" % name.encode(), self.header)
        assert len(found) == 1, name
        return cast("bytes", found[0])


@pytest.fixture
def made(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, base_url=LONG_BASE) as it:
        with writing() as session:
            newsletter = session.get_one(NewsletterList, it.list_id)
            newsletter.sender_name = SENDER
            newsletter.sender_address = "nyhetsbrev@fjällängen.test"
            newsletter.reply_to = "svar@fjällängen.test"
        yield it


def send_issue(made: World) -> int:
    issue_id = made.issue()
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        issue.texts[0].subject = SUBJECT
        session.flush()
        editions.freeze(session, issue, datetime.now(UTC))
    audience.expand(issue_id, datetime.now(UTC))
    turn.take()
    return issue_id


def send_notice(made: World, kind: str, address: str) -> None:
    now = datetime.now(UTC)
    to_staff = kind in ("invitation", "login_link", "alert")
    with writing() as session:
        notices.ask(
            session,
            kind,
            subject="person:1",
            purpose_key=kind,
            address=address,
            locale="sv",
            now=now,
            expires_at=now + timedelta(days=1),
            values=VALUES.get(kind, {}),
            list_id=None if to_staff else made.list_id,
            secret="a" * 43,
            to_staff=to_staff,
        )
    sending_notices.send_due()


def keys_of(made: World) -> tokens.LinkKeys:
    return engine_of(made.app).keys


def check_any(raw: Raw, bounce_domain: str) -> None:
    """What holds for every mail of ours, issue or notice (R 2.1 to 2.24)."""
    data, parsed = raw.kept.data, raw.parsed
    for name in ONCE:
        assert len(parsed.get_all(name, [])) == 1, name
    for name in AT_MOST_ONCE:
        assert len(parsed.get_all(name, [])) <= 1, name
    assert not parsed.defects
    # 2.1 one mailbox, encoded as a phrase, an ASCII domain
    # (read by decode_header: the newer parser of Python 3.11 puts a space between folded words)
    assert str(make_header(decode_header(raw.value("From").decode()))).startswith(SENDER)
    [author] = parsed["From"].addresses
    assert author.addr_spec == "nyhetsbrev@xn--fjllngen-1zac.test"
    assert "Sender" not in parsed
    # 2.2 Date with its offset, Message-ID on our domain
    assert re.search(rb" [+-]\d{4}$", raw.value("Date"))
    assert abs(parsed["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=5)
    assert raw.value("Message-ID").endswith(f"@{bounce_domain}>".encode())
    # 2.4 one recipient, who stands in To
    assert raw.kept.rcpt_to == [raw.value("To").decode()]
    # 2.11, 2.15, 2.16, 2.18: lines and bytes
    assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    assert data.isascii()
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^\s]+\?=", raw.header))
    body = data.partition(b"\r\n\r\n")[2]
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    # 2.13 nothing about the machine or the software
    for name in ("X-Mailer", "User-Agent", "Received", "X-Originating-IP"):
        assert name not in parsed
    machine = re.escape(socket.gethostname().encode())
    assert not re.search(rb"(?<![\w-])" + machine + rb"(?![\w-])", raw.header)
    # 2.14, 2.15, 2.19: text first, both quoted-printable, the boundary in neither
    assert parsed.get_content_type() == "multipart/alternative"
    parts = [cast("EmailMessage", part) for part in parsed.iter_parts()]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part in parts:
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
        assert part.get_content_charset() == "utf-8"
        assert not part.defects
    boundary = parsed.get_boundary() or ""
    assert data.count(f"--{boundary}".encode()) == 3
    # 2.24 a return address that nobody can forge
    local, _, domain = raw.kept.mail_from.partition("@")
    assert domain == bounce_domain
    assert re.fullmatch(r"b\+[a-z0-9]+", local)
    assert len(local) <= 64


def check_issue(raw: Raw, made: World, issue_id: int) -> None:
    check_any(raw, made.settings.bounce_domain)
    parsed = raw.parsed
    assert parsed["Subject"] == SUBJECT
    assert "Auto-Submitted" not in parsed
    assert raw.value("Precedence") == b"bulk"
    # 2.5 no encoded word inside the brackets
    assert raw.value("List-Id").endswith(b"<nytt.nyhetsbrev.example.org>")
    # 2.6 raw and in brackets, however long
    leave = raw.value("List-Unsubscribe")
    assert leave[:1] == b"<"
    assert b"=?" not in leave
    url = leave.split(b">")[0][1:]
    assert url.startswith(LONG_BASE.encode() + b"/unsubscribe/")
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw.header
    for name in ("List-Help", "List-Owner"):
        assert raw.value(name)[:1] == b"<"
    assert raw.value("List-Post") == b"NO"
    assert re.fullmatch(rb"[\w-]*:[\w-]*:[\w-]*:[\w-]{5,15}", raw.value("Feedback-ID"))
    # both parts carry the reader's own link
    for part in parsed.iter_parts():
        assert url.decode() in cast("EmailMessage", part).get_content().replace("&amp;", "&")
    # signed: the Message-ID and the return address name this delivery
    token = raw.value("Message-ID").decode().strip("<>").partition("@")[0]
    named = tokens.read_reference(keys_of(made), token, purpose=tokens.MESSAGE_ID)
    back = raw.kept.mail_from.partition("@")[0].removeprefix("b+").upper()
    assert named == tokens.read_reference(keys_of(made), back)
    assert isinstance(named, tokens.DeliveryRef)
    assert named.issue_id == issue_id


def test_every_copy_of_an_issue_keeps_part_two(made: World, smtp_sink: Sink) -> None:
    assert len(LONG_BASE) == 200
    made.readers(20)
    made.readers(5, domain="åäö.test")
    issue_id = send_issue(made)
    copies = [Raw(kept) for kept in smtp_sink]
    assert len(copies) == 25
    for raw in copies:
        check_issue(raw, made, issue_id)
    assert len({raw.value("Message-ID") for raw in copies}) == 25
    assert len({raw.value("List-Unsubscribe") for raw in copies}) == 25
    assert len({raw.value("Feedback-ID") for raw in copies}) == 1
    assert not smtp_sink.faults


def test_r_2_20_an_international_domain_goes_as_a_labels_without_smtputf8(
    made: World, smtp_sink: Sink
) -> None:
    made.readers(1, domain="åäö.test")
    send_issue(made)
    [kept] = smtp_sink.messages
    assert kept.rcpt_to == ["reader1@xn--4cab6c.test"]
    assert "SMTPUTF8" not in kept.mail_arguments


@pytest.mark.parametrize("offered", [True, False])
def test_r_2_22_a_local_part_outside_ascii_needs_a_relay_that_takes_it(
    made: World, smtp_sink: Sink, offered: bool
) -> None:
    smtp_sink.behave(Behaviour(smtputf8=offered))
    [reader] = made.readers(1)
    with writing() as session:
        session.execute(
            update(Subscriber).where(Subscriber.id == reader).values(address="åsa@åäö.test")
        )
    counted = statement(db.session(), send_issue(made))
    assert counted.balances
    if not offered:
        assert counted.skipped == {"eai_unsupported": 1}
        assert not smtp_sink.messages
        return
    [kept] = smtp_sink.messages
    assert kept.rcpt_to == ["åsa@xn--4cab6c.test"]
    assert "SMTPUTF8" in kept.mail_arguments


@pytest.mark.parametrize("kind", NOTICES)
def test_every_notice_keeps_part_two(made: World, smtp_sink: Sink, kind: str) -> None:
    [reader] = made.readers(1)
    send_notice(made, kind, "reader1@reader.test")
    [raw] = [Raw(kept) for kept in smtp_sink]
    check_any(raw, made.settings.bounce_domain)
    assert raw.value("Auto-Submitted") == b"auto-generated"
    assert "Precedence" not in raw.parsed
    token = raw.value("Message-ID").decode().strip("<>").partition("@")[0]
    named = tokens.read_reference(keys_of(made), token, purpose=tokens.MESSAGE_ID)
    assert isinstance(named, tokens.NoticeRef)
    db.session.rollback()
    assert db.session.scalars(select(Notice.sealed)).one() is None
    assert db.session.scalars(select(Subscription.subscriber_id)).one() == reader
