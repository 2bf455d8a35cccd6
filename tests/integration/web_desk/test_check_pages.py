"""*Kontroll* in the composer and on *Granska*: mended, let stand, and asked about."""

from datetime import UTC, datetime, timedelta

from newsletter_service.extensions import db
from newsletter_service.issues import departure, release
from newsletter_service.models import (
    Issue,
    IssueState,
    NewsletterList,
    Organisation,
    Role,
    writing,
)
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World


def _spoiled(desk: World, **words: str) -> tuple[int, str]:
    issue_id = desk.issue(IssueState.DRAFT)
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        for name, value in words.items():
            setattr(issue.text("sv"), name, value)
    db.session.remove()
    return issue_id, f"/desk/utskick/{issue_id}"


def _text(issue_id: int, name: str) -> str:
    db.session.expire_all()
    found = str(getattr(db.session.get_one(Issue, issue_id).text("sv"), name))
    db.session.remove()
    return found


def test_the_composer_mends_at_a_press_and_keeps_what_was_typed(
    desk: World, browser: Browser
) -> None:
    issue_id, address = _spoiled(desk, subject="NYTT LABB!!")
    editor = browser(Role.EDITOR)
    assert "mend:subject_shouts:subject:sv" in editor.get(address).get_data(as_text=True)

    typed = {"version": "1", "preheader": "Skrivet nyss, och sparat före rättningen"}
    submit(editor, address, typed | {"do": "mend:subject_shouts:subject:sv"})
    assert _text(issue_id, "subject") == "Nytt labb"
    assert _text(issue_id, "preheader") == typed["preheader"]


def test_a_warning_stands_with_a_reason_and_is_looked_at_again(
    desk: World, browser: Browser
) -> None:
    _issue_id, address = _spoiled(desk, subject="NYTT LABB")
    editor = browser(Role.EDITOR)
    where = {"rule": "subject_shouts", "place": "subject:sv"}
    review, stand = f"{address}/granska", f"{address}/kontroll/lat-sta"

    submit(editor, review, where, action=stand)
    assert "Write why it may stand" in editor.get(review).get_data(as_text=True)
    submit(editor, review, where | {"reason": "Så heter labbet"}, action=stand)
    page = editor.get(review).get_data(as_text=True)
    assert "Så heter labbet" in page
    assert "Why is it sent as it is?" not in page


def test_a_blocking_fault_stands_only_for_an_administrator(desk: World, browser: Browser) -> None:
    issue_id, address = _spoiled(desk, introduction="Hej {{ namn }}")
    where = {"rule": "placeholder", "place": "introduction:sv", "reason": "Så ska det stå"}
    stand = f"{address}/kontroll/lat-sta"
    editor, chief = browser(Role.EDITOR), browser(Role.EDITOR, Role.ADMINISTRATOR)

    submit(editor, f"{address}/granska", where, action=stand)
    assert "Only an administrator" in editor.get(f"{address}/granska").get_data(as_text=True)
    submit(chief, f"{address}/granska", where, action=stand)
    submit(chief, f"{address}/granska", {"when": "now"}, action=f"{address}/skicka")
    db.session.expire_all()
    assert db.session.get_one(Issue, issue_id).state == IssueState.SCHEDULED


def test_sending_asks_why_something_was_not_looked_over(desk: World, browser: Browser) -> None:
    issue_id, address = _spoiled(desk)
    with writing() as session:
        session.get_one(NewsletterList, desk.list_id).reply_to = "no-reply@park.se"
    db.session.remove()
    editor, review = browser(Role.EDITOR), f"{address}/granska"

    answer = submit(editor, review, {"when": "now"}, action=f"{address}/skicka")
    assert answer.status_code == 422
    assert "Write why it is sent as it is" in answer.get_data(as_text=True)
    submit(editor, review, {"when": "now", "despite": "Bytt snart"}, action=f"{address}/skicka")
    db.session.expire_all()
    assert db.session.get_one(Issue, issue_id).state == IssueState.SCHEDULED


def test_everything_is_mended_and_links_are_tried_at_a_press(desk: World, browser: Browser) -> None:
    issue_id, address = _spoiled(desk, subject="NYTT LABB!!", preheader="")
    editor, review = browser(Role.EDITOR), f"{address}/granska"

    submit(editor, review, {}, action=f"{address}/kontroll/ratta")
    submit(editor, review, {}, action=f"{address}/kontroll/lankar")
    assert (_text(issue_id, "subject"), _text(issue_id, "preheader")) == (
        "Nytt labb",
        "Hej! Här är höstens nyheter.",
    )


