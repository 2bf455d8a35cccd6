"""What goes into a suggested issue, in which order, and why."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter_service.issues.choice import (
    EVENTS_AHEAD,
    MOST_CLOSING,
    MOST_EVENTS,
    MOST_STORIES,
    Candidate,
    Choice,
    choose,
)

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
TODAY = date(2026, 11, 26)
LONG = (
    "Det här är en sammanfattning som säger så mycket att den räcker till en huvudnyhet i brevet."
)


def one(number: int, *, hours: float = 0, **more: Any) -> Candidate:
    when = NOW - timedelta(hours=hours or number)
    return Candidate(number, f"Nyhet {number}", when, **more)


def chosen(*candidates: Candidate) -> Choice:
    return choose(candidates, NOW, TODAY)


def kinds(choice: Choice) -> list[tuple[str, str, list[int]]]:
    return [(s.kind, s.tag, [pick.id for pick in s.picks]) for s in choice.sections]


def test_the_lead_is_the_newest_with_a_picture_and_something_told() -> None:
    choice = chosen(
        one(1), one(2, has_picture=True), one(3, has_picture=True, summary=LONG), one(4)
    )
    assert (choice.lead.id, choice.lead.why) == (3, "lead:picture")
    assert kinds(choice) == [("stories", "", [1, 2, 4])]


def test_an_old_picture_does_not_beat_the_fortnights_news() -> None:
    old = one(9, hours=24 * 20, has_picture=True, summary=LONG)
    assert chosen(old, one(2, has_picture=True)).lead.id == 2
    assert chosen(old, one(2)).lead.id == 9  # but a picture beats none


def test_without_pictures_the_newest_leads_and_a_lone_one_says_so() -> None:
    assert (chosen(one(1), one(2)).lead.id, chosen(one(1), one(2)).lead.why) == (1, "lead:newest")
    assert chosen(one(7)).lead.why == "lead:only"
    assert chosen(one(7, starts_on=TODAY)).lead.id == 7


def test_what_shares_a_tag_stands_together_under_its_name_and_site_words_are_no_names() -> None:
    def tagged(number: int, *tags: str) -> Candidate:
        return one(number, tags=("Nyheter", *tags))

    choice = chosen(
        one(1, has_picture=True, summary=LONG),
        *(tagged(2, "Bolag"), tagged(3, "Forskning"), tagged(4), tagged(5, "Forskning")),
        *(tagged(6, "Bolag"), tagged(7, "Ensam")),
    )
    assert kinds(choice) == [
        ("tag", "Bolag", [2, 6]),
        ("tag", "Forskning", [3, 5]),
        ("more", "", [4, 7]),
    ]
    assert choice.sections[1].picks[0].why == "tag:Forskning"


def test_one_group_of_everything_is_no_section() -> None:
    everything = [one(n, tags=("Forskning",)) for n in range(1, 7)]
    assert [kind for kind, *_rest in kinds(chosen(*everything))] == ["stories"]


def test_events_come_last_soonest_first_and_far_ones_wait() -> None:
    def event(number: int, days: int) -> Candidate:
        return one(number, starts_on=TODAY + timedelta(days=days))

    choice = chosen(one(1), event(2, 9), event(3, 2), event(4, EVENTS_AHEAD.days + 1), one(5))
    assert kinds(choice)[-1] == ("events", "", [3, 2])
    assert choice.left_out == {4: "far"}


def test_what_closes_first_stands_first() -> None:
    closing = [one(n, last_day=TODAY + timedelta(days=20 - n)) for n in range(2, 7)]
    choice = chosen(one(1), *closing)
    assert kinds(choice)[-1] == ("closing", "", [6, 5, 4])
    assert choice.left_out == {3: "room", 2: "room"}


def test_no_source_fills_the_letter_while_others_have_news() -> None:
    busy = [one(n, source=1) for n in range(1, 12)]
    quiet = [one(n, source=2) for n in range(20, 23)]
    choice = chosen(*busy, *quiet)
    assert [i for kind, _tag, ids in kinds(choice) for i in ids] == [2, 3, 4, 5, 20, 21, 22]
    assert set(choice.left_out.values()) == {"source"}
    alone = chosen(*busy)
    assert len(alone.picks) == MOST_STORIES + 1


candidates = st.lists(
    st.builds(
        Candidate,
        id=st.integers(1, 10**6),
        title=st.text(max_size=20),
        published_at=st.integers(1, 2000).map(lambda hours: NOW - timedelta(hours=hours)),
        summary=st.text(max_size=100),
        has_picture=st.booleans(),
        tags=st.lists(st.sampled_from(["Forskning", "Bolag", "Nyheter", "Möten"])).map(tuple),
        source=st.integers(1, 3),
        starts_on=st.none() | st.dates(TODAY, date(2027, 3, 1)),
        last_day=st.none() | st.dates(TODAY, date(2027, 3, 1)),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda one: one.id,
)


@settings(max_examples=80, deadline=None)
@given(candidates)
def test_whatever_there_is_everything_is_chosen_once_or_left_out_for_a_reason(
    found: list[Candidate],
) -> None:
    choice = choose(found, NOW, TODAY)
    ids = [pick.id for pick in choice.picks]
    assert len(ids) == len(set(ids)) <= 1 + MOST_STORIES + MOST_CLOSING + MOST_EVENTS
    assert set(ids) | set(choice.left_out) == {each.id for each in found}
    assert not set(ids) & set(choice.left_out)
    by_id = {each.id: each for each in found}
    for section in choice.sections:
        assert section.picks
        days = [by_id[pick.id].starts_on for pick in section.picks if section.kind == "events"]
        assert all(a <= b for a, b in pairwise(days) if a and b)
    assert choose(list(reversed(found)), NOW, TODAY) == choice
