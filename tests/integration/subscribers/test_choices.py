"""A reader's own page: reached by a fresh mail only, where every choice holds at once."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentEvent,
    ConsentKind,
    FieldKind,
    Subscriber,
    SuppressionReason,
    Token,
    ms_of,
    writing,
)
from newsletter_service.subscribers import (
    choices,
    field_answers,
    fields,
    new_address,
    opt_in,
    opt_out,
    personal_link,
    privacy,
)
from newsletter_service.subscribers.choices import Saved, Wanted
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.fields import Definition
from newsletter_service.subscribers.opt_out import Scope
from newsletter_service.subscribers.wordings import Words
from newsletter_service.tokens import unseal
from tests.integration.subscribers.parken import NOW, Desk

ANNA, NEW = "anna@example.org", "anna.ny@example.org"
SEEN = Words("form", "sv", "Det du kryssar i skickas till din adress.")
CONTEXT = RequestContext(ip="192.0.2.7", user_agent="Firefox", channel="choices", words=(SEEN,))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Link = Callable[[], str]


@pytest.fixture(autouse=True)
def anna_reads_nytt(desk: Desk) -> None:
    opt_in.subscribe("nytt", ANNA, "sv", CONTEXT, NOW)
    opt_in.confirm(desk.link(), "sv", CONTEXT, NOW)


def secret(desk: Desk, kind: str = "personal_link") -> str:
    """The secret of the newest link of a kind."""
    sealed = desk.notices(kind)[-1].sealed
    assert sealed is not None
    return unseal(desk.settings.secret_key, sealed)


@pytest.fixture
def link(desk: Desk) -> str:
    """A link to Anna's own page, fresh."""
    personal_link.ask(ANNA, NOW)
    return secret(desk)


def save(raw: str, *slugs: str, locale: str = "sv", pause: int | None = None) -> Saved | None:
    return choices.save(raw, Wanted(frozenset(slugs), locale, pause), CONTEXT, NOW + HOUR / 2)


def test_the_link_goes_to_the_address_alone_three_times_a_day(desk: Desk) -> None:
    for _ in range(5):
        personal_link.ask(f" {ANNA.upper()} ", NOW)
    personal_link.ask("nobody@example.org", NOW)
    personal_link.ask_by_letter(desk.preferences_token(ANNA), NOW)
    assert [each.address for each in desk.notices("personal_link")] == [ANNA] * 3
    personal_link.ask_by_letter(desk.preferences_token(ANNA), NOW + DAY + HOUR)
    assert len(desk.notices("personal_link")) == 4


def test_the_link_works_for_an_hour_and_is_stored_as_its_hash(desk: Desk, link: str) -> None:
    assert choices.view(link, NOW + HOUR / 2) is not None
    assert choices.view(link, NOW + HOUR) is None
    assert choices.save(link, Wanted(frozenset(), "sv"), CONTEXT, NOW + HOUR) is None
    assert choices.copy(link, NOW + HOUR) is None
    assert not choices.erase(link, NOW + HOUR)
    assert desk.state(ANNA) == "confirmed"
    assert all(link.encode() not in token.digest for token in db.session.scalars(select(Token)))


def test_r_6_6_no_other_link_of_the_reader_opens_the_page(desk: Desk) -> None:
    opt_in.subscribe("jobb", ANNA, "sv", CONTEXT, NOW + DAY)
    for raw in (desk.link(), desk.leave_token(ANNA), desk.preferences_token(ANNA), "", "x"):
        assert choices.view(raw, NOW + DAY) is None
        assert not new_address.ask(raw, NEW, NOW + DAY)
        assert new_address.confirm(raw, "sv", CONTEXT, NOW + DAY) is None


def test_lists_begin_and_end_at_once_with_proof_of_the_words_that_were_seen(
    desk: Desk, link: str
) -> None:
    assert save(link, "jobb") == Saved(joined=("jobb",), left=("nytt",))
    assert (desk.state(ANNA, "nytt"), desk.state(ANNA, "jobb")) == ("unsubscribed", "confirmed")
    joined = desk.subscription(ANNA, "jobb")
    assert joined.legal_basis == "consent"
    [event] = db.session.scalars(
        select(ConsentEvent).where(ConsentEvent.subscription_id == joined.id)
    )
    assert (event.kind, event.channel, event.wording) == ("confirmed", "choices", SEEN.digest)


def test_who_is_barred_gets_nothing_by_ticking_it(desk: Desk, link: str) -> None:
    with writing() as session:
        suppression.suppress(
            session, desk.key(ANNA), reason=SuppressionReason.COMPLAINT, source="test", now=NOW
        )
    saved = save(link, "nytt", "jobb")
    assert saved is not None
    assert (saved.joined, saved.barred) == ((), ("jobb", "nytt"))


def test_a_pause_ends_by_itself_or_when_it_is_taken_back(desk: Desk, link: str) -> None:
    assert save(link, "nytt", pause=4) == Saved(paused=True)
    assert desk.subscription(ANNA).paused_until_ms == ms_of(NOW + HOUR / 2 + timedelta(weeks=4))
    seen = choices.view(link, NOW + HOUR / 2)
    assert seen is not None
    assert seen.paused_until == NOW + HOUR / 2 + timedelta(weeks=4)
    assert save(link, "nytt") == Saved()  # left as it is
    assert desk.subscription(ANNA).paused_until_ms is not None
    assert save(link, "nytt", pause=0) == Saved(paused=True)
    assert desk.subscription(ANNA).paused_until_ms is None
    assert save(link, "nytt", pause=5000) == Saved()


