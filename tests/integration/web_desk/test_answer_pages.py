"""Readers' own answers in a letter, as an editor puts them in and sees them."""

import html
from datetime import UTC, datetime

import pytest

from newsletter_service.accounts import newsletters
from newsletter_service.extensions import db
from newsletter_service.issues import archive, compose
from newsletter_service.models import (
    FieldKind,
    FieldValue,
    Issue,
    IssueState,
    Notice,
    Role,
    Subscription,
    writing,
)
from newsletter_service.subscribers import fields
from newsletter_service.subscribers.fields import Definition
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVIL = "<img src=x onerror=alert(1)> {{ 7*7 }}"


@pytest.fixture
def asked(desk: World) -> dict[str, int]:
    """A field, and two readers who have answered it: the subscription of the one, and the other."""
    field = fields.define(
        desk.list_id, Definition("Organisation", FieldKind.TEXT), actor="a", now=NOW
    )
    with writing() as session:
        ids = [one.id for one in session.query(Subscription).order_by(Subscription.id)][-3:]
        for one, said in zip(ids, ("Ljus AB", EVIL), strict=False):
            session.add(
                FieldValue(subscription_id=one, field_id=field.id, value=said, folded=said.lower())
            )
    return {"ljus": ids[0], "evil": ids[1], "silent": ids[2]}


def _draft(desk: World, **words: str) -> tuple[int, str]:
    issue_id = desk.issue(IssueState.DRAFT)
    with writing() as session:
        for name, value in words.items():
            setattr(session.get_one(Issue, issue_id).text("sv"), name, value)
    db.session.remove()
    return issue_id, f"/desk/utskick/{issue_id}"


def test_an_answer_is_put_in_behind_what_was_just_typed(
    desk: World, browser: Browser, asked: dict[str, int]
) -> None:
    issue_id, address = _draft(desk)
    block_id = db.session.get_one(Issue, issue_id).blocks[0].id
    editor = browser(Role.EDITOR)
    put = {"answer.key": "organisation", "answer.fallback": " er  organisation ", "do": "answer"}

    typed = {"version": "1", "subject": "Nytt för", "answer.place": "subject"}
    assert submit(editor, address, put | typed).status_code == 303
    place = {"version": "3", "answer.place": f"b{block_id}.title", f"b{block_id}": "1"}
    submit(editor, address, put | place | {f"b{block_id}.title": "Labbet och"})

    issue = db.session.get_one(Issue, issue_id)
    assert issue.text("sv").subject == "Nytt för {organisation|er organisation}"
    assert issue.blocks[0].values("sv")["title"] == "Labbet och {organisation|er organisation}"


def test_words_for_those_without_an_answer_are_asked_for(
    desk: World, browser: Browser, asked: dict[str, int]
) -> None:
    issue_id, address = _draft(desk)
    editor, put = browser(Role.EDITOR), {"do": "answer", "answer.key": "organisation"}
    put |= {"answer.place": "subject", "subject": "Kvar"}
    for version, fallback, wrong in (
        ("1", "", "Fill this in."),
        ("2", "{a|b}", "Leave out braces"),
        ("2", "a" * 81, "At most 80 characters"),
        ("2", "www.park.test", "Leave out addresses"),
    ):
        typed = {"version": version, "answer.fallback": fallback}
        answer = submit(editor, address, put | typed)
        assert answer.status_code == 422
        assert wrong in answer.get_data(as_text=True)
    assert db.session.get_one(Issue, issue_id).text("sv").subject == "Kvar"


def test_nothing_of_it_is_seen_before_there_is_a_field(desk: World, browser: Browser) -> None:
    _issue_id, address = _draft(desk)
    page = browser(Role.EDITOR).get(address).get_data(as_text=True)
    assert "answer.key" not in page
    assert 'name="som"' not in page


def test_the_letter_is_read_as_one_reader_or_as_somebody_without_answers(
    desk: World, browser: Browser, asked: dict[str, int]
) -> None:
    _issue_id, address = _draft(
        desk, subject="Nytt för {organisation|er}", introduction="{organisation|er}."
    )
    editor = browser(Role.EDITOR)
    page = editor.get(f"{address}/granska?som={asked['ljus']}").get_data(as_text=True)
    assert "Nytt för Ljus AB" in page
    assert f"som={asked['ljus']}" in page
    assert "reader" not in page.partition('id="seen-by"')[2].partition("</select>")[0]

    def shown(reader: int) -> str:
        return editor.get(f"{address}/brev?som={reader}").get_data(as_text=True)

    assert "Ljus AB." in shown(asked["ljus"])
    assert "<img src=x" not in shown(asked["evil"])
    assert html.escape(EVIL) in shown(asked["evil"])
    for nobody in (0, asked["silent"], 999_999):
        assert ">er.</p>" in shown(nobody)
    with writing() as session:
        session.get_one(Subscription, asked["ljus"]).state = "unsubscribed"
    assert "Ljus AB" not in shown(asked["ljus"])


def test_nobody_s_answer_is_in_the_archive_the_file_or_on_paper(
    desk: World, browser: Browser, asked: dict[str, int]
) -> None:
    issue_id, address = _draft(
        desk, subject="Nytt för {organisation|*er*}", introduction="Hej {organisation|*er*}."
    )
    editor = browser(Role.EDITOR)
    assert "Nytt_f=C3=B6r_*er*" in editor.get(f"{address}/brev.eml").get_data(as_text=True)
    assert editor.get(f"{address}/brev.pdf").data.startswith(b"%PDF")
    with writing() as session:
        session.get_one(Issue, issue_id).state = IssueState.SENT
    newsletters.open_archive(desk.list_id, actor="a", open_to_all=True)
    listed = archive.newsletter("nytt")
    about, page = archive.letter(archive.find(listed, 1), "sv")
    assert about.subject == "Nytt för *er*"
    assert "Hej *er*." in page
    assert archive.issues(listed, "sv", "{organisation") == []
    values = compose.letter_values(db.session(), archive.find(listed, 1), "sv", None, desk.settings)
    assert values["introduction"]["text"] == "Hej *er*."


def test_a_test_mail_may_be_read_as_a_reader(
    desk: World, browser: Browser, asked: dict[str, int]
) -> None:
    _issue_id, address = _draft(desk, subject="Nytt för {organisation|er}")
    where = {"address": "anna@example.org", "som": str(asked["ljus"])}
    submit(browser(Role.EDITOR), f"{address}/granska", where, action=f"{address}/prova")
    (notice,) = db.session.query(Notice).filter_by(kind="test")
    assert notice.values["as_reader"] == asked["ljus"]
