"""Sending an issue to a server that remembers: everybody once, and the statement balances."""

import time
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter_service import suppression
from newsletter_service.address import address_key, parse
from newsletter_service.delivery import audience, control, finish, overdue, turn
from newsletter_service.delivery.statement import statement, tallies
from newsletter_service.extensions import db
from newsletter_service.issues import departure
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Relay,
    Retry,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    writing,
)
from tests.integration.delivery.conftest import Send
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World, world


def recipients(sink: Sink) -> list[str]:
    return sorted(message.rcpt_to[0] for message in sink)


def state_of(issue_id: int) -> str:
    db.session.expire_all()
    return db.session.get_one(Issue, issue_id).state


def suppressed() -> dict[str, str]:
    rows = db.session.execute(
        select(Subscriber.address, Suppression.reason).join(
            Suppression, Suppression.address_key == Subscriber.address_key
        )
    )
    return {row.address: row.reason for row in rows}


def test_every_reader_gets_the_issue_once(sending: World, smtp_sink: Sink, send: Send) -> None:
    sending.readers(120)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert counted.balances
    assert counted.accepted == counted.audience == 120
    assert recipients(smtp_sink) == sorted(f"reader{i}@reader.test" for i in range(1, 121))
    assert len({message.message_id for message in smtp_sink}) == 120
    assert state_of(issue_id) == IssueState.SENT
    assert not smtp_sink.faults
    assert tallies(db.session(), issue_id)["accepted"] == 120


def test_a_slow_reply_does_not_hold_up_the_next_batch(
    sqlite_url: str, tmp_path: Path, smtp_sink: Sink, send: Send
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("dot", nth=1, delay=2.5), Rule("dot", delay=0.02)]))
    settings = {"smtp_connections": "2", "batch_size": "40"}
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, **settings) as made:
        made.readers(120)
        counted = send(made.issue())
        batches = db.session.execute(select(Batch.done, Batch.owner, Batch.accepted)).all()
    assert counted.accepted == 120
    assert recipients(smtp_sink) == sorted(f"reader{i}@reader.test" for i in range(1, 121))
    assert batches == [(True, "", 40)] * 3
    ends = min(message.received for message in smtp_sink) + 2.5
    meanwhile = sum(message.received < ends for message in smtp_sink)
    assert meanwhile > 45  # a batch has only 40


def test_expanding_twice_gives_nobody_two_deliveries(sending: World, send: Send) -> None:
    sending.readers(90)
    issue_id = sending.issue()
    send(issue_id)
    assert send(issue_id).audience == 90


def test_who_subscribes_after_the_release_is_not_in_the_audience(
    sending: World, send: Send
) -> None:
    ids = sending.readers(3)
    issue_id = sending.issue()
    with writing() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.subscriber_id == ids[0])
            .values(confirmed_at=datetime.now(UTC))
        )
    assert send(issue_id).audience == 2


def test_r_1_7_who_left_or_is_suppressed_before_the_gate_gets_nothing(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    ids = sending.readers(10)
    issue_id = sending.issue()
    key = address_key(parse("reader2@reader.test").normalised, sending.settings.address_key)
    audience_before = send  # the audience is made first, the reader leaves after
    audience.expand(issue_id, datetime.now(UTC))
    with writing() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.subscriber_id == ids[0])
            .values(state=SubscriptionState.UNSUBSCRIBED)
        )
        suppression.suppress(
            session,
            key,
            reason=SuppressionReason.COMPLAINT,
            source="test",
            now=datetime.now(UTC),
        )
    counted = audience_before(issue_id)
    assert counted.balances
    assert counted.skipped == {"unsubscribed": 1, "suppressed": 1}
    assert counted.accepted == 8
    assert "reader1@reader.test" not in recipients(smtp_sink)
    assert "reader2@reader.test" not in recipients(smtp_sink)


