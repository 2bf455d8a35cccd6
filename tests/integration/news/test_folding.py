"""News told by several sources is shown once, and can be taken apart again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, suggest
from newsletter_service.issues.blocks import Edit
from newsletter_service.models import Item, NewsletterList, list_source, writing
from newsletter_service.news import desk as news_desk
from newsletter_service.news import folding, sources, tabs
from tests.world import World, world

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TITLE = "Nytt labb för kryomikroskopi öppnar i hus 3"


@pytest.fixture
def desk(any_database_url: str, tmp_path: Path) -> Iterator[World]:
    with world(any_database_url, tmp_path) as made:
        yield made


def source(desk: World, name: str, list_id: int = 0) -> int:
    new = sources.NewSource(f"https://{name}.test/feed", title=name)
    return sources.add(list_id or desk.list_id, new, actor="anna", now=NOW).id


def item(source_id: int, title: str = TITLE, *, url: str = "", days: int = 0) -> int:
    when = NOW - timedelta(days=days)
    with writing() as session:
        made = Item(
            source_id=source_id,
            guid=f"{title}{url}{days}",
            title=title,
            url=url,
            published_at=when,
            fetched_at=when,
            changed_at=when,
        )
        session.add(made)
        session.flush()
        return made.id


def shown(desk: World, tab: str = "new", **more: str) -> list[tabs.Row]:
    return tabs.rows(desk.list_id, tabs.Wanted(tab, NOW, NOW.date(), **more))


def test_the_first_to_come_stands_for_the_rest_and_says_where_else_it_was_told(desk: World) -> None:
    first, second = item(source(desk, "park")), item(source(desk, "bolag"), TITLE + "!")
    assert folding.is_due()
    assert folding.fold(NOW) == 1
    assert not folding.is_due()
    assert folding.fold(NOW) == 0
    (row,) = shown(desk)
    assert (row.item.id, [other.id for other in row.also]) == (first, [second])
    assert tabs.came_in(desk.list_id, NOW - timedelta(days=1)) == 1


def test_what_was_taken_apart_stays_apart(desk: World) -> None:
    first, second = item(source(desk, "park")), item(source(desk, "bolag"))
    folding.fold(NOW)
    assert folding.take_apart(second, NOW) == first
    with writing() as session:
        session.get_one(Item, second).compared = False
    assert folding.fold(NOW) == 0
    assert {row.item.id for row in shown(desk)} == {first, second}


def test_one_sites_own_series_is_folded_by_address_only(desk: World) -> None:
    park = source(desk, "park")
    item(park, "Månadens forskare i parken", url="https://park.test/1")
    item(park, "Månadens forskare i parken", url="https://park.test/2", days=1)
    item(park, "Månadens forskare i parken!", url="https://www.park.test/1?utm_source=x", days=1)
    assert folding.fold(NOW) == 1


def test_news_of_long_ago_and_of_another_newsletter_is_left_alone(desk: World) -> None:
    with writing() as session:
        other = NewsletterList(
            slug="annat",
            list_id="annat.example.org",
            name="Annat",
            sender_name="Annat",
            sender_address="a@park.example.org",
            created_at=NOW,
        )
        session.add(other)
        session.flush()
        other_id = other.id
    park, bolag = source(desk, "park"), source(desk, "bolag", other_id)
    item(park)
    item(bolag)  # only the other newsletter reads it, and not the first
    item(source(desk, "gammal"), days=40)
    assert folding.fold(NOW) == 0
    with writing() as session:
        session.execute(insert(list_source).values(list_id=desk.list_id, source_id=bolag))
        session.execute(insert(list_source).values(list_id=other_id, source_id=park))
    item(bolag, TITLE + " nu")
    assert folding.fold(NOW) == 1


def test_what_an_issue_carries_is_used_under_its_other_name_too(desk: World) -> None:
    first, second = item(source(desk, "park")), item(source(desk, "bolag"))
    issue_id = suggest.empty(desk.list_id, actor="anna", now=NOW)
    blocks.add_items(issue_id, [second], Edit(1, "anna", NOW))
    folding.fold(NOW)
    assert shown(desk) == []
    (row,) = shown(desk, "used")
    assert (row.item.id, row.used_in) == (first, [1])


def test_a_source_that_goes_lets_go_of_what_its_news_stood_for(desk: World) -> None:
    park, bolag = source(desk, "park"), source(desk, "bolag")
    item(park)
    second = item(bolag)
    folding.fold(NOW)
    sources.remove(desk.list_id, park, actor="anna", now=NOW)
    folding.fold(NOW)
    assert [row.item.id for row in shown(desk)] == [second]


def test_kept_back_news_is_coming_and_not_suggested_until_its_time(desk: World) -> None:
    made = item(source(desk, "park"))
    later = NOW + timedelta(days=2)
    news_desk.care(made, news_desk.Care("Forskning, event", later))
    assert shown(desk) == []
    assert [row.item.id for row in shown(desk, "coming")] == [made]
    with pytest.raises(suggest.NothingNew):
        suggest.suggest(suggest.Wish(desk.list_id), actor="anna", now=NOW)
    assert tabs.rows(desk.list_id, tabs.Wanted("new", later, later.date()))
    db.session.rollback()
    assert suggest.suggest(suggest.Wish(desk.list_id), actor="anna", now=later)


def test_tags_of_the_feed_and_by_hand_find_news_and_a_fetch_keeps_those_by_hand(
    desk: World,
) -> None:
    made, other = item(source(desk, "park")), item(source(desk, "bolag"), "Fika på fredag")
    with writing() as session:
        session.get_one(Item, made).tags = ["Forskning", "Hållbarhet"]
    news_desk.care(other, news_desk.Care("#Forskning; Nöje,, nöje"))
    wanted = tabs.Wanted("new", NOW, NOW.date())
    counted = [("Forskning", 2), ("Hållbarhet", 1), ("Nöje", 1)]
    assert tabs.tags(desk.list_id, wanted) == counted
    assert [row.item.id for row in shown(desk, tag="Hållbarhet")] == [made]
    assert [row.item.id for row in shown(desk, tag="Nöje")] == [other]
    assert shown(desk, tag="%") == []
    assert db.session.get_one(Item, other).all_tags == ["Forskning", "Nöje"]
