"""What is the same piece of news, and what only looks like it."""

from datetime import date

import pytest

from newsletter_service.news.alike import Known, Told, alike, canonical
from tests.unit.news.alike_pairs import DIFFERENT, SAME

Words = tuple[str, str]


def told(words: Words, number: int = 1, url: str = "") -> Told:
    return Told(number, words[0].replace("&amp;", "&"), words[1], url)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_told_twice_is_seen_from_both_sides(one: Words, other: Words) -> None:
    assert alike(told(one), told(other))
    assert alike(told(other), told(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_things_told_alike_stay_apart(one: Words, other: Words) -> None:
    assert not alike(told(one), told(other))
    assert not alike(told(other), told(one))


def test_one_address_is_one_piece_of_news_whatever_leads_to_it() -> None:
    one = told(("Nytt labb", ""), url="https://www.park.test/nytt/?utm_source=rss&id=7")
    other = told(("Labbet är klart", ""), url="http://park.test/nytt?id=7&utm_medium=feed")
    assert alike(one, other)
    assert canonical(one.url) == "park.test/nytt?id=7"


def test_a_front_page_is_no_piece_of_news() -> None:
    front = "https://park.test/"
    assert not alike(told(("Fika", ""), url=front), told(("Lunch", ""), url=front))


def test_events_on_two_days_are_two_events() -> None:
    here = "https://park.test/kalender/oppet-hus"
    one = Told(1, "Öppet hus i parken", url=here, starts_on=date(2026, 12, 3))
    assert not alike(one, Told(2, "Öppet hus i parken", url=here, starts_on=date(2026, 12, 10)))


def test_those_alike_are_found_among_many_in_their_order() -> None:
    others = [told((f"Rapport {n} om något helt annat", ""), n) for n in range(10, 500)]
    same = [told(("Nytt labb i parken öppnar!", ""), 2), told(("Nytt labb i parken öppnar", ""), 3)]
    known = Known([*others, *same])
    assert [one.id for one in known.alike(told(("Nytt labb i parken öppnar", ""), 900))] == [2, 3]
    assert known.alike(told(("Fika på fredag i Ljusgården", ""), 901)) == []