def test_a_refused_address_is_suppressed_and_a_full_mailbox_is_not(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    smtp_sink.behave(
        Behaviour(
            rules=[
                Rule("rcpt", recipient="reader1@*", reply="550 5.1.1 No such user here"),
                Rule("dot", recipient="reader2@*", reply="552 5.2.2 Mailbox full"),
            ]
        )
    )
    sending.readers(4)
    counted = send(sending.issue())
    assert counted.balances
    assert (counted.accepted, counted.refused) == (2, 2)
    assert suppressed() == {"reader1@reader.test": "hard_bounce"}


def test_a_451_is_tried_again_with_the_same_bytes(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    smtp_sink.behave(
        Behaviour(rules=[Rule("dot", reply="451 4.3.0 Try again later", times=1, store=True)])
    )
    sending.readers(1)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert counted.deferred == 1
    assert counted.balances
    assert state_of(issue_id) == IssueState.SENDING
    time.sleep(1.6)
    turn.take()
    assert finish.finish(issue_id, datetime.now(UTC))
    first, second = smtp_sink.messages
    assert first.data == second.data  # P4
    assert statement(db.session(), issue_id).accepted == 1


@pytest.mark.parametrize("at", ["connect", "ehlo", "mail"])
def test_a_421_backs_off_the_relay_and_charges_nobody(
    sending: World, smtp_sink: Sink, send: Send, at: str
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule(at, reply="421 4.3.2 Closing", close=True)]))
    sending.readers(30)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert counted.balances
    assert counted.pending == 30
    tries = db.session.scalars(select(Delivery.tries)).all()
    assert set(tries) == {0}
    relay = db.session.scalars(select(Relay).where(Relay.name != "sandbox")).one()
    assert relay.failures == 1
    assert relay.backoff_until_ms > time.time() * 1000


def test_r_2_38_a_relay_closing_after_the_final_dot_leaves_a_doubt_that_is_never_resent(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("dot", recipient="reader3@*", close=True, store=True)]))
    sending.readers(20)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert counted.balances
    assert (counted.in_doubt, counted.accepted) == (1, 19)
    assert state_of(issue_id) == IssueState.SENT
    turn.take()
    assert Counter(recipients(smtp_sink))["reader3@reader.test"] == 1
    doubtful = control.in_doubt(db.session())
    assert [row.issue_id for row in doubtful] == [issue_id]


def test_r_2_38_a_relay_closing_before_the_final_dot_is_tried_again(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("data", recipient="reader3@*", close=True, times=1)]))
    sending.readers(5)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert counted.balances
    assert counted.in_doubt == 0
    for _ in range(20):
        if finish.finish(issue_id, datetime.now(UTC)):
            break
        time.sleep(0.5)
        with writing() as session:
            session.execute(update(Relay).values(backoff_until_ms=0))
            session.execute(update(Retry).values(due_ms=0))
        turn.take()
    assert statement(db.session(), issue_id).accepted == 5
    assert set(Counter(recipients(smtp_sink)).values()) == {1}


def test_r_2_41_a_refused_log_in_pauses_the_relay_and_charges_nobody(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("mail", reply="530 5.7.0 Authentication required")]))
    sending.readers(10)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert counted.pending == 10
    assert counted.balances
    relay = db.session.scalars(select(Relay).where(Relay.name != "sandbox")).one()
    assert relay.paused_at is not None
    assert set(db.session.scalars(select(Delivery.tries))) == {0}


