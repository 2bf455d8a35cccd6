"""What the pages say about how things stand, in words that are true."""

from dataclasses import replace
from datetime import UTC, datetime

from flask.testing import FlaskClient
from sqlalchemy import update

from newsletter_service import settings
from newsletter_service.delivery import audience, control
from newsletter_service.extensions import db
from newsletter_service.issues import answers, shelf, suggest
from newsletter_service.issues.blocks import Edit, write
from newsletter_service.models import (
    Batch,
    BounceEvent,
    BounceKind,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    NewsletterList,
    Organisation,
    Role,
    writing,
)
from newsletter_service.news import desk as news
from newsletter_service.news.desk import Typed
from newsletter_service.web.told import PAUSED_BY_HAND
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World


def _page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return " ".join(answer.get_data(as_text=True).split())


def _sent(desk: World) -> int:
    """An issue that all three took and one of them sent back."""
    issue_id = desk.issue(IssueState.SENDING)
    now = datetime.now(UTC)
    audience.expand(issue_id, now)
    with writing() as session:
        session.execute(update(Delivery).values(state=DeliveryState.ACCEPTED))
        session.execute(update(Batch).values(pending=0, accepted=3))
        issue = session.get_one(Issue, issue_id)
        issue.state, issue.sent_at = IssueState.SENT, now
        for kind in (BounceKind.HARD, BounceKind.HARD, BounceKind.COMPLAINT):
            session.add(
                BounceEvent(
                    address_key=b"x" * 32,
                    issue_id=issue_id,
                    n=1 if kind == BounceKind.HARD else 2,
                    kind=kind,
                    reason="userunknown",
                    source="test",
                    at=now,
                )
            )
    db.session.remove()
    return issue_id


def test_the_sentence_says_how_many_of_those_sent_did_not_arrive(
    desk: World, browser: Browser
) -> None:
    issue_id = _sent(desk)
    sentence = "Alla 3 är redovisade: 3 skickade, varav 1 inte nådde fram."
    client = browser(Role.EDITOR, language="sv")

    assert sentence in _page(client, f"/desk/utskick/{issue_id}/rapport")
    assert sentence in _page(client, "/desk/")


def test_the_report_tells_what_readers_answered(desk: World, browser: Browser) -> None:
    issue_id = _sent(desk)
    client, report = browser(Role.EDITOR), f"/desk/utskick/{issue_id}/rapport"
    assert "Nobody has answered yet." in _page(client, report)

    for useful in (True, True, False):
        answers.count(issue_id, useful=useful)
    db.session.remove()

    assert "2 answered yes and 1 no." in _page(client, report)


def test_the_overview_tells_news_that_came_in_from_news_already_taken(
    desk: World, browser: Browser
) -> None:
    now = datetime.now(UTC)
    news.type_in(desk.list_id, Typed(title="Nytt labb", url="https://park.se/labb"), now)
    _sent(desk)
    suggest.suggest(suggest.Wish(desk.list_id), actor="editor@staff.test", now=now)
    db.session.remove()

    page = _page(browser(Role.EDITOR), "/desk/")
    assert "No new news since no. 1. 1 piece of news is already in no. 2." in page


def test_in_trial_mode_without_a_mail_server_nobody_is_promised_mail(
    desk: World, browser: Browser
) -> None:
    issue_id = desk.issue(IssueState.DRAFT)
    db.session.remove()
    with writing() as session:
        session.get_one(Organisation, 1).live_at = None
    db.session.remove()
    editor, review = browser(Role.EDITOR), f"/desk/utskick/{issue_id}/granska"
    with_relay = replace(desk.settings, smtp_url=("smtp://127.0.0.1:2525?tls=none",))
    desk.app.extensions[settings.KEY] = with_relay
    assert "colleagues get it for real; everything else stays in" in _page(editor, review)

    desk.app.extensions[settings.KEY] = replace(desk.settings, smtp_url=())
    page = _page(editor, review)
    assert "No mail server is set up yet, so every test stays in" in page
    assert "every letter stays in" in page
    assert "for real" not in page


def test_the_time_is_also_written_as_people_here_write_it(desk: World, browser: Browser) -> None:
    issue_id = desk.issue(IssueState.DRAFT)
    db.session.remove()
    address = f"/desk/utskick/{issue_id}"
    typed = {"when": "later", "at": "2020-01-07T07:30"}
    client = browser(Role.EDITOR, language="sv")
    answer = submit(client, address + "/granska", typed, address + "/skicka")

    assert "tisdag 7 jan. kl. 07.30" in answer.get_data(as_text=True)


def test_a_sitting_of_changes_by_one_person_is_one_line_of_history(
    desk: World, browser: Browser
) -> None:
    issue_id, now = desk.issue(IssueState.DRAFT), datetime.now(UTC)
    version = 1
    for actor in ("a@staff.test", "a@staff.test", "b@staff.test"):
        version = write(issue_id, "sv", {"subject": actor}, {}, Edit(version, actor, now))
    seen = [(event.act, event.actor) for event in shelf.history(issue_id)]
    db.session.remove()

    assert seen == [("issue.changed", "b@staff.test"), ("issue.changed", "a@staff.test")]
    page = _page(browser(Role.EDITOR), f"/desk/utskick/{issue_id}")
    assert page.count("Content changed") == 2


def test_why_an_issue_is_paused_is_said_in_the_language_of_the_page(
    desk: World, browser: Browser
) -> None:
    issue_id = desk.issue(IssueState.SENDING)
    control.pause(issue_id, "x", PAUSED_BY_HAND, datetime.now(UTC))
    db.session.remove()

    report = f"/desk/utskick/{issue_id}/rapport"
    assert "Pausat för hand." in _page(browser(Role.OPERATOR, language="sv"), report)


def test_readers_are_found_by_the_letters_of_their_domain(desk: World, browser: Browser) -> None:
    desk.readers(1, domain="xn--vrd-ula.test", first=90)
    db.session.remove()
    client = browser(Role.EDITOR)
    home = "/desk/prenumeranter"

    assert "reader90@vård.test" in _page(client, home)
    for text in ("reader90@vård.test", "vård.te", "xn--vrd-ula.test"):
        assert submit(client, home, {"q": text}, home).status_code == 303, text


def test_before_there_is_a_newsletter_every_page_leads_to_one(
    desk: World, browser: Browser
) -> None:
    with writing() as session:
        session.get_one(NewsletterList, desk.list_id).archived_at = datetime.now(UTC)
    db.session.remove()
    administrator, approver = browser(Role.ADMINISTRATOR), browser(Role.APPROVER)

    assert 'href="/desk/kom-igang' in _page(administrator, "/desk/utskick")
    assert 'href="/desk/kom-igang' not in _page(approver, "/desk/utskick")
