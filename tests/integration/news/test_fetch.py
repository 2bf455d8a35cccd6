"""Fetching a source over real HTTP: what is new is stored once, what fails is told and waits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter_service.embedded.sample_feed import SampleSite
from newsletter_service.extensions import db
from newsletter_service.models import Item, Organisation, Source, writing
from newsletter_service.news import fetch, sources
from tests.world import World, world

NOW = datetime.now(UTC)


@pytest.fixture
def site() -> Iterator[SampleSite]:
    with SampleSite() as running:
        yield running


@pytest.fixture
def desk(any_database_url: str, tmp_path: Path, site: SampleSite) -> Iterator[World]:
    """In trial mode, where the sample site's own origin is let through."""
    with world(any_database_url, tmp_path, trial_origins=site.url) as made:
        _switch_live(None)
        yield made


def _switch_live(at: datetime | None) -> None:
    with writing() as session:
        session.get_one(Organisation, 1).live_at = at


def _source(desk: World, url: str) -> Source:
    return sources.add(desk.list_id, sources.NewSource(url), actor="anna@park.test", now=NOW)


def _items() -> int:
    return db.session.scalar(select(func.count()).select_from(Item)) or 0


def test_what_is_new_is_stored_once(desk: World, site: SampleSite) -> None:
    source = _source(desk, site.feed_url)
    new = fetch.fetch(source.id, NOW)

    assert new == _items() >= 10
    assert fetch.fetch(source.id, NOW) == 0
    assert _items() == new
    assert (source.failures, source.last_error) == (0, "")
    assert source.title
    assert source.succeeded_at == NOW


def test_an_unchanged_feed_is_asked_for_by_its_mark(desk: World, site: SampleSite) -> None:
    source = _source(desk, site.feed_url)
    fetch.fetch(source.id, NOW)
    mark = source.etag
    fetch.fetch(source.id, NOW + timedelta(seconds=1))

    assert mark
    assert source.etag == mark
    assert source.due_at == NOW + timedelta(seconds=1) + fetch.EVERY


def test_a_change_of_words_reaches_the_item(desk: World, site: SampleSite) -> None:
    source = _source(desk, site.feed_url)
    fetch.fetch(source.id, NOW)
    item = db.session.scalars(select(Item).limit(1)).one()
    right, item.title, source.etag, source.last_modified = item.title, "Tryckfel", "", ""
    db.session.commit()

    assert fetch.fetch(source.id, NOW) == 1
    assert item.title == right


def test_a_feed_that_fails_is_told_and_tried_less_and_less(desk: World, site: SampleSite) -> None:
    source = _source(desk, site.url + "/finns-inte.xml")
    waits = []
    for _try in range(3):
        assert fetch.fetch(source.id, NOW) == 0
        waits.append(source.due_at - NOW)

    assert "404" in source.last_error
    assert waits == sorted(set(waits))
    assert sources.of_list(desk.list_id)[0].is_silent


def test_a_page_that_is_no_feed_is_told(desk: World, site: SampleSite) -> None:
    source = _source(desk, site.url + "/")
    fetch.fetch(source.id, NOW)

    assert source.last_error == "The address shows a web page, not a feed."


def test_a_live_installation_does_not_look_into_its_own_machine(
    desk: World, site: SampleSite
) -> None:
    _switch_live(NOW)
    source = _source(desk, site.feed_url)

    assert fetch.fetch(source.id, NOW) == 0
    assert _items() == 0
    assert source.failures == 1


def test_a_source_that_was_removed_is_fetched_no_more(desk: World, site: SampleSite) -> None:
    source = _source(desk, site.feed_url)
    sources.remove(desk.list_id, source.id, actor="anna@park.test", now=NOW)

    assert fetch.due(NOW + timedelta(days=1)) == []
    assert fetch.fetch(source.id, NOW) == 0

    again = _source(desk, site.feed_url)
    assert again.id == source.id
    assert fetch.due(NOW) == [source.id]


def test_all_feeds_are_due_when_somebody_asks(desk: World, site: SampleSite) -> None:
    source = _source(desk, site.feed_url)
    fetch.fetch(source.id, NOW)
    assert fetch.due(NOW) == []

    assert sources.refresh(desk.list_id, actor="anna@park.test", now=NOW) == 1
    assert fetch.due(NOW) == [source.id]


def test_a_feed_that_tells_nothing_for_unusually_long_is_quiet_and_one_that_fails_is_not(
    desk: World, site: SampleSite
) -> None:
    source = _source(desk, site.feed_url)
    fetch.fetch(source.id, NOW)
    with writing() as session:
        for number, item in enumerate(session.scalars(select(Item))):
            item.published_at = NOW - timedelta(days=number)
    (health,) = sources.of_list(desk.list_id)
    assert health.quiet_since(NOW + timedelta(days=44)) is None
    assert health.quiet_since(NOW + timedelta(days=46)) == NOW
    source.failures = 1
    assert health.quiet_since(NOW + timedelta(days=46)) is None
