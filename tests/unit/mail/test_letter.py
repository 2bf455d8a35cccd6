import html
import re
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from newsletter_service.mail import environment, letter, prose
from newsletter_service.mail.letter import LetterError, render

LIST = {
    "name": "Nytt från parken",
    "organisation": "Exempelparken",
    "accent": "#0b6e6e",
    "website": "https://example.org",
    "logo_url": "https://example.org/logo.png",
    "number": 12,
}
FOOTER = {
    "organisation": "Exempelparken AB",
    "postal_address": "Teknikvägen 1, 123 45 Exempelstad",
    "org_nr": "556000-0000",
    "contact_email": "red@example.org",
    "privacy_url": "https://example.org/privacy",
}
PICTURE = "https://example.org/picture.png"
BLOCKS: list[dict[str, Any]] = [
    {"kind": "item", "lead": True, "title": "Testlabbet öppnar", "summary": "Kylan är här.",
     "url": "https://example.org/lab?a=1&b=2", "image_url": PICTURE, "image_alt": "En kylkammare",
     "image_height": 338, "source": "Ur parken"},
    {"kind": "heading", "text": "På gång"},
    {"kind": "event", "title": "Frukostmöte", "starts_on": "2026-12-03", "place": "Stora salen",
     "url": "https://example.org/breakfast"},
    {"kind": "event", "title": "Läger", "starts_on": "2026-12-28", "ends_on": "2026-12-30",
     "last_day": "2026-12-11"},
    {"kind": "item", "title": "Så blev spillvärmen till tomater",
     "url": "https://example.org/tomatoes", "link_text": "Läs hela berättelsen"},
    {"kind": "text", "markdown": "Hej **du**, [mer](https://example.org/more).\n\n- ett\n- två"},
    {"kind": "quote", "text": "Folket flyttade hit.", "by": "Amina Berg"},
    {"kind": "image", "url": PICTURE, "alt": "Snö", "width": 1200, "height": 600},
    {"kind": "film", "title": "Roboten", "url": "https://example.org/film",
     "image_url": PICTURE, "image_height": 338, "alt": "En robot"},
    {"kind": "button", "text": "Tipsa oss", "url": "https://example.org/tip"},
    {"kind": "divider"},
]  # fmt: skip
ISSUE: dict[str, Any] = {
    "list": LIST,
    "subject": "Testlabbet öppnar",
    "preheader": "Kylan finns på gångavstånd, och tolv bolag anställer.",
    "introduction": {"html": "<p>Hej å</p>", "text": "Hej å"},
    "blocks": BLOCKS,
    "footer": FOOTER,
    "date": date(2026, 11, 22),
    "archive_url": "https://example.org/letters/12",
    "subscribe_url": "https://example.org/subscribe",
    "useful": {"yes_url": "https://example.org/yes", "no_url": "https://example.org/no"},
}
BARE: dict[str, Any] = {
    "list": {"name": "Nytt", "organisation": "Parken"},
    "subject": "Hej",
    "blocks": [],
    "footer": {"organisation": "Parken AB"},
}
NOTICES: dict[str, dict[str, Any]] = {
    "confirmation": {"list": LIST, "footer": FOOTER, "block_link": True},
    "already_subscribed": {"list": LIST, "footer": FOOTER},
    "welcome": {"list": LIST, "footer": FOOTER, "archive_url": "https://example.org/letters"},
    "login_link": {"organisation": "Parken", "minutes": 15},
    "invitation": {"organisation": "Parken", "inviter": "Karin Lund", "days": 7},
    "approval": {"organisation": "Parken", "newsletter": "Nytt", "number": 12, "subject": "Hej",
                 "who": "anna@park.test", "when": "2026-12-03", "path": "/desk/utskick/1/x"},
    "reminder": {"list": LIST, "footer": FOOTER},
    "personal_link": {"organisation": "Parken", "list": LIST, "footer": FOOTER},
    "new_address": {"organisation": "Parken", "list": LIST, "footer": FOOTER},
    "address_changed": {"organisation": "Parken", "list": LIST, "footer": FOOTER,
                        "new_address": "a•••@example.org"},
    "alert": {"organisation": "Parken", "title": "Pausat", "what": "Något hände.",
              "remedy": "Gör så här.", "url": "https://example.org/desk"},
    "proposal": {"organisation": "Parken", "title": "Ett förslag till nr 12 är klart",
                 "what": "Nr 12 är satt ihop av nyheterna.", "left": ["Läs igenom det."],
                 "contents": [{"title": "Händer snart", "why": "", "heading": "yes"},
                           {"title": "Öppet hus", "why": "Händer snart.", "heading": ""}],
                 "url": "https://example.org/desk/utskick/12", "button_text": "Öppna utkastet"},
}  # fmt: skip
EVERY = [("issue", ISSUE), ("issue", BARE), *NOTICES.items()]


