"""A newsletter with a few readers and news, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter_service.extensions import db
from newsletter_service.issues import blocks
from newsletter_service.models import Issue, IssueState, Item, writing
from newsletter_service.news import sources
from tests.world import World, world

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def desk(any_database_url: str, tmp_path: Path) -> Iterator[World]:
    with world(any_database_url, tmp_path) as made:
        made.readers(3)
        yield made


@pytest.fixture
def draft(desk: World) -> Issue:
    """A draft that passes the check."""
    issue = db.session.get_one(Issue, desk.issue(IssueState.DRAFT))
    edit = blocks.Edit(issue.version, "anna@park.test", NOW)
    blocks.write(issue.id, "sv", {}, {issue.blocks[0].id: {"url": "https://park.se/kryo"}}, edit)
    return issue


@pytest.fixture
def news(desk: World) -> list[int]:
    """A story with a picture, a competition, two events, an old story and a hidden one."""
    source = sources.add(
        desk.list_id, sources.NewSource("https://park.se/feed"), actor="anna", now=NOW
    )
    today = NOW.date()
    made = [
        Item(guid="story", title="Nytt labb i hus 3", image_url="https://park.se/labb.jpg"),
        Item(guid="quiz", title="Vinn en lunch", last_day=today + 5 * DAY),
        Item(guid="late", title="Frukost om regler", starts_on=today + 9 * DAY),
        Item(guid="soon", title="Öppet hus", starts_on=today + 2 * DAY, place="Aulan"),
        Item(guid="over", title="Förra veckans fika", starts_on=today - 3 * DAY),
        Item(guid="hidden", title="Dold", hidden_at=NOW),
    ]
    with writing() as session:
        for age, item in enumerate(made):
            item.source_id, item.url = source.id, f"https://park.se/nyheter/{item.guid}"
            item.fetched_at = item.changed_at = NOW
            item.published_at = NOW - age * timedelta(hours=5)
            session.add(item)
        session.flush()
        return [item.id for item in made]
