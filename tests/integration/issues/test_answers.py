"""Fields in an issue's words: what is approved, checked, copied and corrected with them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask_babel import force_locale

from newsletter_service.extensions import db
from newsletter_service.issues import (
    approve,
    blocks,
    copies,
    coverage,
    editions,
    merging,
    preflight,
    release,
    seen_by,
    suggest,
)
from newsletter_service.issues.blocks import Edit
from newsletter_service.mail.letter import LetterError
from newsletter_service.mail.merge_fields import LONGEST_VALUE
from newsletter_service.models import (
    FieldKind,
    FieldValue,
    Issue,
    IssueState,
    Item,
    ListField,
    Subscription,
    writing,
)
from newsletter_service.subscribers import fields
from newsletter_service.subscribers.fields import Choice, Definition, folded
from tests.integration.issues.conftest import NOW
from tests.world import World, world

HUGE = "Ö" * 200


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """Three readers; what is counted is counted on both databases, in one test of its own."""
    with world(sqlite_url, tmp_path) as made:
        made.readers(3)
        yield made


@pytest.fixture
def field(desk: World) -> ListField:
    """*Organisation*, which the first two of three readers have answered."""
    made = fields.define(
        desk.list_id, Definition("Organisation", FieldKind.TEXT), actor="a", now=NOW
    )
    _answer(made, "Ljus AB", "Institutet")
    return made


def _answer(field: ListField, *answers: str) -> list[int]:
    with writing() as session:
        ids = [one.id for one in session.query(Subscription).order_by(Subscription.id)]
        session.add_all(
            FieldValue(subscription_id=one, field_id=field.id, value=said, folded=folded(said))
            for one, said in zip(ids, answers, strict=False)
        )
    return ids


def _say(issue: Issue, **words: str) -> Issue:
    edit = Edit(db.session.get_one(Issue, issue.id).version, "anna@park.test", NOW)
    blocks.write(issue.id, "sv", words, {}, edit)
    return db.session.get_one(Issue, issue.id)


def test_other_words_for_those_without_an_answer_are_another_letter(
    draft: Issue, field: ListField
) -> None:
    hashes = set()
    for words in ("{organisation|er}", "{organisation|ni}", "er"):
        issue = _say(draft, introduction=f"Hej {words}.")
        hashes.add(editions.content_hash(editions.letters(db.session(), issue)))
    assert len(hashes) == 3
    approve.approve(draft.id, actor="anna@park.test", now=NOW)
    assert _say(draft, introduction="Hej {organisation|du}.").state == IssueState.DRAFT


def test_whoever_has_no_answer_that_fits_is_counted(draft: Issue, field: ListField) -> None:
    def told(text: str) -> list[tuple[str, object, object]]:
        issue = _say(draft, introduction=text)
        found = preflight.examine(db.session(), issue, NOW, only=["field_unanswered"]).should
        return [(one.place, one.values["number"], one.values["of"]) for one in found]

    assert told("Hej {organisation|er}.") == [("introduction:sv", 1, 3)]
    assert told("Hej er.") == []
    with writing() as session:
        first = session.query(FieldValue).order_by(FieldValue.subscription_id).first()
        assert first
        first.value = first.folded = HUGE
    assert told("Hej {organisation|er}.") == [("introduction:sv", 2, 3)]
    issue = db.session.get_one(Issue, draft.id)
    assert coverage.of_field(db.session(), issue, field, NOW) == (1, len("Institutet"))


def test_a_field_is_named_in_the_language_of_whoever_looks_and_is_one_finding(
    desk: World, draft: Issue
) -> None:
    new = Definition("Ditt bolag", FieldKind.TEXT, label_en="Your company")
    fields.define(desk.list_id, new, actor="a", now=NOW)
    issue = _say(draft, introduction="Hej {ditt_bolag|er}.")
    (found,) = preflight.examine(db.session(), issue, NOW, only=["field_unanswered"]).should
    said = {}
    for language in ("sv", "en"):
        with force_locale(language):
            said[language] = found.what, found.mark
    assert "Ditt bolag" in said["sv"][0]
    assert "Your company" in said["en"][0]
    assert said["sv"][1] == said["en"][1]


@pytest.mark.parametrize(("length", "found"), [(LONGEST_VALUE, {"too_large"}), (2, set())])
def test_r_7_4_a_letter_is_as_large_as_the_longest_answers_make_it(
    draft: Issue, field: ListField, length: int, found: set[str]
) -> None:
    with writing() as session:
        for row in session.query(FieldValue):
            row.value = row.folded = "Å" * length
    issue = _say(draft, introduction="{organisation|ni} " * 250)
    report = preflight.examine(db.session(), issue, NOW, only=["too_large", "large"])
    assert {one.rule for one in report.must} == found


def test_both_databases_count_alike_and_a_choice_is_as_long_as_its_label(
    any_database_url: str, tmp_path: Path
) -> None:
    both = (Choice("Ljus", "Light and shadow"), Choice("Vatten"))
    with world(any_database_url, tmp_path) as place:
        place.readers(5)
        issue = db.session.get_one(Issue, place.issue(IssueState.DRAFT))
        choice = Definition("Mest om", FieldKind.CHOICE, choices=both)
        made = fields.define(place.list_id, choice, actor="a", now=NOW)
        _answer(made, "ljus", "vatten")
        text = Definition("Organisation", FieldKind.TEXT)
        other = fields.define(place.list_id, text, actor="a", now=NOW)
        _answer(other, "Ljus AB", HUGE, "www.ond.test", "Anna@ond.test")
        issue = _say(issue, introduction="{organisation|ni} om {mest_om|allt}")
        session = db.session()
        assert coverage.of_field(session, issue, made, NOW) == (2, len("Light and shadow"))
        assert coverage.of_field(session, issue, other, NOW) == (1, len("Ljus AB"))
        assert sorted(seen_by.readers(session, issue, "sv", NOW).values()) == [
            ["Ljus", "Ljus AB"],
            ["Vatten"],
        ]


def test_it_is_checked_at_the_release_on_what_will_be_sent(draft: Issue, field: ListField) -> None:
    _say(draft, introduction="Hej {organisation|}, {ort|er} och [x](https://park.se/{ort|x}).")
    with pytest.raises(release.Blocked) as caught:
        release.release(draft.id, actor="a", now=NOW)
    assert {one.rule for one in caught.value.findings} >= {"fallback_missing", "field_unknown"}
    db.session.rollback()
    _say(draft, introduction="Hej {organisation|er}.", subject="Nytt till {organisation|er}")
    release.release(draft.id, actor="a", now=NOW, despite="")
    frozen = editions.frozen(db.session(), db.session.get_one(Issue, draft.id))["sv"]
    assert "field:organisation|er" in frozen.slots
    assert merging.answered(frozen, {}).subject == "Nytt till er"


def test_a_copy_and_a_correction_ask_again(draft: Issue, field: ListField) -> None:
    _say(draft, subject="Nytt till {organisation|er}")
    with writing() as session:
        issue = session.get_one(Issue, draft.id)
        issue.state, issue.released_at = IssueState.SENT, NOW
    for act, said in (
        (copies.copy, "Nytt till Ljus AB"),
        (copies.correct, "Rättelse: Nytt till Ljus AB"),
    ):
        issue = db.session.get_one(Issue, act(draft.id, actor="a", now=NOW + timedelta(days=1)))
        letter = editions.letters(db.session(), issue)["sv"]
        assert merging.answered(letter, {"organisation": "Ljus AB"}).subject == said


def test_the_subject_of_a_correction_is_not_cut_through_a_field(
    draft: Issue, field: ListField
) -> None:
    words = "Nytt " * 55
    _say(draft, subject=words + "{organisation|er}")
    with writing() as session:
        issue = session.get_one(Issue, draft.id)
        issue.state, issue.released_at = IssueState.SENT, NOW
    made = db.session.get_one(Issue, copies.correct(draft.id, actor="a", now=NOW))
    assert made.text("sv").subject == f"Rättelse: {words}".rstrip()


def test_p10_a_field_that_got_into_an_address_after_all_stops_the_letter(
    draft: Issue, field: ListField
) -> None:
    sly = "[Läs][b] nu.\n\n[b]:\nhttps&#58;//park.se/{organisation|er}"
    issue = _say(draft, introduction=sly)
    with pytest.raises(LetterError, match="no link may differ"):
        editions.letters(db.session(), issue)
    assert "not_rendered" in {one.rule for one in preflight.check(db.session(), issue, NOW)}


def test_news_from_elsewhere_asks_for_nobody_s_answer(
    draft: Issue, field: ListField, news: list[int]
) -> None:
    with writing() as session:
        item = session.get_one(Item, news[0])
        item.title, item.summary = "Bäste {organisation|kund}", "Din {organisation|mejl} är full"
        item.tags = ["{organisation|x}"]
    made = suggest.suggest(suggest.Wish(draft.list_id), actor="anna@park.test", now=NOW)
    edit = Edit(db.session.get_one(Issue, draft.id).version, "anna@park.test", NOW)
    blocks.add_items(draft.id, [news[0]], edit)
    said = [db.session.get_one(Issue, one) for one in (made, draft.id)]
    for issue in said:
        assert "Bäste (organisation|kund)" in editions.letters(db.session(), issue)["sv"].text
        assert merging.known(db.session(), issue, "sv") == {}


def test_readers_are_offered_by_their_answers_and_nobody_else_is(
    draft: Issue, field: ListField
) -> None:
    issue, session = _say(draft, subject="Nytt till {organisation|er}"), db.session()
    offered = seen_by.readers(session, issue, "sv", NOW)
    assert sorted(offered.values()) == [["Institutet"], ["Ljus AB"]]
    one = next(iter(offered))
    assert seen_by.answers(session, issue, "sv", one)["organisation"] in ("Institutet", "Ljus AB")
    with writing() as writer:
        writer.get_one(Subscription, one).state = "unsubscribed"
    assert seen_by.answers(session, issue, "sv", one) == {}
    assert one not in seen_by.readers(session, issue, "sv", NOW)


@pytest.mark.parametrize("words", ["subject", "block", "english"])
def test_a_field_stays_while_an_issue_that_has_not_been_sent_asks_for_it(
    draft: Issue, field: ListField, words: str
) -> None:
    asks = "Nytt till {organisation|er}"
    with writing() as session:
        issue = session.get_one(Issue, draft.id)
        block = issue.blocks[0]
        if words == "block":
            block.data = {"sv": block.data["sv"] | {"summary": asks}}
        elif words == "english":
            block.data = block.data | {"en": {"title": asks}}
        else:
            issue.text("sv").subject = asks
    for state in set(IssueState) - {IssueState.SENT, IssueState.CANCELLED}:
        with writing() as session:
            session.get_one(Issue, draft.id).state = state
        with pytest.raises(fields.InLetters) as caught:
            fields.remove(field.id, actor="a")
        assert caught.value.numbers == (draft.number,)
        db.session.rollback()
    with writing() as session:
        session.get_one(Issue, draft.id).state = IssueState.SENT
    assert fields.remove(field.id, actor="a") == 2


def test_a_field_goes_when_only_words_like_it_are_written(draft: Issue, field: ListField) -> None:
    _say(draft, subject="{organisationer|er} {organisation}", introduction="organisation|er")
    assert fields.remove(field.id, actor="a") == 2
