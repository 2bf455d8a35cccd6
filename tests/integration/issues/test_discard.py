"""A draft is thrown away and taken back; its news and its number are free meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter_service.extensions import db
from newsletter_service.issues import discard, release, shelf, suggest
from newsletter_service.models import IllegalMove, Issue, IssueState
from tests.integration.issues.conftest import NOW
from tests.world import World, world

ANNA = "anna@park.test"


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A newsletter with three readers."""
    with world(sqlite_url, tmp_path) as made:
        made.readers(3)
        yield made


def test_a_draft_thrown_away_leaves_its_number_and_its_news_to_the_next(
    desk: World, news: list[int]
) -> None:
    first = suggest.suggest(suggest.Wish(desk.list_id), actor=ANNA, now=NOW)
    with pytest.raises(suggest.NothingNew):
        suggest.suggest(suggest.Wish(desk.list_id), actor=ANNA, now=NOW)

    discard.discard(first, actor=ANNA, now=NOW)
    assert shelf.one(first) is None
    assert shelf.of_list(desk.list_id) == shelf.Shelf([], [], [], [])
    second = db.session.get_one(
        Issue, suggest.suggest(suggest.Wish(desk.list_id), actor=ANNA, now=NOW)
    )
    assert second.number == 1

    discard.restore(first, actor=ANNA, now=NOW)
    back = db.session.get_one(Issue, first)
    assert (back.number, back.state) == (2, IssueState.DRAFT)
    assert [block.item_id for block in back.blocks if block.item_id]
    assert shelf.discarded(desk.list_id) == []


def test_only_a_draft_is_thrown_away_and_only_what_was_thrown_away_comes_back(
    draft: Issue,
) -> None:
    with pytest.raises(IllegalMove):
        discard.restore(draft.id, actor=ANNA, now=NOW)
    release.release(draft.id, actor=ANNA, now=NOW)
    with pytest.raises(IllegalMove):
        discard.discard(draft.id, actor=ANNA, now=NOW)
