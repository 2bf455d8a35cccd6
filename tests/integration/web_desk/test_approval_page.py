"""The page where a second person reads, comments, approves or sends back."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.issues import review
from newsletter_service.models import (
    Issue,
    IssueState,
    NewsletterList,
    Notice,
    Person,
    Role,
    writing,
)
from newsletter_service.settings import current
from newsletter_service.tokens import unseal
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World


@pytest.fixture
def two(desk: World, browser: Browser) -> tuple[FlaskClient, FlaskClient, str]:
    """An editor who has asked, an approver, and the address of the page."""
    issue_id = desk.issue(IssueState.DRAFT)
    with writing() as session:
        session.get_one(NewsletterList, desk.list_id).approval_required = True
        session.get_one(Issue, issue_id).created_by = "editor@staff.test"
    db.session.remove()
    editor, approver = browser(Role.EDITOR), browser(Role.APPROVER)
    address = f"/desk/utskick/{issue_id}"
    submit(editor, address + "/granska", {"when": ""}, address + "/be-om-godkannande")
    return editor, approver, address


def _issue(address: str) -> Issue:
    db.session.rollback()
    return db.session.get_one(Issue, int(address.rsplit("/", 1)[1]))


def _page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def _seen(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def test_an_approver_approves_what_the_page_showed(
    two: tuple[FlaskClient, FlaskClient, str],
) -> None:
    editor, approver, address = two
    page = address + "/godkannande"

    assert submit(editor, page, {}, address + "/godkann").status_code == 403
    assert 'name="seen"' not in _page(editor, page)
    assert "waits for approval" in _page(approver, "/desk/")
    submit(approver, page, {}, address + "/godkann")
    assert _issue(address).state == IssueState.IN_REVIEW
    submit(approver, page, {"seen": _seen(_page(approver, page))}, address + "/godkann")
    assert _issue(address).approved_by == "approver@staff.test"


def test_a_comment_and_a_word_go_back_and_the_next_look_shows_the_change(
    two: tuple[FlaskClient, FlaskClient, str],
) -> None:
    editor, approver, address = two
    page, block = address + "/godkannande", _issue(address).blocks[0].id
    said = {"place": f"block:{block}", "text": "Vilka bolag?"}
    submit(approver, page, said, address + "/kommentar")
    empty = submit(approver, page, {"why": " "}, address + "/skicka-tillbaka")
    submit(approver, page, {"why": "Nämn bolagen"}, address + "/skicka-tillbaka")

    assert empty.status_code == 422
    assert "Vilka bolag?" in _page(editor, page)
    assert "Nämn bolagen" in _page(editor, address + "/granska")
    submit(editor, address, {"version": "1", "subject": "Nytt labb för Acme"})
    submit(editor, address + "/granska", {"when": ""}, address + "/be-om-godkannande")
    shown = _page(approver, page)
    assert "<ins>för Acme</ins>" in shown
    comment = review.comments(_issue(address).id)[0]
    submit(editor, page, {}, f"{address}/kommentar/{comment.id}/klar")
    assert "Vilka bolag?" not in _page(approver, page)


def test_an_answer_that_comes_after_a_change_says_so_and_keeps_its_words(
    two: tuple[FlaskClient, FlaskClient, str],
) -> None:
    editor, approver, address = two
    page = address + "/godkannande"
    seen = _seen(_page(approver, page))
    submit(editor, address, {"version": "1", "subject": "Nytt labb för Acme"})

    submit(approver, page, {"seen": seen}, address + "/godkann")
    assert "changed or taken back since you opened it" in _page(approver, page)
    submit(approver, page, {"why": "Nämn bolagen"}, address + "/skicka-tillbaka")
    late = _page(approver, page)
    assert "Your words stand as a comment" in late
    assert "Nämn bolagen" in late
    assert _issue(address).state == IssueState.DRAFT


def test_who_has_not_answered_sees_what_changed_since_the_last_asking(
    two: tuple[FlaskClient, FlaskClient, str],
) -> None:
    editor, approver, address = two
    submit(editor, address, {"version": "1", "subject": "Nytt labb för Acme"})
    submit(editor, address + "/granska", {"when": ""}, address + "/be-om-godkannande")

    shown = _page(approver, address + "/godkannande")
    assert "Changed since approval was asked for" in shown
    assert "<ins>för Acme</ins>" in shown


def test_colleagues_are_called_by_their_names(two: tuple[FlaskClient, FlaskClient, str]) -> None:
    editor, approver, address = two
    with writing() as session:
        session.scalars(
            select(Person).where(Person.email == "approver@staff.test")
        ).one().name = "Bo"
    page = address + "/godkannande"
    submit(approver, page, {"why": "Nämn bolagen"}, address + "/skicka-tillbaka")

    assert "Bo sent it back" in _page(editor, address + "/granska")
    assert "Bo skriver:" in db.session.scalars(select(Notice.values)).all()[-1]["what"]


def test_an_old_page_neither_sends_back_nor_approves_what_is_approved(
    two: tuple[FlaskClient, FlaskClient, str],
) -> None:
    _editor, approver, address = two
    page = address + "/godkannande"
    seen = _seen(_page(approver, page))
    submit(approver, page, {"seen": seen}, address + "/godkann")

    submit(approver, page, {"why": "Nämn bolagen"}, address + "/skicka-tillbaka")
    assert "You have approved it already." in _page(approver, page)
    assert _issue(address).state == IssueState.APPROVED


def test_a_comment_on_no_part_of_this_issue_is_refused(
    two: tuple[FlaskClient, FlaskClient, str],
) -> None:
    _editor, approver, address = two
    said = {"place": "block:99", "text": "Hej"}
    answer = submit(approver, address + "/godkannande", said, address + "/kommentar")
    assert answer.status_code == 404


def test_the_link_in_the_mail_logs_its_person_in_and_leads_to_the_page(
    desk: World, two: tuple[FlaskClient, FlaskClient, str]
) -> None:
    _editor, _approver, address = two
    notice = db.session.scalars(select(Notice).where(Notice.kind == "approval")).one()
    raw = unseal(current().secret_key, notice.sealed)
    link = f"/desk/logga-in/{raw}?next={address}/godkannande"
    db.session.remove()
    phone = desk.app.test_client()
    phone.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"

    opened = phone.get(link)
    assert _issue(address).state == IssueState.IN_REVIEW
    assert f'name="next" value="{address}/godkannande"' in opened.get_data(as_text=True)
    answer = submit(phone, link, {"next": f"{address}/godkannande"})
    assert answer.location == f"{address}/godkannande"
    assert "asks for your approval" in _page(phone, answer.location)


def test_only_an_administrator_says_whether_approval_is_needed(
    desk: World, browser: Browser
) -> None:
    page, action = "/desk/installningar/", f"/desk/installningar/nyhetsbrev/{desk.list_id}/sandning"

    def needed() -> bool:
        db.session.rollback()
        return db.session.get_one(NewsletterList, desk.list_id).approval_required

    submit(browser(Role.EDITOR), page, {"approval": "1"}, action)
    assert not needed()
    submit(browser(Role.ADMINISTRATOR), page, {"approval": "1"}, action)
    assert needed()
    submit(browser(Role.EDITOR), page, {}, action)
    assert needed()


def test_the_writer_sees_in_the_composer_what_was_wanted_and_what_a_change_did(
    two: tuple[FlaskClient, FlaskClient, str],
) -> None:
    editor, approver, address = two
    submit(approver, address + "/godkannande", {"why": "Nämn dem"}, address + "/skicka-tillbaka")
    assert "Nämn dem" in _page(editor, address)
    submit(editor, address + "/granska", {"when": ""}, address + "/be-om-godkannande")
    assert "It must be approved again" not in _page(editor, address)
    submit(editor, address, {"version": "1", "subject": "Nytt labb för Acme"})
    assert "It must be approved again" in _page(editor, address)
