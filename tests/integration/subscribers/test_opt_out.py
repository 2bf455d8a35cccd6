"""Leaving, changing one's mind, and what a forwarded letter can do, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.models import ConsentEvent, ConsentKind, Subscription, SubscriptionState
from newsletter_service.subscribers import opt_in, opt_out, preferences
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.opt_out import Scope
from newsletter_service.subscribers.preferences import Wanted
from newsletter_service.tokens import BadToken
from tests.integration.subscribers.parken import NOW, Desk

ANNA = "anna@example.org"
CONTEXT = RequestContext(channel="page")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def anna_reads_both(desk: Desk) -> None:
    """Anna subscribes to both lists."""
    for slug in ("nytt", "jobb"):
        opt_in.subscribe(slug, ANNA, "sv", CONTEXT, NOW)
        opt_in.confirm(desk.link(), "sv", CONTEXT, NOW)


def states(desk: Desk) -> tuple[str, str]:
    return desk.state(ANNA, "nytt"), desk.state(ANNA, "jobb")


def leave(desk: Desk, scope: Scope = Scope.LIST, hours: int = 1) -> opt_out.Left:
    return opt_out.unsubscribe(desk.leave_token(ANNA), scope, CONTEXT, NOW + hours * HOUR)


def test_leaving_one_list_keeps_the_other_and_the_proof_names_the_issue(desk: Desk) -> None:
    left = leave(desk)
    assert states(desk) == ("unsubscribed", "confirmed")
    assert not left.standing.subscribed
    (event,) = db.session.scalars(
        select(ConsentEvent).where(ConsentEvent.kind == ConsentKind.WITHDRAWN)
    )
    assert event.detail == {"issue_id": 7}


def test_leaving_everything_ends_every_list(desk: Desk) -> None:
    leave(desk, Scope.ORGANISATION)
    assert states(desk) == ("unsubscribed", "unsubscribed")


def test_r_1_18_leaving_twice_is_fine_and_proves_one_withdrawal(desk: Desk) -> None:
    leave(desk)
    assert leave(desk, hours=2).undo == ""
    assert desk.subscription(ANNA).ended_at == NOW + HOUR


def test_looking_at_the_link_changes_nothing(desk: Desk) -> None:
    standing = opt_out.look(desk.leave_token(ANNA), NOW)
    assert (standing.subscribed, standing.masked, standing.others) == (
        True,
        "a•••@example.org",
        1,
    )
    assert states(desk) == ("confirmed", "confirmed")


def test_r_1_12_flipping_any_character_of_the_token_is_refused(desk: Desk) -> None:
    token = desk.leave_token(ANNA)
    for place in range(len(token)):
        other = "a" if token[place] != "a" else "b"
        with pytest.raises(BadToken):
            opt_out.unsubscribe(
                token[:place] + other + token[place + 1 :], Scope.LIST, CONTEXT, NOW
            )
    assert states(desk) == ("confirmed", "confirmed")


def test_r_6_6_a_confirmation_token_cannot_unsubscribe(desk: Desk) -> None:
    with pytest.raises(BadToken):
        opt_out.unsubscribe(desk.preferences_token(ANNA), Scope.LIST, CONTEXT, NOW)


def test_a_mistake_can_be_undone_for_a_day(desk: Desk) -> None:
    left = leave(desk, Scope.ORGANISATION)
    assert len(opt_out.undo(left.undo, CONTEXT, NOW + 24 * HOUR)) == 2
    assert states(desk) == ("confirmed", "confirmed")
    assert desk.subscription(ANNA).confirmed_at == NOW


@pytest.mark.parametrize("hours", [26, 24 * 30])
def test_after_a_day_it_cannot_be_undone(desk: Desk, hours: int) -> None:
    left = leave(desk)
    assert opt_out.undo(left.undo, CONTEXT, NOW + hours * HOUR) == []
    assert desk.state(ANNA) == "unsubscribed"


def test_an_old_undo_does_not_take_back_a_later_withdrawal(desk: Desk) -> None:
    first = leave(desk)
    opt_out.undo(first.undo, CONTEXT, NOW + 2 * HOUR)
    leave(desk, hours=3)
    assert opt_out.undo(first.undo, CONTEXT, NOW + 4 * HOUR) == []


def test_undoing_does_not_confirm_what_never_was(desk: Desk) -> None:
    subscription = desk.subscription(ANNA, "jobb")
    subscription.state = SubscriptionState.PENDING
    db.session.commit()
    left = leave(desk, Scope.ORGANISATION)
    opt_out.undo(left.undo, CONTEXT, NOW + 2 * HOUR)
    assert states(desk) == ("confirmed", "unsubscribed")


@pytest.mark.parametrize("proof", ["", "x", "W10.abc", "\0"])
def test_a_forged_undo_does_nothing(desk: Desk, proof: str) -> None:
    leave(desk)
    assert opt_out.undo(proof, CONTEXT, NOW + HOUR) == []


def change(desk: Desk, slugs: set[str], locale: str = "sv") -> preferences.Changed | None:
    wanted = Wanted(frozenset(slugs), locale)
    token = desk.preferences_token(ANNA)
    return preferences.change(token, wanted, CONTEXT, NOW + 2 * HOUR)


def test_preferences_show_the_masked_address_and_every_list(desk: Desk) -> None:
    seen = preferences.view(desk.preferences_token(ANNA))
    assert seen is not None
    assert (seen.masked, seen.locale, seen.locales) == ("a•••@example.org", "sv", ("sv", "en"))
    assert {choice.slug: choice.subscribed for choice in seen.choices} == {
        "nytt": True,
        "jobb": True,
    }


def test_a_list_that_is_no_longer_ticked_ends_at_once(desk: Desk) -> None:
    changed = change(desk, {"nytt"})
    assert changed is not None
    assert changed.left == ("jobb",)
    assert states(desk) == ("confirmed", "unsubscribed")


def test_joining_by_a_link_that_may_be_forwarded_takes_a_mailed_confirmation(desk: Desk) -> None:
    leave(desk)
    changed = change(desk, {"nytt", "jobb"})
    assert changed is not None
    assert changed.to_confirm
    assert desk.state(ANNA) == "pending"
    opt_in.confirm(desk.link(), "sv", CONTEXT, NOW + 3 * HOUR)
    assert desk.state(ANNA) == "confirmed"


def test_another_language_takes_a_mailed_confirmation_too(desk: Desk) -> None:
    changed = change(desk, {"nytt", "jobb"}, "en")
    assert changed is not None
    assert changed.to_confirm
    assert desk.subscription(ANNA).subscriber.locale == "sv"
    opt_in.confirm(desk.link(), "en", CONTEXT, NOW + 3 * HOUR)
    assert desk.subscription(ANNA).subscriber.locale == "en"


def test_changing_nothing_changes_nothing(desk: Desk) -> None:
    before = len(desk.notices())
    changed = change(desk, {"nytt", "jobb", "unheard-of"}, "xx")
    assert changed == preferences.Changed((), to_confirm=False)
    assert len(desk.notices()) == before
    assert db.session.scalars(select(Subscription.state)).all() == ["confirmed", "confirmed"]
