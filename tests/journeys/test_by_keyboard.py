"""A visitor who uses the keyboard alone signs up, confirms, leaves; nothing else gets the focus."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.whole_service import Running, link_in, person

pytestmark = pytest.mark.browser
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return {name: one.tagName === "INPUT" ? one.name : one.textContent.trim(),
          hidden: !!one.closest("[aria-hidden=true]"),
          seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2};
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something by that name has the focus; everything on the way shows it."""
    for _ in range(25):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert not focused["hidden"], focused
        if focused["name"] == name:
            assert focused["seen"], focused
            return
        assert focused["seen"], f"no visible focus: {focused}"
    pytest.fail(f"the keyboard never reaches {name!r} on {page.url}")


def test_a_visitor_signs_up_confirms_and_leaves_by_keyboard_alone(
    empty: Running, chromium: Browser
) -> None:
    empty.begin_newsletter("sv")
    reader = "kim@reader.test"
    page = person(chromium, empty.url).new_page()
    page.goto("/prenumerera/nyhetsbrev")
    tab_to(page, "Hoppa till innehållet")
    page.keyboard.press("Enter")
    tab_to(page, "email")
    page.keyboard.type("kim at reader.test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    tab_to(page, "email")
    page.keyboard.press("Control+A")
    page.keyboard.type(reader)
    tab_to(page, "Prenumerera")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kolla din inkorg")
    page.goto(link_in(empty.post.wait_for(reader, "Bekräfta"), "bekrafta/"))
    tab_to(page, "Bekräfta prenumerationen")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nu prenumererar du")
    page.goto(link_in(empty.post.wait_for(reader, "Nu prenumererar du"), "unsubscribe/"))
    tab_to(page, "Avprenumerera")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Du får inte fler")
