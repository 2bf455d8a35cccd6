"""An issue in two languages: hidden until the newsletter has a second one."""

from newsletter_service.extensions import db
from newsletter_service.models import Issue, IssueState, NewsletterList, Role, writing
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World

TABS = 'aria-label="Language of the letter"'


def test_languages_are_hidden_until_there_is_a_second_one(desk: World, browser: Browser) -> None:
    editor, address = browser(Role.EDITOR), f"/desk/utskick/{desk.issue(IssueState.DRAFT)}"
    assert TABS not in editor.get(address).get_data(as_text=True)

    with writing() as session:
        session.get_one(NewsletterList, desk.list_id).locales = ["sv", "en"]
    assert TABS in editor.get(address).get_data(as_text=True)


def test_english_is_written_beside_the_swedish(desk: World, browser: Browser) -> None:
    issue_id = desk.issue(IssueState.DRAFT)
    with writing() as session:
        session.get_one(NewsletterList, desk.list_id).locales = ["sv", "en"]
    editor, address = browser(Role.EDITOR), f"/desk/utskick/{issue_id}"
    block = db.session.get_one(Issue, issue_id).blocks[0].id
    db.session.rollback()
    typed = {"version": "1", "sprak": "en", "subject": "A new lab", f"b{block}": "1"}
    answer = submit(editor, address, typed | {f"b{block}.title": "A microscope for all"})

    letter = editor.get(address + "/brev?sprak=en").get_data(as_text=True)
    assert "sprak=en" in answer.location
    assert "A microscope for all" in letter
    assert "Unsubscribe" in letter
    assert "Kryomikroskop för alla" in editor.get(address + "/brev").get_data(as_text=True)