def test_the_language_changes_at_once(desk: Desk, link: str) -> None:
    assert save(link, "nytt", locale="en") == Saved(spoke=True)
    assert desk.subscription(ANNA).subscriber.locale == "en"


def test_the_copy_is_everything_and_json(link: str) -> None:
    kept = choices.copy(link, NOW)
    assert kept is not None
    assert json.loads(json.dumps(kept))["subscriber"]["address"] == ANNA


def test_a_reader_erases_themselves(desk: Desk, link: str) -> None:
    assert choices.erase(link, NOW)
    assert db.session.scalars(select(Subscriber)).all() == []
    assert suppression.find(db.session(), desk.key(ANNA), 1) is not None
    assert choices.view(link, NOW) is None


def move(desk: Desk, link: str, to: str = NEW) -> new_address.Change | None:
    assert new_address.ask(link, to, NOW)
    return new_address.confirm(secret(desk, "new_address"), "sv", CONTEXT, NOW + HOUR)


def test_a_new_address_waits_for_its_own_mailbox(desk: Desk, link: str) -> None:
    assert new_address.ask(link, NEW, NOW)
    raw = secret(desk, "new_address")
    seen = new_address.look(raw, NOW + HOUR)
    assert seen is not None
    assert (seen.old, seen.new, seen.is_open) == ("a•••@example.org", "a•••@example.org", True)
    assert desk.subscription(ANNA).subscriber.address == ANNA
    late = new_address.confirm(raw, "sv", CONTEXT, NOW + 2 * DAY)
    assert late is not None
    assert not late.done
    assert desk.subscription(ANNA).subscriber.address == ANNA


def test_after_confirming_letters_go_to_the_new_address_and_old_links_still_work(
    desk: Desk, link: str
) -> None:
    leave = desk.leave_token(ANNA)
    moved = move(desk, link)
    assert moved is not None
    assert moved.done
    reader = desk.subscription(NEW).subscriber
    assert (reader.address, desk.state(NEW)) == (NEW, "confirmed")
    assert [each.address for each in desk.notices("address_changed")] == [ANNA]
    opt_out.unsubscribe(leave, Scope.LIST, CONTEXT, NOW + 2 * HOUR)
    assert desk.state(NEW) == "unsubscribed"


def test_what_is_told_and_erased_after_a_change_covers_the_old_address(
    desk: Desk, link: str
) -> None:
    move(desk, link)
    told = privacy.export(NEW)
    assert {each["address"] for each in told["notices"]} == {ANNA, NEW}
    assert [each["kind"] for each in told["consent"]] == ["requested", "confirmed", "changed"]
    assert privacy.erase(NEW, "ada@example.org", NOW + DAY)
    assert desk.notices() == []
    assert db.session.scalars(select(ConsentEvent)).all() == []


def test_an_address_that_is_a_readers_already_takes_the_subscriptions_over(
    desk: Desk, link: str
) -> None:
    for slug in ("jobb", "nytt"):
        opt_in.subscribe(slug, NEW, "en", CONTEXT, NOW)
        opt_in.confirm(desk.link(), "en", CONTEXT, NOW)
    mine, theirs = desk.subscription(ANNA).id, desk.subscription(NEW).id
    role, firm = (
        fields.define(1, Definition(name, FieldKind.TEXT), actor="ada", now=NOW).id
        for name in ("Roll", "Organisation")
    )
    with writing() as session:
        field_answers.keep(session, mine, {role: "Forskare", firm: "Parken"})
        field_answers.keep(session, theirs, {firm: "Labbet"})
    moved = move(desk, link)
    assert moved is not None
    assert moved.done
    assert (desk.state(NEW, "nytt"), desk.state(NEW, "jobb")) == ("confirmed", "confirmed")
    assert desk.state(ANNA, "nytt") == "unsubscribed"
    event = db.session.scalars(
        select(ConsentEvent).where(ConsentEvent.kind == ConsentKind.WITHDRAWN)
    ).one()
    assert event.detail == {"moved": True}
    answers = field_answers.values_of(db.session(), [mine, theirs])
    assert answers == {mine: {}, theirs: {role: "Forskare", firm: "Labbet"}}


def test_a_blocked_address_cannot_become_anybodys(desk: Desk, link: str) -> None:
    assert new_address.ask(link, NEW, NOW)
    with writing() as session:
        suppression.suppress(
            session, desk.key(NEW), reason=SuppressionReason.BLOCKED_BY_OWNER, source="t", now=NOW
        )
    tried = new_address.confirm(secret(desk, "new_address"), "sv", CONTEXT, NOW + HOUR)
    assert tried is not None
    assert (tried.done, tried.barred) == (False, True)


def test_nobody_is_flooded_by_new_addresses(desk: Desk, link: str) -> None:
    for n in range(6):
        assert new_address.ask(link, f"anna{n}@example.org", NOW)
    assert len(desk.notices("new_address")) == 3
    with pytest.raises(opt_in.NoReader):
        new_address.ask(link, "postmaster@example.org", NOW)
