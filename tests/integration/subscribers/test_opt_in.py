"""Signing up and confirming, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter_service import suppression
from newsletter_service.address import InvalidAddress
from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentEvent,
    ConsentKind,
    Subscriber,
    Suppression,
    SuppressionReason,
    Token,
    writing,
)
from newsletter_service.subscribers import opt_in, opt_out
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.links import Barred, Confirmed, Expired, Unknown, Waiting
from newsletter_service.subscribers.opt_out import Scope
from newsletter_service.subscribers.readers import NoSuchList
from tests.integration.subscribers.parken import NOW, Desk

ANNA = "anna@example.org"
CONTEXT = RequestContext(
    ip="192.0.2.7", user_agent="Firefox", form="https://park.test/", wording="form-1"
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ask(address: str = ANNA, now: datetime = NOW, slug: str = "nytt", locale: str = "sv") -> None:
    opt_in.subscribe(slug, address, locale, CONTEXT, now)


def confirm(desk: Desk, now: datetime = NOW + HOUR, locale: str = "sv") -> object:
    return opt_in.confirm(desk.link(), locale, CONTEXT, now)


def suppress(desk: Desk, reason: SuppressionReason, address: str = ANNA) -> None:
    with writing() as session:
        suppression.suppress(
            session, desk.key(address), reason=reason, source="test", now=NOW - 2 * DAY
        )


def test_a_sign_up_waits_for_confirmation_with_its_proof_and_one_mail(desk: Desk) -> None:
    ask(" Anna@Example.org ")
    assert desk.state(ANNA) == "pending"
    (notice,) = desk.notices()
    assert (notice.kind, notice.address) == ("confirmation", "Anna@example.org")
    (event,) = db.session.scalars(select(ConsentEvent)).all()
    assert (event.kind, event.ip, event.wording) == (ConsentKind.REQUESTED, "192.0.2.7", "form-1")


def test_confirming_by_the_link_gives_a_subscription_a_proof_and_a_welcome(desk: Desk) -> None:
    ask()
    assert isinstance(confirm(desk), Confirmed)
    assert desk.state(ANNA) == "confirmed"
    kinds = [event.kind for event in db.session.scalars(select(ConsentEvent))]
    assert kinds == [ConsentKind.REQUESTED, ConsentKind.CONFIRMED]
    assert [notice.kind for notice in desk.notices()] == ["confirmation", "welcome"]


def test_r_6_4_looking_at_a_link_changes_nothing(desk: Desk) -> None:
    ask()
    assert all(isinstance(opt_in.look(desk.link(), NOW), Waiting) for _ in range(5))
    assert desk.state(ANNA) == "pending"


def test_confirming_twice_is_as_good_as_once(desk: Desk) -> None:
    ask()
    confirm(desk)
    second = confirm(desk, NOW + 2 * HOUR)
    assert isinstance(second, Confirmed)
    assert second.again
    assert len(desk.notices("welcome")) == 1


def test_a_used_link_does_not_bring_back_who_left_since(desk: Desk) -> None:
    ask()
    confirm(desk)
    opt_out.unsubscribe(desk.leave_token(ANNA), Scope.LIST, CONTEXT, NOW + 2 * HOUR)
    assert isinstance(confirm(desk, NOW + 3 * HOUR), Expired)
    assert desk.state(ANNA) == "unsubscribed"


def test_r_6_2_a_hundred_sign_ups_of_one_address_send_one_mail(desk: Desk) -> None:
    for minute in range(100):
        ask(slug=("nytt", "jobb")[minute % 2], now=NOW + timedelta(minutes=minute))
    assert len(desk.notices()) == 1


def test_r_6_2_three_mails_to_one_address_in_thirty_days_at_most(desk: Desk) -> None:
    for day in range(30):
        ask(now=NOW + day * (DAY + timedelta(minutes=1)) * 0.99)
    assert len(desk.notices()) == 3
    ask(now=NOW + 31 * DAY)
    assert len(desk.notices()) == 4


def test_whoever_answers_may_join_another_list_the_same_day(desk: Desk) -> None:
    ask()
    confirm(desk)
    ask(slug="jobb", now=NOW + 2 * HOUR)
    confirm(desk, NOW + 3 * HOUR)
    assert desk.state(ANNA, "jobb") == "confirmed"


def test_a_second_list_asked_for_meanwhile_gets_its_link_after_the_first_answer(
    desk: Desk,
) -> None:
    ask()
    ask(slug="jobb")
    assert len(desk.notices("confirmation")) == 1
    confirm(desk)
    assert len(desk.notices("confirmation")) == 2
    confirm(desk, NOW + 2 * HOUR)
    assert desk.state(ANNA, "jobb") == "confirmed"


def test_a_known_reader_is_told_so_once_in_thirty_days(desk: Desk) -> None:
    ask()
    confirm(desk)
    for day in (2, 3, 30):
        ask(now=NOW + day * DAY)
    assert len(desk.notices("already_subscribed")) == 1
    ask(now=NOW + 33 * DAY)
    assert len(desk.notices("already_subscribed")) == 2
    assert len(desk.notices("confirmation")) == 1


@pytest.mark.parametrize(
    "reason",
    [
        SuppressionReason.COMPLAINT,
        SuppressionReason.BLOCKED_BY_OWNER,
        SuppressionReason.MANUAL,
    ],
)
def test_who_must_not_be_written_to_gets_nothing(desk: Desk, reason: SuppressionReason) -> None:
    suppress(desk, reason)
    ask()
    assert desk.notices() == []
    assert db.session.scalars(select(Subscriber)).all() == []


@pytest.mark.parametrize(
    "reason",
    [SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES, SuppressionReason.ERASED],
)
def test_r_4_8_an_address_that_bounced_is_released_by_confirming(
    desk: Desk, reason: SuppressionReason
) -> None:
    suppress(desk, reason)
    ask()
    assert suppression.find(db.session(), desk.key(ANNA), 1) is not None
    confirm(desk)
    assert suppression.find(db.session(), desk.key(ANNA), 1) is None
    released = db.session.scalars(select(Suppression)).one()
    assert released.released_by == "reader"


def test_an_expired_link_offers_a_new_one_and_the_new_one_works(desk: Desk) -> None:
    ask()
    old, late = desk.link(), NOW + 8 * DAY
    assert isinstance(opt_in.confirm(old, "sv", CONTEXT, late), Expired)
    assert opt_in.renew(old, "sv", CONTEXT, late)
    assert desk.link() != old
    assert isinstance(confirm(desk, late + HOUR), Confirmed)


def test_a_link_nobody_made_is_unknown_and_changes_nothing(desk: Desk) -> None:
    ask()
    assert isinstance(opt_in.confirm("nonsense", "sv", CONTEXT, NOW), Unknown)
    assert isinstance(opt_in.block("nonsense", CONTEXT, NOW), Unknown)
    assert not opt_in.renew("nonsense", "sv", CONTEXT, NOW)
    assert desk.state(ANNA) == "pending"


def test_the_owner_of_an_address_can_block_it_for_good(desk: Desk) -> None:
    ask()
    link = desk.link()
    assert isinstance(opt_in.block(link, CONTEXT, NOW + HOUR), Barred)
    assert isinstance(opt_in.confirm(link, "sv", CONTEXT, NOW + HOUR), Barred)
    ask(now=NOW + 40 * DAY)
    assert len(desk.notices()) == 1
    assert desk.state(ANNA) == "unsubscribed"


def test_r_6_6_no_usable_token_is_stored(desk: Desk) -> None:
    ask()
    raw = desk.link()
    token = db.session.scalars(select(Token)).one()
    assert raw.encode() not in token.digest
    assert raw.encode() not in (desk.notices()[0].sealed or b"")


def test_the_language_of_the_confirmation_becomes_the_readers(desk: Desk) -> None:
    ask()
    confirm(desk, locale="en")
    assert desk.subscription(ANNA).subscriber.locale == "en"


def test_a_strangers_request_does_not_undo_a_withdrawal(desk: Desk) -> None:
    ask()
    confirm(desk)
    opt_out.unsubscribe(desk.leave_token(ANNA), Scope.LIST, CONTEXT, NOW + 2 * HOUR)
    ask(now=NOW + 3 * DAY)
    assert desk.state(ANNA) == "pending"
    assert desk.subscription(ANNA).ended_at == NOW + 2 * HOUR
    confirm(desk, NOW + 4 * DAY)
    assert desk.subscription(ANNA).ended_at is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "anna@",
        "a@b@c.example",
        "anna@example.org\nBcc: x@example.org",
        "a\0@example.org",
    ],
)
def test_a_malformed_address_changes_nothing(desk: Desk, address: str) -> None:
    with pytest.raises(InvalidAddress):
        ask(address)
    assert db.session.scalars(select(Subscriber)).all() == []


def test_r_6_12_a_role_without_a_reader_is_refused(desk: Desk) -> None:
    with pytest.raises(opt_in.NoReader):
        ask("postmaster@example.org")


def test_an_unknown_list_is_refused(desk: Desk) -> None:
    with pytest.raises(NoSuchList):
        ask(slug="nix")


def test_sign_ups_of_one_address_at_the_same_moment_make_one_subscription_and_one_mail(
    desk: Desk,
) -> None:
    def sign_up(slug: str) -> None:
        with desk.app.app_context():
            ask(slug=slug)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda slug: Context().run(sign_up, slug), ["nytt", "jobb"] * 8))
    assert len(desk.notices()) == 1
    assert (desk.state(ANNA), desk.state(ANNA, "jobb")) == ("pending", "pending")
    assert len(db.session.scalars(select(Subscriber)).all()) == 1


def test_confirming_at_the_same_moment_twice_proves_it_once(desk: Desk) -> None:
    ask()
    link = desk.link()

    def press(_n: int) -> bool:
        with desk.app.app_context():
            return isinstance(opt_in.confirm(link, "sv", CONTEXT, NOW + HOUR), Confirmed)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda n: Context().run(press, n), range(8)))
    assert len(desk.notices("welcome")) == 1
    kinds = db.session.scalars(select(ConsentEvent.kind)).all()
    assert list(kinds).count(ConsentKind.CONFIRMED) == 1
