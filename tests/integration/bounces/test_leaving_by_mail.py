"""Leaving by mail: the address in the header, an answer that says so, and nothing else."""

import re
import smtplib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import pytest
from sqlalchemy import select

from newsletter_service.bounces import leaving
from newsletter_service.extensions import db
from newsletter_service.issues import outcome
from newsletter_service.models import (
    BounceMessage,
    ConsentEvent,
    ConsentKind,
    Issue,
    Notice,
    Subscriber,
    Subscription,
)
from newsletter_service.subscribers import choices, personal_link
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.tokens import unseal
from tests.integration.bounces.conftest import Sent
from tests.integration.bounces.reports import auto_reply, dsn
from tests.integration.bounces.test_inbound import listening

READER = "reader3@reader.test"


def mailto(sent: Sent, reader: str = READER) -> str:
    """The address in the header of a reader's copy."""
    header = BytesParser(policy=default).parsebytes(sent.message_to(reader))["List-Unsubscribe"]
    found = re.search(r"<mailto:([^?>]+)\?subject=unsubscribe>", str(header))
    assert found
    return found[1]


def answer(sent: Sent, text: str, subject: str = "Sv: Nytt labb", reader: str = READER) -> bytes:
    """An answer to a reader's copy, with the letter quoted below it."""
    copy = BytesParser(policy=default).parsebytes(sent.message_to(reader))
    mail = EmailMessage()
    mail["From"] = "somebody.else@reader.test"
    mail["To"] = "nyhetsbrev@park.example.org"
    mail["Subject"] = subject
    mail["In-Reply-To"] = str(copy["Message-ID"]).strip()
    mail.set_content(f"{text}\n\nDen 22 nov. skrev Parken:\n> Hej! Avprenumerera\n")
    return mail.as_bytes()


def left() -> dict[str, str]:
    """The channel by which each reader left."""
    db.session.rollback()
    rows = db.session.execute(
        select(Subscriber.address, ConsentEvent.channel)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .join(ConsentEvent, ConsentEvent.subscription_id == Subscription.id)
        .where(Subscription.state == "unsubscribed", ConsentEvent.kind == ConsentKind.WITHDRAWN)
    )
    return {row.address: row.channel for row in rows}


def test_whatever_is_mailed_to_the_address_in_the_header_unsubscribes(sent: Sent) -> None:
    kept = sent.take_in(b"From: someone@else.test\r\nSubject: x\r\n\r\n", mailto(sent))
    assert left() == {READER: "mailto"}
    assert (kept.state, kept.kind, kept.raw) == ("processed", "unsubscribe", b"")
    issue = db.session.get_one(Issue, sent.issue_id)
    assert outcome.unsubscribed(db.session(), issue) == {"mailto": 1}


def test_a_mailbox_that_names_no_envelope_is_read_by_its_headers(sent: Sent) -> None:
    sent.take_in(f"To: <{mailto(sent).upper()}>\r\nSubject: unsubscribe\r\n\r\n".encode())
    assert left() == {READER: "mailto"}


def test_an_answer_that_says_so_unsubscribes_whoever_got_the_letter(sent: Sent) -> None:
    said = [
        ("Avprenumerera", "Sv: Nytt labb"),
        ("  UNSUBSCRIBE!  ", "Re: Nytt labb"),
        ("Hej då.", "Re: Avprenumerera"),
        ("Please unsubscribe me.", "Re: Sv: Nytt"),
    ]
    for n, (text, subject) in enumerate(said, 1):
        sent.take_in(answer(sent, text, subject, f"reader{n}@reader.test"))
    assert left() == {f"reader{n}@reader.test": "reply" for n in (1, 2, 3, 4)}


def test_an_ordinary_answer_changes_nothing(sent: Sent) -> None:
    for text in ("Går det att avprenumerera?", "Tack för brevet", "> Avprenumerera", ""):
        assert sent.take_in(answer(sent, text)).state == "unmatched", text
    assert left() == {}


def test_an_address_alone_proves_nothing(sent: Sent) -> None:
    forged = f"From: {READER}\r\nSubject: Avprenumerera\r\n\r\nAvprenumerera\r\n".encode()
    sent.take_in(forged)
    token = mailto(sent).partition("+")[2].partition("@")[0]
    flipped = ("a" if token[0] != "a" else "b") + token[1:]
    sent.take_in(forged, mailto(sent).replace(token, flipped))
    sent.take_in(forged, mailto(sent).replace("@", "@elsewhere."))
    assert left() == {}


def test_machines_do_not_unsubscribe(sent: Sent) -> None:
    sent.take_in(auto_reply(), mailto(sent))
    sent.take_in(dsn(READER), mailto(sent))
    assert left() == {}


def test_leaving_by_mail_twice_is_fine(sent: Sent) -> None:
    for subject in ("a", "b"):
        kept = sent.take_in(f"Subject: {subject}\r\n\r\n".encode(), mailto(sent))
        assert kept.state == "processed"
    assert left() == {READER: "mailto"}


@pytest.mark.parametrize("way", ["mailto", "reply"])
def test_leaving_by_mail_can_be_taken_back_for_a_day_by_a_link_to_the_address(
    sent: Sent, way: str
) -> None:
    raw = answer(sent, "Avprenumerera") if way == "reply" else b"Subject: x\r\n\r\n"
    sent.take_in(raw, "" if way == "reply" else mailto(sent))
    assert left() == {READER: way}
    now, token = datetime.now(UTC), mailto(sent).partition("+")[2].partition("@")[0]
    personal_link.ask_to_undo(token, now + timedelta(hours=25))
    asked = select(Notice).where(Notice.kind == personal_link.KIND)
    assert db.session.scalars(asked).all() == []
    personal_link.ask_to_undo(token, now)
    sealed = db.session.scalars(asked).one().sealed
    assert sealed is not None
    link = unseal(sent.made.settings.secret_key, sealed)
    assert choices.undo(link, RequestContext(), now) == ("nytt",)
    assert left() == {}


def test_the_listener_takes_both_kinds_and_no_other_answer(sent: Sent) -> None:
    replies = f"replies@{sent.made.settings.bounce_domain}"
    with listening(sent) as port, smtplib.SMTP("127.0.0.1", port, timeout=10) as session:
        session.sendmail("a@else.test", [mailto(sent)], b"Subject: unsubscribe\r\n\r\n")
        session.sendmail("a@else.test", [replies], answer(sent, "avprenumerera"))
        with pytest.raises(smtplib.SMTPDataError) as refused:
            session.sendmail("a@else.test", [replies], answer(sent, "Tack för brevet"))
        assert refused.value.smtp_code == 550
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            session.sendmail("a@else.test", [f"u+x@{replies.partition('@')[2]}"], b"\r\n")
    db.session.rollback()
    assert len(db.session.scalars(select(BounceMessage)).all()) == 2


def test_a_wish_is_read_from_bytes_of_any_kind(sent: Sent) -> None:
    for raw in (b"", b"\0" * 1000, b"In-Reply-To: <" + b"a" * 9000, "ÅÄÖ".encode("utf-16")):
        assert leaving.wish(raw, "", sent.made.settings) is None
