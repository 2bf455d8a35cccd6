"""An issue in two languages: what is missing is seen, and parts may stand in one of them only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, compose, copies, preflight, translating
from newsletter_service.models import Block, Issue, IssueState, Item, NewsletterList, writing
from tests.integration.issues.conftest import NOW
from tests.world import World, world

BOTH = ["sv", "en"]


@pytest.fixture
def issue(sqlite_url: str, tmp_path: Path) -> Iterator[Issue]:
    """A draft of a newsletter in Swedish and English, written in Swedish."""
    with world(sqlite_url, tmp_path) as made:
        made.readers(2)
        yield _bilingual(made)


def _bilingual(made: World) -> Issue:
    issue_id = made.issue(IssueState.DRAFT)
    with writing() as session:
        session.get_one(NewsletterList, made.list_id).locales = BOTH
    return db.session.get_one(Issue, issue_id)


def _write(issue: Issue, text: dict[str, str], **values: object) -> None:
    db.session.refresh(issue)
    edit = blocks.Edit(issue.version, "anna", NOW)
    blocks.write(issue.id, "en", text, {issue.blocks[0].id: values}, edit)
    db.session.refresh(issue)


def _found(issue: Issue, rule: str) -> list[tuple[str, dict[str, object]]]:
    db.session.expire_all()
    report = preflight.examine(db.session(), issue, NOW, only=(rule,))
    return [(one.place, one.values) for one in (*report.must, *report.should)]


ENGLISH = {"subject": "A new lab", "preheader": "Three moves", "introduction": "Hello."}


def test_a_form_in_the_second_language_has_the_addresses_and_not_the_words(issue: Issue) -> None:
    block = issue.blocks[0]
    start = translating.to_write(block, "en", BOTH)

    assert (start["title"], start["summary"]) == ("", "")
    assert start["url"] == block.values("sv")["url"]
    assert translating.original(block, "en", BOTH) == {
        "title": "Kryomikroskop för alla",
        "summary": "Nu kan även små bolag boka tid.",
    }
    assert translating.to_write(block, "en", ["sv"])["title"] == "Kryomikroskop för alla"


def test_what_is_not_translated_blocks_until_it_is(issue: Issue) -> None:
    place = f"block:{issue.blocks[0].id}"
    assert _found(issue, "translation_missing") == []  # nobody has begun the English letter

    _write(issue, ENGLISH)
    ((where, said),) = _found(issue, "translation_missing")
    assert (where, said["field"], said["words"]) == (place, "title", "Kryomikroskop för alla")
    _write(issue, {}, title="A microscope for all")
    assert _found(issue, "translation_missing")[0][1]["field"] == "summary"
    _write(issue, {}, summary="Small companies may book, too.")
    assert _found(issue, "translation_missing") == []


def test_a_part_of_one_language_stands_in_no_other_letter(issue: Issue) -> None:
    _write(issue, ENGLISH, only_locale="sv")

    assert "Kryomikroskop" in compose.letter(db.session(), issue, "sv").html
    assert "Kryomikroskop" not in compose.letter(db.session(), issue, "en").html
    assert _found(issue, "translation_missing") == []
    assert _found(issue, "language_empty") == [("subject:en", {"locale": "en"})]


def test_a_language_that_the_list_has_not_is_not_taken(issue: Issue) -> None:
    _write(issue, {}, only_locale="fi")

    assert issue.blocks[0].only_locale == ""


def test_news_in_the_second_language_stand_in_its_letter_only() -> None:
    english, swedish = Item(language="en"), Item(language="sv")

    assert translating.of_item(english, BOTH) == "en"
    assert translating.of_item(swedish, BOTH) == ""
    assert translating.of_item(english, ["sv"]) == ""


def test_a_copy_of_a_part_or_an_issue_keeps_its_language(issue: Issue) -> None:
    _write(issue, ENGLISH, only_locale="sv")
    blocks.copy(issue.blocks[0].id, blocks.Edit(issue.version, "anna", NOW))
    again = copies.copy(issue.id, actor="anna", now=NOW)

    for number in (issue.id, again):
        rows = db.session.query(Block).where(Block.issue_id == number)
        assert {row.only_locale for row in rows} == {"sv"}