def test_a_held_issue_says_why_everywhere_and_offers_what_to_do(
    desk: World, browser: Browser
) -> None:
    issue_id, address = _spoiled(desk, introduction="Hej {{ namn }}")
    now = datetime.now(UTC)
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        issue.state, issue.send_at = IssueState.SCHEDULED, now - timedelta(minutes=1)
    assert departure.start_due(now) == []
    db.session.remove()
    editor = browser(Role.EDITOR)

    page = editor.get(f"{address}/granska").get_data(as_text=True)
    assert "and was held back" in page
    assert "looks like something that was to be replaced" in page
    for act in ("angra", "annan-tid", "kontroll/lankar"):
        assert f'action="{address}/{act}"' in page
    submit(editor, f"{address}/granska", {"when": "now"}, action=f"{address}/annan-tid")
    page = editor.get(f"{address}/granska").get_data(as_text=True)
    assert "Something must be mended first" in page
    assert "is held back; nothing has been sent" in editor.get("/desk/").get_data(as_text=True)
    issues = editor.get("/desk/utskick").get_data(as_text=True)
    assert "Held back" in issues
    assert "was to leave" in issues


def test_a_planned_issue_says_that_its_audience_has_grown_and_takes_the_number_ahead(
    desk: World, browser: Browser
) -> None:
    issue_id, address = _spoiled(desk, subject="Labbet öppnar i hus 3")
    desk.readers(17, first=10)
    now = datetime.now(UTC)
    day = f"{now + timedelta(days=30):%Y-%m-%d}"
    release.release(issue_id, actor="a", now=now, at_local=f"{day}T09:00", despite="Ett prov")
    desk.readers(20, first=100)
    db.session.remove()
    editor, review = browser(Role.EDITOR), f"{address}/granska"

    page = editor.get(review).get_data(as_text=True)
    assert "It would go to 40; when it was planned it would have gone to 20." in page
    kept = {"when": "later", "at": f"{day}T07:45"}
    refused = submit(editor, review, kept | {"recipients": "20"}, action=f"{address}/annan-tid")
    assert f'value="{day}T07:45"' in refused.get_data(as_text=True)
    submit(editor, review, kept | {"recipients": "40"}, action=f"{address}/annan-tid")
    assert "Kept. It leaves" in editor.get(review).get_data(as_text=True)
    assert db.session.get_one(Issue, issue_id).planned_reach == 40
    assert "when it was planned" not in editor.get(review).get_data(as_text=True)


def test_a_planned_letter_that_a_setting_changed_says_what_to_do_before_another_time(
    desk: World, browser: Browser
) -> None:
    issue_id, address = _spoiled(desk, subject="Labbet öppnar i hus 3")
    now = datetime.now(UTC)
    day = f"{now + timedelta(days=30):%Y-%m-%d}"
    release.release(issue_id, actor="a", now=now, at_local=f"{day}T09:00", despite="Ett prov")
    with writing() as session:
        session.get_one(Organisation, 1).postal_address = "Nya gatan 2, 123 45 Fjälläng"
    db.session.remove()
    editor, review = browser(Role.EDITOR), f"{address}/granska"

    wanted = {"when": "later", "at": f"{day}T10:00"}
    submit(editor, review, wanted, action=f"{address}/annan-tid")
    page = editor.get(review).get_data(as_text=True)
    assert "since a setting has changed. Undo, look at it and send it anew." in page
    assert db.session.get_one(Issue, issue_id).state == IssueState.SCHEDULED


def test_the_number_of_recipients_may_be_written_as_it_is_shown(
    desk: World, browser: Browser
) -> None:
    desk.readers(1200, first=10)
    with writing() as session:
        session.get_one(Issue, desk.issue(IssueState.SENT)).audience = 100
    issue_id, address = _spoiled(desk, subject="Labbet öppnar i hus 3")
    editor, review = browser(Role.EDITOR, language="sv"), f"{address}/granska"
    assert "Det skulle gå till 1\xa0203" in editor.get(review).get_data(as_text=True)

    given = {"when": "now", "recipients": "1\xa0203", "despite": "Listan har vuxit"}
    submit(editor, review, given, action=f"{address}/skicka")
    db.session.expire_all()
    assert db.session.get_one(Issue, issue_id).state == IssueState.SCHEDULED
