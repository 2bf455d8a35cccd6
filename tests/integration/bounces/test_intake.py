"""What came back is stored once, belongs to the reader of our token, and forged mail to nobody."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from newsletter_service import tokens
from newsletter_service.bounces import intake
from newsletter_service.delivery.statement import statement, tallies
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    BounceMessage,
    BounceState,
    Delivery,
    DeliveryState,
    Notice,
    Subscriber,
    writing,
)
from tests.integration.bounces.conftest import Sent
from tests.integration.bounces.reports import auto_reply, complaint, dsn

READER = "reader2@reader.test"


def without_token(message: bytes) -> bytes:
    """A copy whose Message-ID and unsubscribe link are not ours."""
    lines = message.split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith((b"message-id:", b"list-unsub"))]
    return b"\r\n".join(kept)


def set_state(sent: Sent, recipient: str, state: DeliveryState) -> tuple[int, int]:
    """Put an accepted delivery back into another state, tallies in step."""
    reference = tokens.read_reference(
        tokens.LinkKeys(sent.made.settings.link_keys),
        sent.sender_of(recipient).partition("+")[2].partition("@")[0],
    )
    assert isinstance(reference, tokens.DeliveryRef)
    with writing() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.issue_id == reference.issue_id, Delivery.n == reference.n)
            .values(state=state)
        )
        if state == DeliveryState.IN_DOUBT:
            session.execute(
                update(Batch).values(accepted=Batch.accepted - 1, in_doubt=Batch.in_doubt + 1)
            )
    return reference.issue_id, reference.n


def test_a_hard_bounce_suppresses_its_reader_and_nobody_else(sent: Sent) -> None:
    kept = sent.take_in(dsn(READER), sent.sender_of(READER))
    assert (kept.state, kept.kind) == (BounceState.PROCESSED, "bounce")
    assert sent.suppressed() == {READER: "hard_bounce"}
    [event] = sent.events()
    assert (event.kind, event.reason, event.issue_id) == ("hard", "userunknown", sent.issue_id)
    counted = statement(db.session(), sent.issue_id)
    assert counted.balances
    assert (counted.accepted, counted.bounced) == (4, 1)


def test_r_2_24_an_upper_cased_return_address_is_known(sent: Sent) -> None:
    sent.take_in(dsn(READER), sent.sender_of(READER).upper())
    assert sent.suppressed() == {READER: "hard_bounce"}


def test_the_header_serves_where_the_envelope_is_not_known(sent: Sent) -> None:
    sent.take_in(dsn(READER, to=sent.sender_of(READER)))
    assert sent.suppressed() == {READER: "hard_bounce"}


def test_r_2_25_the_returned_message_id_serves_where_the_sender_was_replaced(sent: Sent) -> None:
    sent.take_in(dsn(READER, returned=sent.message_to(READER)))
    assert sent.suppressed() == {READER: "hard_bounce"}


def test_r_4_3_a_forged_report_without_our_token_changes_nothing(sent: Sent) -> None:
    kept = sent.take_in(dsn(READER, returned=without_token(sent.message_to(READER))))
    assert kept.state == BounceState.UNMATCHED
    assert "Nothing was changed" in kept.note
    assert not sent.events()
    assert not sent.suppressed()


def test_r_4_3_a_token_with_one_character_changed_is_forged(sent: Sent) -> None:
    address = sent.sender_of(READER)
    place = address.index("@") - 5
    other = "a" if address[place] != "a" else "b"
    kept = sent.take_in(dsn(READER), address[:place] + other + address[place + 1 :])
    assert kept.state == BounceState.UNMATCHED
    assert not sent.suppressed()


def test_only_the_reader_of_the_token_is_judged_in_a_report_about_many(sent: Sent) -> None:
    others = "\r\nFinal-Recipient: rfc822; reader1@reader.test\r\nAction: failed\r\nStatus: 5.1.1"
    sent.take_in(dsn(READER, more=others), sent.sender_of(READER))
    assert sent.suppressed() == {READER: "hard_bounce"}


def test_a_bounce_of_the_address_a_reader_forwards_to_is_the_readers(sent: Sent) -> None:
    sent.take_in(dsn("private@home.invalid"), sent.sender_of(READER))
    assert sent.suppressed() == {READER: "hard_bounce"}


def test_a_report_that_some_of_an_alias_got_it_is_no_failure(sent: Sent) -> None:
    others = "\r\nFinal-Recipient: rfc822; b@home.invalid\r\nAction: delivered\r\nStatus: 2.0.0"
    sent.take_in(dsn("a@home.invalid", more=others), sent.sender_of(READER))
    assert not sent.events()


def test_a_delay_is_noted_and_not_counted(sent: Sent) -> None:
    delayed = dsn(READER, action="delayed", status="4.4.1", diagnostic="connection timed out")
    sent.take_in(delayed, sent.sender_of(READER))
    [event] = sent.events()
    assert not event.final
    assert statement(db.session(), sent.issue_id).bounced == 0


def test_a_full_mailbox_is_soft_and_suppresses_nobody(sent: Sent) -> None:
    full = dsn(READER, status="5.2.2", diagnostic="552 5.2.2 Mailbox full")
    sent.take_in(full, sent.sender_of(READER))
    [event] = sent.events()
    assert event.kind == "soft"
    assert not sent.suppressed()


def test_r_1_9b_a_policy_refusal_suppresses_nobody(sent: Sent) -> None:
    refused = dsn(READER, status="5.7.26", diagnostic="550 5.7.26 unauthenticated mail")
    sent.take_in(refused, sent.sender_of(READER))
    assert len(sent.events()) == 1
    assert not sent.suppressed()


def test_r_4_6_a_complaint_suppresses_everywhere(sent: Sent) -> None:
    kept = sent.take_in(complaint(sent.message_to(READER)))
    assert kept.kind == "complaint"
    assert sent.suppressed() == {READER: "complaint"}
    assert statement(db.session(), sent.issue_id).complained == 1


def test_r_4_5_a_complaint_is_found_by_its_unsubscribe_link(sent: Sent) -> None:
    lines = sent.message_to(READER).split(b"\r\n")
    kept = b"\r\n".join(line for line in lines if not line.lower().startswith(b"message-id:"))
    sent.take_in(complaint(kept))
    assert sent.suppressed() == {READER: "complaint"}


def test_r_4_5_a_not_spam_report_changes_nothing(sent: Sent) -> None:
    kept = sent.take_in(complaint(sent.message_to(READER), "not-spam"))
    assert (kept.state, kept.kind) == (BounceState.PROCESSED, "not-spam")
    assert not sent.events()


def test_r_4_4_an_automatic_reply_is_no_bounce(sent: Sent) -> None:
    kept = sent.take_in(auto_reply(), sent.sender_of("reader1@reader.test"))
    assert (kept.state, kept.kind) == (BounceState.PROCESSED, "auto-reply")
    assert not sent.events()


@pytest.mark.parametrize(
    "raw",
    [
        b"no mail at all",
        b"Subject: hej\r\n\r\nTack f\xf6r brevet!",
        b'Content-Type: multipart/report; boundary="',
        bytes(range(256)) * 40,
    ],
)
def test_what_cannot_be_read_stays_stored_and_visible(sent: Sent, raw: bytes) -> None:
    kept = sent.take_in(raw, sent.sender_of(READER))
    assert kept.state == BounceState.UNREADABLE
    assert kept.raw == raw
    assert not sent.events()


def test_the_same_message_twice_is_one_message(sent: Sent) -> None:
    raw, to = dsn(READER), sent.sender_of(READER)
    first = sent.take_in(raw, to)
    second = sent.take_in(raw.replace(b"\r\n", b"\n"), to)
    assert first.id == second.id
    assert len(sent.events()) == 1
    assert db.session.scalar(select(func.count()).select_from(BounceMessage)) == 1


def test_a_message_above_the_limit_is_not_stored(sent: Sent) -> None:
    with pytest.raises(intake.TooLarge):
        intake.store(b"x" * (intake.LARGEST + 1), "", "test", datetime.now(UTC))


def test_a_bounce_settles_the_doubt_about_its_delivery(sent: Sent) -> None:
    key = set_state(sent, READER, DeliveryState.IN_DOUBT)
    sent.take_in(dsn(READER), sent.sender_of(READER))
    delivery = db.session.get_one(Delivery, key)
    assert delivery.state == DeliveryState.ACCEPTED
    counted = statement(db.session(), sent.issue_id)
    assert counted.balances
    assert (counted.in_doubt, counted.bounced) == (0, 1)
    assert tallies(db.session(), sent.issue_id)["in_doubt"] == 0
    assert tallies(db.session(), sent.issue_id)["accepted"] == 4


def test_a_forged_bounce_settles_no_doubt(sent: Sent) -> None:
    set_state(sent, READER, DeliveryState.IN_DOUBT)
    sent.take_in(dsn(READER, returned=without_token(sent.message_to(READER))))
    assert statement(db.session(), sent.issue_id).in_doubt == 1


def test_a_bounce_that_overtakes_the_relays_reply_waits_for_it(sent: Sent) -> None:
    set_state(sent, READER, DeliveryState.DATA_STARTED)
    kept = sent.take_in(dsn(READER), sent.sender_of(READER))
    assert (kept.state, kept.tries) == (BounceState.STORED, 0)
    later = datetime.now(UTC) + timedelta(seconds=11)
    assert intake.overdue(later) == [kept.id]
    set_state(sent, READER, DeliveryState.ACCEPTED)
    intake.process(kept.id, later)
    assert sent.suppressed() == {READER: "hard_bounce"}


def test_a_message_that_breaks_its_worker_is_set_aside_after_three_tries(sent: Sent) -> None:
    now = datetime.now(UTC)
    message_id = intake.store(dsn(READER), sent.sender_of(READER), "test", now)
    with writing() as session:  # as three killed workers leave it
        session.execute(update(BounceMessage).values(tries=intake.TRIES))
    intake.process(message_id, now)
    db.session.expire_all()
    kept = db.session.get_one(BounceMessage, message_id)
    assert kept.state == BounceState.UNREADABLE
    assert "3 times" in kept.note
    assert not sent.events()
    assert intake.overdue(now + timedelta(hours=1)) == []


def test_the_sweep_finds_what_lost_its_nudge(sent: Sent) -> None:
    now = datetime.now(UTC)
    message_id = intake.store(dsn(READER), sent.sender_of(READER), "test", now)
    assert intake.overdue(now + timedelta(seconds=5)) == []
    assert intake.overdue(now + timedelta(seconds=11)) == [message_id]


def test_processing_twice_weighs_once(sent: Sent) -> None:
    kept = sent.take_in(dsn(READER), sent.sender_of(READER))
    intake.process(kept.id, datetime.now(UTC))
    assert len(sent.events()) == 1


def test_a_bounce_for_somebody_erased_changes_nothing(sent: Sent) -> None:
    with writing() as session:
        session.execute(update(Delivery).values(subscriber_id=Delivery.subscriber_id + 1000))
    kept = sent.take_in(dsn(READER), sent.sender_of(READER))
    assert kept.state == BounceState.UNMATCHED
    assert not sent.suppressed()


def notice(sent: Sent, address: str, state: DeliveryState = DeliveryState.ACCEPTED) -> int:
    now = datetime.now(UTC)
    with writing() as session:
        key = session.scalars(
            select(Subscriber.address_key).where(Subscriber.address == address)
        ).one()
        made = Notice(
            kind="welcome",
            subject="subscription:1",
            purpose_key="1",
            address=address,
            address_key=key,
            locale="sv",
            created_at=now,
            expires_at=now + timedelta(days=1),
            state=state,
        )
        session.add(made)
        session.flush()
        return made.id


def notice_sender(sent: Sent, notice_id: int) -> str:
    token = tokens.notice_token(tokens.LinkKeys(sent.made.settings.link_keys), notice_id)
    return f"b+{token}@{sent.made.settings.bounce_domain}"


def test_a_bounced_notice_is_noted_and_suppresses_nobody(sent: Sent) -> None:
    notice_id = notice(sent, READER, DeliveryState.IN_DOUBT)
    sent.take_in(dsn(READER), notice_sender(sent, notice_id))
    [event] = sent.events()
    assert (event.notice_id, event.issue_id) == (notice_id, None)
    assert db.session.get_one(Notice, notice_id).state == DeliveryState.ACCEPTED
    assert not sent.suppressed()


def test_a_complaint_about_a_notice_suppresses_everywhere(sent: Sent) -> None:
    notice_id = notice(sent, READER)
    sent.take_in(complaint(b"Subject: hej\r\n\r\n"), notice_sender(sent, notice_id))
    assert sent.suppressed() == {READER: "complaint"}