@pytest.mark.parametrize("locale", ["sv", "en"])
@pytest.mark.parametrize(("name", "values"), EVERY)
def test_every_mail_renders_in_three_parts(name: str, values: dict[str, Any], locale: str) -> None:
    made = render(name, values, locale)
    assert made.subject
    assert f'<html lang="{locale}" dir="ltr"' in made.html
    assert made.text.strip()
    for left_over in ("{{", "{%", "None", "Undefined", "&nbsp;", "&lt;"):
        assert left_over not in made.text


@pytest.mark.parametrize(("name", "values"), EVERY)
def test_r_7_11_text_lines_fit_and_words_are_intact(name: str, values: dict[str, Any]) -> None:
    made = render(name, values, "sv")
    assert all(len(line) <= 78 or "https://" in line for line in made.text.splitlines())
    assert not re.search(r"<(?!https:)\w|&\w+;|\n{4,}|[ \t]\n", made.text)


def test_every_folder_of_a_mail_has_its_three_parts_and_a_test() -> None:
    mails = {
        found.name
        for found in environment.folder().iterdir()
        if found.is_dir() and not found.name.startswith("_") and found.name != "blocks"
    }
    assert mails == {name for name, _ in EVERY}
    for name in mails:
        parts = {part.name for part in (environment.folder() / name).iterdir()}
        assert parts == set(environment.PARTS)


def test_every_block_has_an_html_and_a_text_side() -> None:
    kinds = {block["kind"] for block in BLOCKS}
    files = {found.name for found in (environment.folder() / "blocks").iterdir()}
    assert files == {f"{kind}.{side}" for kind in kinds for side in ("html", "txt")}


def test_slots_stand_whole_in_both_parts_and_are_listed() -> None:
    made = render("issue", ISSUE, "sv")
    assert set(made.slots) == {"unsubscribe_url", "preferences_url", "address"}
    for mark in made.slots.values():
        assert re.fullmatch("[a-z0-9]+", mark)
        assert mark in made.html
        assert mark in made.text
    assert f'href="{made.slots["unsubscribe_url"]}"' in made.html


def test_what_an_editor_writes_cannot_pass_for_a_slot() -> None:
    mark = render("issue", ISSUE, "sv").slots["unsubscribe_url"]
    made = render("issue", {**ISSUE, "subject": f"Se {mark}"}, "sv")
    assert made.subject == f"Se {mark.replace('xslot', 'x-slot')}"


def test_rendering_twice_gives_the_same_letter() -> None:
    assert render("issue", ISSUE, "sv") == render("issue", ISSUE, "sv")


@pytest.mark.parametrize("text", ["<script>x</script>", "{{ ''.__class__ }}", "{% raw %}", "a & b"])
def test_r_7_14_what_an_editor_types_is_text_and_never_code(text: str) -> None:
    made = render("issue", {**ISSUE, "subject": text, "introduction": None}, "sv")
    assert html.escape(text, quote=False) in made.html
    assert "<script" not in made.html
    assert made.subject == text


def test_r_7_14_html_in_the_introduction_is_sanitised() -> None:
    bad = "<p onclick=x>a<script>b</script><a href='javascript:c'>d</a></p><img src=x>"
    made = render("issue", {**ISSUE, "introduction": {"html": bad, "text": "a"}}, "sv")
    assert not re.search('onclick|<script|javascript:|src="x', made.html)


def test_a_missing_value_is_an_error_that_names_the_mail_and_the_value() -> None:
    with pytest.raises(LetterError, match=r"'issue'.*'blocks' is undefined"):
        render("issue", {key: value for key, value in ISSUE.items() if key != "blocks"}, "sv")


@pytest.mark.parametrize("kind", sorted({block["kind"] for block in BLOCKS}))
def test_a_block_that_is_not_filled_in_yet_can_be_shown(kind: str) -> None:
    made = render("issue", {**ISSUE, "blocks": [{"kind": kind, "url": None}]}, "sv")
    assert "None" not in made.html + made.text


def test_an_unknown_kind_of_block_is_an_error() -> None:
    with pytest.raises(LetterError, match="blocks/poem"):
        render("issue", {**ISSUE, "blocks": [{"kind": "poem"}]}, "sv")


def test_an_accent_that_is_no_colour_is_an_error() -> None:
    with pytest.raises(LetterError, match="#rrggbb"):
        render("issue", {**ISSUE, "list": {**LIST, "accent": "red;}"}}, "sv")


def test_live_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="plain values"):
        render("issue", {**ISSUE, "list": object()}, "sv")


def test_r_7_12_control_characters_and_bidi_overrides_are_gone() -> None:
    made = render("issue", {**ISSUE, "subject": "A\u202eb\x07 a\u030a"}, "sv")
    assert made.subject == "Ab å"
    assert "\u202e" not in made.html + made.text