def test_r_1_9b_refusals_for_our_sake_pause_the_issue_and_suppress_nobody(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    reply = "550 5.7.515 Access denied, sending domain does not meet the authentication level"
    smtp_sink.behave(Behaviour(rules=[Rule("dot", reply=reply)]))
    sending.readers(60)
    issue_id = sending.issue()
    counted = send(issue_id)
    assert state_of(issue_id) == IssueState.PAUSED
    assert counted.balances
    assert counted.refused == 0
    assert suppressed() == {}


def test_a_paused_issue_sends_nothing_until_it_is_resumed(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    sending.readers(50)
    issue_id = sending.issue()
    control.pause(issue_id, "anna@park.example.org", "a wrong picture", datetime.now(UTC))
    assert send(issue_id).audience == 0
    control.resume(issue_id, "anna@park.example.org", datetime.now(UTC))
    assert send(issue_id).accepted == 50
    assert len(smtp_sink.messages) == 50


def test_a_cancelled_issue_skips_everybody_left(sending: World, send: Send) -> None:
    sending.readers(50)
    issue_id = sending.issue()
    audience.expand(issue_id, datetime.now(UTC))
    control.cancel(issue_id, "anna@park.example.org", datetime.now(UTC))
    counted = send(issue_id)
    assert counted.balances
    assert counted.skipped == {"cancelled": 50}


def test_a_doubt_can_be_settled_and_resent_by_an_operator(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    smtp_sink.behave(Behaviour(rules=[Rule("dot", close=True, store=False, times=2)]))
    sending.readers(2)
    issue_id = sending.issue()
    assert send(issue_id).in_doubt == 2
    first, second = control.in_doubt(db.session())
    control.settle(issue_id, first.n, True, "ops", datetime.now(UTC))
    control.resend(issue_id, second.n, "ops", datetime.now(UTC))
    assert state_of(issue_id) == IssueState.SENDING
    with writing() as session:
        session.execute(update(Relay).values(backoff_until_ms=0))
    turn.take()
    assert finish.finish(issue_id, datetime.now(UTC))
    counted = statement(db.session(), issue_id)
    assert (counted.accepted, counted.in_doubt) == (2, 0)
    assert counted.balances
    with pytest.raises(control.NotPossible):
        control.resend(issue_id, second.n, "ops", datetime.now(UTC))


def test_an_expired_issue_is_never_sent(sending: World, smtp_sink: Sink, send: Send) -> None:
    sending.readers(5)
    issue_id = sending.issue()
    smtp_sink.behave(Behaviour(rules=[Rule("dot", reply="451 4.3.0 Later")]))
    send(issue_id)
    with writing() as session:
        session.get_one(Issue, issue_id).expires_at = datetime.now(UTC)
    assert finish.finish(issue_id, datetime.now(UTC))
    counted = statement(db.session(), issue_id)
    assert counted.skipped == {"expired": 5}
    assert counted.balances


def test_p12_a_reader_whose_data_cannot_be_used_never_stops_the_others(
    sending: World, send: Send
) -> None:
    ids = sending.readers(10)
    with writing() as session:
        session.execute(
            update(Subscriber).where(Subscriber.id == ids[4]).values(address="no address at all")
        )
    counted = send(sending.issue())
    assert counted.balances
    assert counted.accepted == 9
    assert counted.skipped == {"invalid_address": 1}


def test_the_sweep_finds_what_no_nudge_announced(sending: World) -> None:
    sending.readers(5)
    now = datetime.now(UTC)
    issue_id = sending.issue(IssueState.SCHEDULED)
    with writing() as session:
        session.get_one(Issue, issue_id).send_at = now
    assert departure.start_due(now) == [issue_id]
    assert departure.start_due(now) == []
    assert ("audience.expand", (issue_id,)) in overdue.sweep(now)


def test_ledger_states_only_move_as_the_table_allows(sending: World, send: Send) -> None:
    sending.readers(3)
    send(sending.issue())
    states = set(db.session.scalars(select(Delivery.state)))
    assert states == {DeliveryState.ACCEPTED}


def test_a_letter_leads_to_the_preferences_in_its_own_language(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    sending.readers(1)
    send(sending.issue())
    letter = message_from_bytes(smtp_sink.messages[0].data, policy=policy.default)
    text = letter.get_body(("plain",)).get_content()
    assert "https://nyhetsbrev.example.org/installningar/" in text
    assert "https://nyhetsbrev.example.org/unsubscribe/" in text
