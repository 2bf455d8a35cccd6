"""An operator's day: a reader is suppressed, a sending is stopped and let go on, a reader asks."""

import json
import re
import subprocess

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.whole_service import PROGRAM, Up, log_in, person

pytestmark = pytest.mark.browser
WHY = "Mejlade och bad att få slippa."


def press(place: Page | Locator, name: str) -> None:
    """Press the only button of that name there: several cards of a page may have the same."""
    place.get_by_role("button", name=name, exact=True).click()


def mail_servers(page: Page) -> Locator:
    return page.get_by_role("table", name="E-postservrar")


def issue_under_way(page: Page) -> Locator:
    """The card of the one issue that is being sent or paused."""
    return page.locator(
        "section.card", has=page.get_by_role("heading", name=re.compile(r", nr \d"))
    )


def find(page: Page, address: str) -> None:
    """Search, and open the person that was found."""
    page.goto("/desk/prenumeranter")
    page.get_by_label("Hitta en prenumerant").fill(address)
    press(page, "Sök")
    expect(page).not_to_have_title(re.compile("^Prenumeranter"))
    found = page.locator("main").get_by_role("link", name=address)
    if found.count():
        found.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(address)


def send_another(page: Page) -> str:
    """Release a copy of the sent issue while the mail server is paused; returns the new one's id.

    The draft stays: others look at it.
    """
    page.goto("/desk/utskick/1/rapport")
    press(page, "Kopiera som nytt nummer")
    press(page, "Granska")
    page.get_by_label("Varför skickas det som det är?").fill("En påminnelse.")
    page.get_by_role("button", name=re.compile("Skicka till")).click()
    expect(page.get_by_text("Skickas", exact=False).first).to_be_visible()
    found = re.search(r"/utskick/(\d+)/", page.url)
    assert found
    return found[1]


def reload_until(page: Page, path: str, seen: Locator) -> None:
    """Open a page again and again until something stands there."""
    for _again in range(40):
        page.goto(path)
        if seen.count():
            return
        page.wait_for_timeout(500)
    expect(seen).to_be_visible()


def statement(up: Up, issue: str) -> dict[str, object]:
    """What the command says; it fails where the statement does not balance."""
    ran = subprocess.run(
        [*PROGRAM, "statement", issue, "--json"], env=up.env, capture_output=True, check=True
    )
    told: dict[str, object] = json.loads(ran.stdout)
    return told


def test_a_sending_is_stopped_and_goes_on_and_the_reader_who_got_nothing_is_told_why(
    sample: Up, chromium: Browser
) -> None:
    page = log_in(person(chromium, sample.url), sample.new_link())
    skipped = "maria.lindqvist@bolag.test"
    find(page, skipped)
    page.get_by_label("Varför?").fill(WHY)
    press(page, "Spärra")
    expect(page.get_by_role("button", name="Häv spärren")).to_be_visible()

    page.goto("/desk/drift")
    press(mail_servers(page), "Pausa")
    expect(mail_servers(page).get_by_role("button", name="Öppna igen")).to_be_visible()
    issue = send_another(page)
    reload_until(page, "/desk/drift", issue_under_way(page))
    press(issue_under_way(page), "Pausa")
    expect(issue_under_way(page).get_by_role("button", name="Fortsätt skicka")).to_be_visible()
    press(mail_servers(page), "Öppna igen")
    expect(mail_servers(page).get_by_role("button", name="Pausa")).to_be_visible()
    assert statement(sample, issue)["accepted"] == 0
    press(issue_under_way(page), "Fortsätt skicka")

    reload_until(page, f"/desk/utskick/{issue}/rapport", page.get_by_text("redovisade:").first)
    told = statement(sample, issue)
    assert told["balances"] is True
    find(page, skipped)
    answer = f"Nr {issue} skickades inte, eftersom adressen är spärrad"
    expect(page.get_by_text(answer).first).to_be_visible()
    expect(page.get_by_text(WHY).first).to_be_visible()


def test_a_button_is_still_there_when_a_slow_press_ends_on_a_page_that_renews_itself(
    sample: Up, chromium: Browser
) -> None:
    page = log_in(person(chromium, sample.url), sample.new_link())
    page.goto("/desk/drift")
    row = page.get_by_role("table", name="Köer").get_by_role("row", name="Studsar")
    row.get_by_role("button", name="Pausa").hover()
    page.mouse.down()
    with page.expect_response(re.compile(r"/desk/drift\?shape=")):
        pass
    page.mouse.up()
    expect(row.get_by_role("button", name="Fortsätt")).to_be_visible()
    press(row, "Fortsätt")
    expect(row.get_by_role("button", name="Pausa")).to_be_visible()
