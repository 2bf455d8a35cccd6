"""The way of an issue through the pages: written, reviewed, sent, accounted for."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter_service.delivery import audience
from newsletter_service.extensions import db
from newsletter_service.issues.checks.case import link_key
from newsletter_service.models import (
    Issue,
    IssueState,
    LinkCheck,
    LinkOutcome,
    Notice,
    Role,
    writing,
)
from newsletter_service.news import desk as news
from tests.integration.issues.conftest import NOW
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World


@pytest.fixture
def editor(browser: Browser) -> FlaskClient:
    return browser(Role.EDITOR)


@pytest.fixture
def draft(desk: World) -> str:
    """The address of a draft that passes the check."""
    issue_id = desk.issue(IssueState.DRAFT)
    with writing() as session:
        block = session.get_one(Issue, issue_id).blocks[0]
        block.data = {"sv": dict(block.data["sv"], url="https://park.se/kryo")}
    db.session.remove()
    return f"/desk/utskick/{issue_id}"


def _issue(address: str) -> Issue:
    db.session.rollback()  # sees what the request committed
    return db.session.get_one(Issue, int(address.rsplit("/", 1)[1]))


def _page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def test_an_issue_is_begun_empty_and_opens_in_the_composer(editor: FlaskClient) -> None:
    answer = submit(editor, "/desk/utskick", {}, "/desk/utskick/tomt")

    assert answer.status_code == 303
    assert "The letter is empty." in _page(editor, answer.location)


@pytest.mark.parametrize("pressed", ["save", "review", "news"])
def test_news_that_is_ticked_comes_along_whatever_button_is_pressed(
    desk: World, editor: FlaskClient, draft: str, pressed: str
) -> None:
    item = news.type_in(desk.list_id, news.Typed("Fika på fredag"), datetime.now(UTC))
    version = str(_issue(draft).version)
    submit(editor, draft, {"version": version, "items": str(item), "do": pressed})

    assert _issue(draft).blocks[-1].data["sv"]["title"] == "Fika på fredag"


def test_a_button_keeps_what_was_typed_before_it_acts(editor: FlaskClient, draft: str) -> None:
    block = _issue(draft).blocks[0].id
    typed = {
        "version": "1",
        "subject": "Ett annat ämne",
        f"b{block}": "1",
        f"b{block}.title": "En annan rubrik",
        "do": f"add:quote:{block}",
    }
    answer = submit(editor, draft, typed)

    issue = _issue(draft)
    assert answer.status_code == 303
    assert answer.location.endswith(f"#block-{issue.blocks[1].id}")
    assert issue.text("sv").subject == "Ett annat ämne"
    assert issue.blocks[0].data["sv"]["title"] == "En annan rubrik"
    assert issue.blocks[0].data["sv"]["lead"] is False
    assert [block.kind for block in issue.blocks] == ["item", "quote"]


def test_nothing_typed_is_lost_when_somebody_else_was_first(
    editor: FlaskClient, draft: str
) -> None:
    submit(editor, draft, {"version": "1", "subject": "Först"})
    answer = submit(editor, draft, {"version": "1", "subject": "Sist & bäst"})
    page = answer.get_data(as_text=True)

    assert answer.status_code == 409
    assert 'value="Sist &amp; bäst"' in page
    assert "Somebody else changed this issue meanwhile" in page
    assert _issue(draft).text("sv").subject == "Först"


def test_a_change_kept_in_place_moves_the_version_and_the_letter(
    editor: FlaskClient, draft: str
) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', _page(editor, draft))
    assert token
    answer = editor.post(
        draft,
        data={"csrf_token": token.group(1), "version": "1", "subject": "Nytt"},
        headers={"HX-Request": "true"},
    )

    assert answer.headers["HX-Trigger"] == "letter-changed"
    assert 'name="version" value="2"' in answer.get_data(as_text=True)


def test_the_letter_in_the_frame_runs_nothing_and_leads_nobody_out(
    editor: FlaskClient, draft: str
) -> None:
    answer = editor.get(draft + "/brev?vy=morkt")

    policy_said = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy_said
    assert "sandbox" in policy_said
    assert "xslot" not in answer.get_data(as_text=True)
    assert "prefers-color-scheme" not in answer.get_data(as_text=True)
    assert "Avprenumerera" in _page(editor, draft + "/brev?vy=text")


def test_a_draft_is_thrown_away_and_taken_back(editor: FlaskClient, draft: str) -> None:
    shelf = submit(editor, draft, {}, action=f"{draft}/kasta").headers["Location"]
    page = _page(editor, shelf)
    assert "1 draft thrown away" in page
    assert editor.get(draft).status_code == 404

    submit(editor, shelf, {}, action=f"{draft}/ta-tillbaka")
    assert editor.get(draft).status_code == 200


def test_the_composer_asks_no_page_of_the_news_for_a_picture(
    editor: FlaskClient, draft: str
) -> None:
    with writing() as session:
        block = session.get_one(Issue, int(draft.rsplit("/", 1)[1])).blocks[0]
        picture = {"image_url": "https://spar.test/pixel.png"}
        block.data = {"sv": block.values("sv") | picture}

    assert 'src="https://' not in editor.get(draft).get_data(as_text=True)


def test_the_file_is_the_letter_with_its_headers(editor: FlaskClient, draft: str) -> None:
    mail = message_from_bytes(editor.get(draft + "/brev.eml").data, policy=policy.default)

    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Subject"] == "Nytt labb på Fjällängen"


def test_a_test_goes_to_the_address_that_was_written(editor: FlaskClient, draft: str) -> None:
    review = draft + "/granska"
    wrong = submit(editor, review, {"address": "anna@"}, draft + "/prova")
    sent = submit(editor, review, {"address": "anna@park.test"}, draft + "/prova")

    assert (wrong.status_code, sent.status_code) == (422, 303)
    assert db.session.scalars(select(Notice.address).where(Notice.kind == "test")).all() == [
        "anna@park.test"
    ]
    assert "A test of this very version has been sent." in _page(editor, review)


def test_sending_can_be_undone(editor: FlaskClient, draft: str) -> None:
    review = draft + "/granska"
    assert "Send to 3" in _page(editor, review)

    submit(editor, review, {"when": "now"}, draft + "/skicka")
    assert _issue(draft).state == IssueState.SCHEDULED
    assert "data-undo-until" in _page(editor, review)

    submit(editor, review, {}, draft + "/angra")
    assert _issue(draft).state == IssueState.DRAFT


def test_a_planned_issue_says_which_of_its_links_has_died(editor: FlaskClient, draft: str) -> None:
    with writing() as session:
        issue = session.get_one(Issue, int(draft.rsplit("/", 1)[1]))
        issue.state, issue.send_at = IssueState.SCHEDULED, datetime.now(UTC) + timedelta(hours=2)
        url = "https://park.se/kryo"
        gone = LinkCheck(url_key=link_key(url), url=url, tried_at=NOW, outcome=LinkOutcome.GONE)
        gone.status = 404
        session.add(gone)

    page = _page(editor, f"{draft}/granska")

    assert "A link in it has died" in page
    assert "“https://park.se/kryo” does not exist: the site answered 404." in page
    assert "is planned, and a link in it has died." in _page(editor, "/desk/")


def test_a_time_that_has_passed_is_told_at_its_field(editor: FlaskClient, draft: str) -> None:
    typed = {"when": "later", "at": "2020-01-01T09:00"}
    answer = submit(editor, draft + "/granska", typed, draft + "/skicka")

    assert answer.status_code == 422
    assert 'value="2020-01-01T09:00"' in answer.get_data(as_text=True)
    assert _issue(draft).state == IssueState.DRAFT


def test_what_must_be_mended_is_shown_with_the_way_to_mend_it(
    editor: FlaskClient, draft: str
) -> None:
    block = _issue(draft).blocks[0].id
    submit(editor, draft, {"version": "1", f"b{block}": "1", f"b{block}.title": ""})
    page = _page(editor, draft + "/granska")

    assert "A part of the letter is empty." in page
    assert f"open={block}#block-{block}" in page
    assert submit(editor, draft + "/granska", {}, draft + "/skicka").status_code == 303
    assert _issue(draft).state == IssueState.DRAFT


def test_the_report_follows_a_send_and_can_pause_it(desk: World, browser: Browser) -> None:
    issue_id = desk.issue(IssueState.SENDING)
    audience.expand(issue_id, NOW.replace(year=2030))
    db.session.remove()
    operator, address = browser(Role.OPERATOR), f"/desk/utskick/{issue_id}/rapport"

    assert "0 of 3 are accounted for so far" in _page(operator, address)
    live = operator.get(address, headers={"HX-Request": "true"}).get_data(as_text=True)
    assert live.lstrip().startswith('<div id="live"')

    submit(operator, address, {}, address + "/pausa")
    assert "The issue is paused" in _page(operator, address)
    submit(operator, address, {}, address + "/ateruppta")
    submit(operator, address, {}, address + "/avbryt")
    assert "All 3 are accounted for: 3 skipped." in _page(operator, address)


def test_the_pages_speak_swedish(desk: World, browser: Browser, draft: str) -> None:
    client = browser(Role.EDITOR, language="sv")

    assert "Skicka till 3" in _page(client, draft + "/granska")
    assert "Nästa utskick: nr 1" in _page(client, "/desk/")


@pytest.mark.parametrize("page", ["", "/granska", "/rapport", "/brev", "/brev.eml"])
def test_an_issue_that_does_not_exist_is_told(editor: FlaskClient, page: str) -> None:
    assert editor.get(f"/desk/utskick/99{page}").status_code == 404


def test_r_1_16_looking_at_the_pages_changes_nothing(editor: FlaskClient, draft: str) -> None:
    for page in ("", "/granska", "/rapport", "/brev", "/brev.eml"):
        editor.get(draft + page)

    issue = _issue(draft)
    assert (issue.version, issue.state, issue.tested_version) == (1, IssueState.DRAFT, None)
