"""What is kept for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from newsletter_service import suppression
from newsletter_service.extensions import Base, db
from newsletter_service.models import (
    BounceMessage,
    BounceState,
    ConsentEvent,
    Notice,
    Subscriber,
    Subscription,
    SubscriptionState,
    Token,
    writing,
)
from newsletter_service.operations import old_rows, tidy
from newsletter_service.subscribers import data_protection, opt_in
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.links import Confirmed, Waiting
from newsletter_service.tokens import unseal
from tests.world import World

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FROM_HERE = RequestContext(ip="192.0.2.7", user_agent="Firefox")


def sign_up(address: str, when: datetime = NOW) -> None:
    """Somebody fills in the form."""
    opt_in.subscribe("nytt", address, "sv", FROM_HERE, when)


def count(model: type[Base]) -> int:
    """How many rows there are."""
    number = db.session.scalar(select(func.count()).select_from(model)) or 0
    db.session.rollback()
    return number


def test_r_5_13_a_sign_up_nobody_confirmed_is_forgotten(small_world: World) -> None:
    sign_up("anna@reader.test")
    assert tidy.retain(NOW + timedelta(days=13))["unconfirmed_sign_ups"] == 0
    assert count(Subscriber) == 1
    assert tidy.retain(NOW + timedelta(days=15))["unconfirmed_sign_ups"] == 1
    for model in (Subscriber, Subscription, ConsentEvent, Token):
        assert count(model) == 0


def test_a_second_request_gives_a_sign_up_more_time(small_world: World) -> None:
    sign_up("anna@reader.test")
    with writing() as session:
        session.execute(update(Notice).values(state="accepted"))
    sign_up("anna@reader.test", NOW + timedelta(days=10))
    assert tidy.retain(NOW + timedelta(days=15))["unconfirmed_sign_ups"] == 0


def test_confirmed_readers_stay(small_world: World) -> None:
    small_world.readers(3)
    assert tidy.retain(NOW + timedelta(days=900))["unconfirmed_sign_ups"] == 0
    assert count(Subscriber) == 3


def test_who_had_left_stays_known_as_having_left(small_world: World) -> None:
    [reader_id] = small_world.readers(1)
    with writing() as session:
        session.execute(
            update(Subscription).values(
                state="pending", ended_at=NOW - timedelta(days=60), created_at=NOW
            )
        )
    tidy.retain(NOW + timedelta(days=30))
    subscription = db.session.scalars(select(Subscription)).one()
    assert subscription.state == SubscriptionState.UNSUBSCRIBED
    assert subscription.subscriber_id == reader_id


def test_r_5_13_a_consent_keeps_its_proof_and_loses_its_address_on_the_net(
    small_world: World,
) -> None:
    small_world.readers(1)
    sign_up("reader1@reader.test")
    later = NOW + timedelta(days=366)
    assert tidy.retain(later)["consent_origins"] == 1
    event = db.session.scalars(select(ConsentEvent)).one()
    assert (event.ip, event.user_agent) == ("", "")
    assert event.address_as_typed == "reader1@reader.test"
    assert tidy.retain(later)["consent_origins"] == 0


def test_raw_bounces_go_after_thirty_days_unless_nobody_has_read_them(small_world: World) -> None:
    with writing() as session:
        for n, state in enumerate(BounceState):
            session.add(
                BounceMessage(
                    digest=bytes([n] * 32), raw=b"x", source="test", state=state, received_at=NOW
                )
            )
    assert tidy.retain(NOW + timedelta(days=29))["raw_bounces"] == 0
    assert tidy.retain(NOW + timedelta(days=31))["raw_bounces"] == 3
    assert db.session.scalars(select(BounceMessage.state)).all() == [BounceState.STORED]


def test_more_rows_than_one_transaction_takes(small_world: World) -> None:
    small_world.readers(old_rows.ROWS_AT_ONCE + 3)
    long_ago = NOW - timedelta(days=60)
    with writing() as session:
        session.execute(update(Subscription).values(state="pending", created_at=long_ago))
    assert tidy.retain(NOW)["unconfirmed_sign_ups"] == old_rows.ROWS_AT_ONCE + 3
    assert tidy.retain(NOW) == dict.fromkeys(tidy.ACTS, 0)


def test_r_5_13_who_left_long_ago_is_forgotten_but_for_the_hash(small_world: World) -> None:
    [first, second] = small_world.readers(2)
    with writing() as session:
        for one in session.scalars(select(Subscription)):
            session.add(
                ConsentEvent(
                    subscriber_id=one.subscriber_id, subscription_id=one.id, kind="confirmed",
                    at=NOW, channel="form",
                )
            )  # fmt: skip
        session.execute(
            update(Subscription)
            .where(Subscription.subscriber_id == first)
            .values(state="unsubscribed", ended_at=NOW)
        )
        key = session.get_one(Subscriber, first).address_key
    assert tidy.retain(NOW + timedelta(days=729))["ended_subscriptions"] == 0
    assert tidy.retain(NOW + timedelta(days=731))["ended_subscriptions"] == 1
    assert db.session.scalars(select(Subscriber.id)).all() == [second]
    assert db.session.scalars(select(ConsentEvent.subscriber_id)).all() == [second]
    found = suppression.find(db.session(), key, small_world.list_id)
    assert found is not None
    assert (found.reason, found.scope) == ("erased", small_world.list_id)


def test_the_periods_are_those_that_the_organisation_chose(small_world: World) -> None:
    data_protection.save({"unconfirmed": "2", "dpo_name": "Disa Ek"}, actor="ada@staff.test")
    sign_up("anna@reader.test")
    assert tidy.retain(NOW + timedelta(days=8))["unconfirmed_sign_ups"] == 0
    assert tidy.retain(NOW + timedelta(days=10))["unconfirmed_sign_ups"] == 1
    with pytest.raises(data_protection.Refused) as refused:
        data_protection.save({"deliveries": "1", "dpo_email": "x"}, actor="ada@staff.test")
    assert refused.value.faults == {"deliveries": "period", "dpo_email": "address"}
    assert data_protection.facts().dpo_name == "Disa Ek"


def test_a_week_end_passes_between_sign_up_and_confirmation(small_world: World) -> None:
    friday = datetime(2026, 2, 27, 15, 30, tzinfo=UTC)
    sign_up("anna@reader.test", friday)
    notice = db.session.scalars(select(Notice)).one()
    raw = unseal(small_world.settings.secret_key, notice.sealed or b"")
    db.session.rollback()
    for hour in range(0, 66, 6):  # mail scanners and the hourly tick all the while
        now = friday + timedelta(hours=hour)
        assert isinstance(opt_in.look(raw, now), Waiting)
        tidy.retain(now)
    monday = friday + timedelta(hours=66)
    assert isinstance(opt_in.confirm(raw, "sv", FROM_HERE, monday), Confirmed)
    subscription = db.session.scalars(select(Subscription)).one()
    assert subscription.state == SubscriptionState.CONFIRMED
