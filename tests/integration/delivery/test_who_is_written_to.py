"""Pauses and legal bases: who is in the audience, and who the gate passes by, on both databases."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from newsletter_service.delivery import audience
from newsletter_service.extensions import db
from newsletter_service.issues import recipients
from newsletter_service.models import Issue, Subscription, ms_of, writing
from tests.integration.delivery.conftest import Send
from tests.smtp_sink import Sink
from tests.world import World


def change(subscriber_id: int, **values: object) -> None:
    with writing() as session:
        session.execute(
            update(Subscription).where(Subscription.subscriber_id == subscriber_id).values(values)
        )


def pause(subscriber_id: int, until: datetime) -> None:
    change(subscriber_id, paused_until_ms=ms_of(until))


def got_it(sink: Sink) -> set[str]:
    return {message.rcpt_to[0] for message in sink}


def test_who_paused_is_passed_by_and_comes_back_by_themselves(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    now = datetime.now(UTC)
    ids = sending.readers(6)
    issue_id = sending.issue()
    pause(ids[0], now + timedelta(weeks=2))
    pause(ids[1], now - timedelta(minutes=1))  # over since a minute
    audience.expand(issue_id, now)
    pause(ids[2], now + timedelta(weeks=2))  # after the audience was made
    counted = send(issue_id)
    assert counted.balances
    assert (counted.accepted, counted.skipped) == (4, {"paused": 2})
    assert got_it(smtp_sink) == {f"reader{n}@reader.test" for n in (2, 4, 5, 6)}


def test_the_desk_counts_the_paused_apart(sending: World) -> None:
    ids = sending.readers(5)
    pause(ids[0], datetime.now(UTC) + timedelta(weeks=2))
    issue = db.session.get_one(Issue, sending.issue())
    found = recipients.of_issue(db.session(), issue, datetime.now(UTC))
    assert (found.confirmed, found.reached, found.paused, found.barred) == (5, 4, 1, 0)


def test_r_5_1_nobody_without_a_legal_basis_is_in_the_audience(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    ids = sending.readers(4)
    change(ids[0], legal_basis="")
    change(ids[1], legal_basis="existing_customer", basis_evidence="order 4711")
    issue_id = sending.issue()
    assert recipients.of_list(db.session(), sending.list_id).reached == 3
    counted = send(issue_id)
    assert (counted.audience, counted.accepted) == (3, 3)
    assert "reader1@reader.test" not in got_it(smtp_sink)
