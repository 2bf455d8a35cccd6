"""A visitor signs up on a phone without JavaScript, confirms, leaves, and takes it back."""

import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.whole_service import A_PERSON_FILLS_IN_S, Running, link_in, person, text_of

pytestmark = pytest.mark.browser
NEWSLETTER = "Nytt från Vintergren"


@pytest.fixture(scope="module")
def newsletter(empty: Running) -> Running:
    """A newsletter in both languages."""
    empty.begin_newsletter("sv", "en")
    return empty


def sign_up(page: Page, address: str, path: str = "/prenumerera/nyhetsbrev") -> None:
    """As a person does who reads before writing."""
    english = path.startswith("/subscribe")
    page.goto(path)
    time.sleep(A_PERSON_FILLS_IN_S)
    page.get_by_label("E-mail address" if english else "E-postadress").fill(address)
    press(page, "Subscribe" if english else "Prenumerera")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def sees(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)


def test_a_visitor_signs_up_confirms_leaves_and_comes_back_on_a_phone_without_javascript(
    newsletter: Running, chromium: Browser
) -> None:
    reader = "åsa.öberg@reader.test"
    page = person(chromium, newsletter.url, 320, javascript=False).new_page()

    sign_up(page, reader)
    sees(page, "Kolla din inkorg")
    confirmation = newsletter.post.wait_for(reader, "Bekräfta")
    page.goto(link_in(confirmation, "bekrafta/"))
    press(page, "Bekräfta prenumerationen")
    sees(page, f"Nu prenumererar du på {NEWSLETTER}")

    sign_up(page, reader)
    sees(page, "Kolla din inkorg")
    known = newsletter.post.wait_for(reader, "Du prenumererar redan")
    assert "behöver inte göra något" in text_of(known)

    page.goto(link_in(known, "unsubscribe/"))
    press(page, "Avprenumerera")
    sees(page, f"Du får inte fler {NEWSLETTER}")
    press(page, "Prenumerera igen")
    sees(page, "Välkommen tillbaka")


def test_an_english_visitor_is_met_in_english_all_the_way(
    newsletter: Running, chromium: Browser
) -> None:
    reader = "jo.field@reader.test"
    page = person(chromium, newsletter.url, 320, javascript=False, locale="en").new_page()

    sign_up(page, reader, "/subscribe/nyhetsbrev")
    sees(page, "inbox")
    confirmation = newsletter.post.wait_for(reader, "Confirm")
    page.goto(link_in(confirmation, "confirm/"))
    press(page, "Confirm the subscription")
    sees(page, "You now subscribe to News from Vintergren")
    welcome = newsletter.post.wait_for(reader, "You now subscribe")
    page.goto(link_in(welcome, "unsubscribe/"))
    press(page, "Unsubscribe")
    sees(page, "You will get no more of News from Vintergren")


def test_an_address_with_a_fault_is_told_at_the_field_and_kept(
    newsletter: Running, chromium: Browser
) -> None:
    page = person(chromium, newsletter.url, 320, javascript=False).new_page()
    sign_up(page, "anna at reader.test")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-postadress")).to_have_value("anna at reader.test")