def test_r_7_13_media_queries_keep_their_force_and_css_is_inlined() -> None:
    made = render("issue", ISSUE, "sv")
    assert "@media (prefers-color-scheme: dark)" in made.html
    assert "!important" in made.html
    assert "[data-ogsc] .cell" in made.html
    assert re.search(r'<h1[^>]* style="[^"]*font-size:\s*34px', made.html)
    styles = re.findall(r"<style.*?</style>", made.html, re.DOTALL)
    assert sum(map(len, styles)) < 16_384


def test_r_7_13_the_conditional_comments_for_outlook_survive() -> None:
    made = render("issue", ISSUE, "sv")
    assert made.html.count("<!--[if mso]>") == made.html.count("<![endif]-->") - made.html.count(
        "<!--<![endif]-->"
    )
    assert "<v:roundrect" in made.html


def test_r_7_2_every_table_is_for_layout_only() -> None:
    for tag in re.findall(r"<table[^>]*>", render("issue", ISSUE, "sv").html):
        assert 'role="presentation"' in tag


def test_r_7_7_every_picture_has_its_size_and_words() -> None:
    pictures = re.findall(r"<img[^>]*>", render("issue", ISSUE, "sv").html)
    assert len(pictures) == 4
    for tag in pictures:
        assert 'alt="' in tag
        assert 'height="' in tag
    assert all('width="600"' in tag for tag in pictures[1:])


def test_r_7_9_headings_descend_from_one_title_and_language_is_said_twice() -> None:
    made = render("issue", ISSUE, "sv")
    levels = [int(level) for level in re.findall(r"<h(\d)", made.html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert re.search(r'role="article"[^>]*aria-label="Testlabbet öppnar"[^>]*lang="sv"', made.html)


def test_r_7_10_the_preheader_is_hidden_first_and_then_padded() -> None:
    body = render("issue", ISSUE, "sv").html.partition("<body")[2]
    assert body.index("Kylan finns") < body.index("<table")
    assert "mso-hide" in body[: body.index("Kylan finns")]


def test_r_7_4_an_issue_with_thirty_stories_stays_below_the_clipping() -> None:
    story = {**BLOCKS[4], "summary": "Två studenter räknade på det i en kurs i våras. " * 4}
    made = render("issue", {**ISSUE, "blocks": [*BLOCKS, *[story] * 30]}, "sv")
    assert len(made.html.encode()) < 90_000


def test_dates_are_written_in_the_language_of_the_letter() -> None:
    swedish, english = render("issue", ISSUE, "sv"), render("issue", ISSUE, "en")
    assert "22 november 2026" in swedish.text
    assert "torsdag 3 december, Stora salen" in swedish.text
    assert "28–30 dec." in swedish.text
    assert "Thursday 3 December, Stora salen" in english.text
    assert ">dec.<" in swedish.html
    assert ">Dec<" in english.html


def test_the_swedish_words_are_in_place() -> None:
    made = render("issue", ISSUE, "sv")
    for words in ("Hade du nytta av brevet?", "Avprenumerera", "Läs i webbläsaren", "Nr 12"):
        assert words in made.text
        assert words in made.html
    assert "Fick du brevet av någon? Prenumerera." in made.text
    assert render("confirmation", NOTICES["confirmation"], "sv").subject == (
        "Bekräfta din prenumeration på Nytt från parken"
    )


def test_r_5_14_the_confirmation_has_no_links_but_those_it_needs() -> None:
    made = render("confirmation", {**NOTICES["confirmation"], "block_link": False}, "sv")
    links = set(re.findall(r'href="([^"]+)"', made.html))
    own = {made.slots["confirm_url"], LIST["website"], FOOTER["privacy_url"]}
    assert links == own | {"mailto:red@example.org"}
    assert set(made.slots) == {"confirm_url"}


def test_markdown_in_text_has_each_address_after_its_words() -> None:
    made = prose.to_text(
        "# Rubrik\n\nSe [boken](https://example.org/b) *nu*.\n\n1. ett\n2. två\n   - inre\n\n"
        "[a@example.org](mailto:a@example.org)\n\nAlltså [mer](https://example.org/m)"
    )
    assert made == (
        "Rubrik\n\nSe boken <https://example.org/b> nu.\n\n1. ett\n2. två\n  - inre\n\n"
        "a@example.org\n\nAlltså mer: https://example.org/m"
    )


def test_markdown_in_html_holds_no_html_of_its_own() -> None:
    made = prose.to_html("<b onclick=x>fet</b> ![p](https://example.org/p.png) [j](javascript:x)")
    assert "<b" not in made
    assert "<img" not in made
    assert 'href="javascript' not in made


def test_an_environment_is_made_once_for_each_part_and_language() -> None:
    assert environment.environment("body.html", "sv") is environment.environment("body.html", "sv")
    assert letter.PARTS == ("subject.txt", "body.html", "body.txt")
