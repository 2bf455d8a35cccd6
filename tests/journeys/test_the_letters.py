"""Every shipped mail in a browser: axe, the width of a phone, light and dark, long and short."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from newsletter_service.mail.letter import render
from tests.journeys.seen_page import AXE, OVERFLOW
from tests.unit.mail.test_letter import BARE, EVERY, ISSUE, LIST

WORD = "Forskningsinfrastrukturfinansieringsansökningshandläggare"
SENTENCE = f"{WORD} och en mycket lång rad ord som ingen hade tänkt på när brevet ritades. "
ADDRESS = "https://example.org/" + "mycket-lang-adress" * 12
LONG_VALUES = {
    "title": SENTENCE * 2,
    "summary": SENTENCE * 12,
    "text": SENTENCE,
    "place": WORD,
    "by": SENTENCE,
    "source": SENTENCE,
    "link_text": SENTENCE,
    "markdown": f"## {SENTENCE}\n\n{SENTENCE * 8} [{WORD}]({ADDRESS}) {ADDRESS}\n\n- {WORD}\n",
}
LONGEST: dict[str, Any] = ISSUE | {
    "list": LIST | {"name": SENTENCE, "number": 12_345},
    "subject": SENTENCE * 3,
    "preheader": SENTENCE * 3,
    "introduction": {"html": f"<p>{SENTENCE * 20}</p><p>{ADDRESS}</p>", "text": SENTENCE * 20},
    "blocks": [
        block | {name: LONG_VALUES[name] for name in block if name in LONG_VALUES}
        for block in ISSUE["blocks"]
    ],
    "footer": ISSUE["footer"] | {"organisation": SENTENCE, "postal_address": SENTENCE * 2},
}
LETTERS = {f"{name} {n}": (name, values) for n, (name, values) in enumerate(EVERY)}
LETTERS |= {"issue, the longest": ("issue", LONGEST)}
# A letter is an article within a mail program's page: the landmarks are that page's.
RUN_AXE = """async () => {
  const page = ["landmark-one-main", "region", "page-has-heading-one"];
  const rules = Object.fromEntries(page.map((rule) => [rule, {enabled: false}]));
  const found = await axe.run(document, {rules, resultTypes: ["violations"]});
  return found.violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`);
}"""
# What stands where, and whether it can be read and pressed; the same in every browser.
GEOMETRY = """() => {
  const shown = [...document.querySelectorAll("body *")].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && getComputedStyle(each).visibility !== "hidden";
  });
  const own = (each) => [...each.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const texts = shown.filter(own);
  const grey = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
    return (r * 299 + g * 587 + b * 114) / 1000;
  };
  const sheet = document.querySelector(".sheet").getBoundingClientRect();
  return {
    sheet: Math.round(sheet.width),
    left: Math.round(sheet.left),
    small: texts.filter((each) => parseFloat(getComputedStyle(each).fontSize) < 12)
      .map((each) => each.outerHTML.slice(0, 90)),
    low: [...document.querySelectorAll("a.button")]
      .filter((each) => each.getBoundingClientRect().height < 44)
      .map((each) => each.outerHTML.slice(0, 90)),
    ground: grey(getComputedStyle(document.querySelector(".sheet")).backgroundColor),
    headings: [...document.querySelectorAll("h1, h2, h3")].map((each) =>
      Math.round(each.getBoundingClientRect().top)),
    centred: texts.filter((each) => getComputedStyle(each).textAlign === "justify").length,
  };
}"""


pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def letters_page(chromium: Browser) -> Iterator[Page]:
    """A page of a mail program that loads nothing from anywhere."""
    context = chromium.new_context(offline=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("locale", ["sv", "en"])
@pytest.mark.parametrize("letter", LETTERS)
def test_r_7_9_every_letter_is_readable_light_and_dark_on_a_phone_and_wide(
    letters_page: Page, letter: str, locale: str
) -> None:
    page = letters_page
    name, values = LETTERS[letter]
    page.emulate_media(color_scheme="light")
    page.set_content(render(name, values, locale).html, wait_until="domcontentloaded")
    page.evaluate(AXE)
    both = (("light", 600), ("dark", 320))
    # the small mails share a frame: wide in one language, narrow in the other
    for theme, width in both if name == "issue" else (both[locale == "en"],):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(RUN_AXE) == [], (theme, width)
        assert page.evaluate(OVERFLOW) == "", (theme, width)
        seen = page.evaluate(GEOMETRY)
        assert seen["small"] == []
        assert seen["low"] == []
        assert seen["headings"] == sorted(seen["headings"])
        assert seen["centred"] == 0
        assert (seen["sheet"], seen["left"]) == (width, 0)
        assert seen["ground"] > 240 if theme == "light" else seen["ground"] < 60


def test_r_7_1_a_letter_is_never_wider_than_600(letters_page: Page) -> None:
    page = letters_page
    page.set_viewport_size({"width": 1280, "height": 900})
    for values in (ISSUE, BARE, LONGEST):
        page.set_content(render("issue", values, "sv").html, wait_until="domcontentloaded")
        assert page.evaluate(GEOMETRY)["sheet"] <= 600
