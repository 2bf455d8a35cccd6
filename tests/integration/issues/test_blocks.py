"""Writing an issue: nobody's words are lost, and what was approved is not changed in silence."""

import pytest

from newsletter_service.extensions import db
from newsletter_service.issues import approve, blocks
from newsletter_service.issues.blocks import Changed, Edit, NotEditable
from newsletter_service.models import Block, BlockKind, Issue, IssueState
from tests.integration.issues.conftest import NOW
from tests.world import World


@pytest.fixture
def draft(desk: World) -> Issue:
    return db.session.get_one(Issue, desk.issue(IssueState.DRAFT))


def _edit(issue: Issue) -> Edit:
    return Edit(issue.version, "anna@park.test", NOW)


def _kinds(issue: Issue) -> list[str]:
    return [str(block.kind) for block in issue.blocks]


def test_words_and_blocks_are_kept_together(draft: Issue) -> None:
    block = draft.blocks[0]
    blocks.write(
        draft.id, "sv", {"subject": " Nytt ämne "}, {block.id: {"title": "Rubrik"}}, _edit(draft)
    )

    assert draft.version == 2
    assert draft.text("sv").subject == "Nytt ämne"
    assert block.data["sv"]["title"] == "Rubrik"
    assert block.data["sv"]["summary"] == "Nu kan även små bolag boka tid."


def test_keeping_what_is_kept_already_changes_no_version(draft: Issue) -> None:
    blocks.write(draft.id, "sv", {"subject": "Ett"}, {}, Edit(1, "anna@park.test", NOW))

    assert blocks.write(draft.id, "sv", {"subject": "Ett"}, {}, Edit(1, "erik", NOW)) == 2


def test_whoever_comes_second_is_told_and_overwrites_nothing(draft: Issue) -> None:
    seen = _edit(draft)
    blocks.write(draft.id, "sv", {"subject": "Ett"}, {}, seen)

    with pytest.raises(Changed):
        blocks.write(draft.id, "sv", {"subject": "Två"}, {}, seen)
    assert draft.text("sv").subject == "Ett"


def test_a_field_that_the_kind_does_not_have_is_dropped(draft: Issue) -> None:
    block = draft.blocks[0]
    blocks.write(draft.id, "sv", {}, {block.id: {"title": "T", "script": "x"}}, _edit(draft))

    assert "script" not in block.data["sv"]


def test_english_begins_with_the_swedish_values(draft: Issue) -> None:
    block = draft.blocks[0]
    blocks.write(draft.id, "en", {}, {block.id: {"title": "A microscope"}}, _edit(draft))

    assert block.data["en"]["url"] == block.data["sv"]["url"]
    assert block.data["sv"]["title"] == "Kryomikroskop för alla"


def test_blocks_move_copy_and_go(draft: Issue) -> None:
    first = draft.blocks[0].id
    blocks.add(draft.id, [Block(kind=BlockKind.QUOTE, position=0, data={})], _edit(draft))
    blocks.add(
        draft.id, [Block(kind=BlockKind.TEXT, position=0, data={})], _edit(draft), after=first
    )
    assert _kinds(draft) == ["item", "text", "quote"]

    blocks.move(first, 1, _edit(draft))
    assert _kinds(draft) == ["text", "item", "quote"]
    blocks.move(first, 9, _edit(draft))
    assert _kinds(draft) == ["text", "quote", "item"]
    blocks.copy(first, _edit(draft))
    blocks.remove(first, _edit(draft))

    assert _kinds(draft) == ["text", "quote", "item"]
    assert draft.blocks[2].data["sv"]["title"] == "Kryomikroskop för alla"
    assert [block.position for block in draft.blocks] == [1, 2, 3]


def test_a_change_voids_an_approval(draft: Issue) -> None:
    approve.approve(draft.id, actor="anna@park.test", now=NOW)
    assert draft.state == IssueState.APPROVED

    blocks.write(draft.id, "sv", {"subject": "Annat"}, {}, _edit(draft))

    assert (draft.state, draft.approved_hash) == (IssueState.DRAFT, "")


def test_what_has_left_is_not_changed(desk: World) -> None:
    sent = db.session.get_one(Issue, desk.issue(IssueState.SENDING))

    with pytest.raises(NotEditable):
        blocks.write(sent.id, "sv", {"subject": "Annat"}, {}, _edit(sent))
