"""What the check looks for in the rendered letter: whole, small enough, readable by everybody."""

import re
from collections.abc import Iterator
from itertools import pairwise

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Correction, Found, Level, Rule, Values
from newsletter_service.mail import merge_fields
from newsletter_service.mail.message import Letter

LARGEST_HTML = 100_000
LARGE_HTML = 90_000
LARGEST_STYLE = 16_384
BYTES_A_CHARACTER = 5  # as many as an ampersand takes in HTML; none takes more in UTF-8
LINK_ALLOWANCE = 400  # what a reader's own links and address add to the slots' marks

_LEFTOVERS = re.compile(
    r"&(?:nbsp|amp|lt|gt|quot|#\d+|[a-z]{2,8});|</?(?:p|a|td|span|br)\b|\{[a-z-]+:"
)
_HEADING = re.compile(r"^(#{1,6})(?=\s)", re.M)


def not_rendered(case: Case) -> Found:
    """The letter could not be made."""
    if case.failure:
        yield "letter", {"error": case.failure}


def text_empty(case: Case) -> Found:
    """A part without words for those who read plain text."""
    for locale, letter in case.letters.items():
        if not letter.text.strip():
            yield f"letter:{locale}", {}


def text_leftovers(case: Case) -> Found:
    """Plain text in which pieces of HTML are left (R 7.11)."""
    for locale, letter in case.letters.items():
        if found := _LEFTOVERS.search(letter.text):
            yield f"letter:{locale}", {"text": found.group()}


def unsubscribe_missing(case: Case) -> Found:
    """The way to leave stands in the HTML and in the text (R 1.6)."""
    for locale, letter in case.letters.items():
        mark = letter.slots.get("unsubscribe_url", "")
        if not mark or mark not in letter.html or mark not in letter.text:
            yield f"letter:{locale}", {}


def unsubscribe_late(case: Case) -> Found:
    """The way to leave stands where Gmail still shows it, within 90 000 bytes (R 1.6)."""
    for locale, letter in case.letters.items():
        mark = letter.slots.get("unsubscribe_url", "")
        at = letter.html.find(mark) if mark else -1
        if at >= 0 and len(letter.html[:at].encode()) > LARGE_HTML:
            yield f"letter:{locale}", {}


def too_large(case: Case) -> Found:
    """Gmail cuts letters at about 102 kB (R 7.4)."""
    for locale, size in _sizes(case):
        if size > LARGEST_HTML:
            yield f"letter:{locale}", {"size": size // 1000}


def large(case: Case) -> Found:
    """Near the size at which letters are cut (R 7.4)."""
    for locale, size in _sizes(case):
        if LARGE_HTML < size <= LARGEST_HTML:
            yield f"letter:{locale}", {"size": size // 1000}


def style_large(case: Case) -> Found:
    """Gmail drops the rules of a style block beyond 16 384 bytes (R 7.3)."""
    for locale, tree in case.trees.items():
        size = sum(len((style.text or "").encode()) for style in tree.iter("style"))
        if size > LARGEST_STYLE:
            yield f"letter:{locale}", {"size": size // 1000}


def alt_missing(case: Case) -> Found:
    """Every picture has its alt attribute, empty where it only decorates (R 7.7)."""
    for locale, tree in case.trees.items():
        if any(image.get("alt") is None for image in tree.iter("img")):
            yield f"letter:{locale}", {}


def lang_missing(case: Case) -> Found:
    """The language and direction stand on the page and on the letter's own frame (R 7.9)."""
    for locale, tree in case.trees.items():
        frames = [tree, *tree.xpath("//*[@role='article']")]
        named = [one for one in frames if one.get("lang") == locale and one.get("dir")]
        if len(named) < 2:
            yield f"letter:{locale}", {}


def heading_order(case: Case) -> Found:
    """One main heading, and no level left out below it (R 7.9)."""
    for locale, tree in case.trees.items():
        levels = [int(heading.tag[1]) for heading in tree.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
        leaps = [after for before, after in pairwise(levels) if after > before + 1]
        if levels[:1] != [1] or levels.count(1) > 1 or leaps:
            yield _where_headings_leap(case, locale), {}


def regular_headings(case: Case, place: str, _values: Values) -> Correction | None:
    """Headings in Markdown as the second level, which always fits."""

    def change(name: str, value: object) -> object:
        if name in ("markdown", "introduction") and isinstance(value, str):
            return _HEADING.sub("##", value)
        return value

    return corrections.changed(case, place, change)


def _where_headings_leap(case: Case, locale: str) -> str:
    """The text with a heading of another level than the second, else the letter."""
    for words in case.words:
        mine = words.locale == locale and words.name in ("markdown", "introduction")
        if mine and any(len(match.group(1)) != 2 for match in _HEADING.finditer(words.text)):
            return words.place
    return f"letter:{locale}"


def _sizes(case: Case) -> Iterator[tuple[str, int]]:
    """How large each letter is for the reader of the sample with the longest links, or answers."""
    for locale, letter in case.letters.items():
        largest = [copy.html_size for copy in case.copies if copy.locale == locale]
        own = len(letter.html.encode()) + LINK_ALLOWANCE + _answers(case, letter)
        yield locale, max([*largest, own])


def _answers(case: Case, letter: Letter) -> int:
    """What the longest answers may add, in bytes."""
    return sum(
        letter.html.count(letter.slots[name]) * case.coverage[field.key].longest * BYTES_A_CHARACTER
        for name, field in merge_fields.asked(letter.slots).items()
        if field.key in case.coverage
    )


_TEMPLATE = _l("The template must show it in the HTML and in the text; restore the original.")
RULES: tuple[Rule, ...] = (
    Rule(
        "not_rendered",
        Level.BLOCKS,
        not_rendered,
        _l("The letter could not be made: %(error)s"),
        _l("Undo your last change, or show this to whoever runs the service."),
    ),
    Rule(
        "text_empty",
        Level.BLOCKS,
        text_empty,
        _l("The letter has no plain text."),
        _l("Add some words; pictures alone say nothing to those who cannot see them."),
    ),
    Rule(
        "unsubscribe_missing",
        Level.BLOCKS,
        unsubscribe_missing,
        _l("The letter has no way to unsubscribe."),
        _TEMPLATE,
    ),
    Rule(
        "unsubscribe_late",
        Level.BLOCKS,
        unsubscribe_late,
        _l("The way to unsubscribe stands so far down that Gmail would cut it off."),
        _l("Take some parts out, or shorten the longest one."),
    ),
    Rule(
        "too_large",
        Level.BLOCKS,
        too_large,
        _l("The letter is %(size)s kB; Gmail would cut off its end."),
        _l("Take some parts out, until it is below 100 kB."),
    ),
    Rule(
        "alt_missing",
        Level.BLOCKS,
        alt_missing,
        _l("A picture lacks its text alternative."),
        _l("The template must give every picture one; restore the original."),
    ),
    Rule(
        "lang_missing",
        Level.BLOCKS,
        lang_missing,
        _l("The letter does not say which language it is written in, so it is read out wrongly."),
        _l("The template must say it on the page and on its frame; restore the original."),
    ),
    Rule(
        "large",
        Level.WARNS,
        large,
        _l("The letter is %(size)s kB; at 100 kB Gmail would cut off its end."),
        _l("Take a part out, or shorten the longest one."),
    ),
    Rule(
        "style_large",
        Level.WARNS,
        style_large,
        _l("The letter's style rules are %(size)s kB; Gmail drops what is beyond 16."),
        _l("Shorten the template's style sheets, or restore the original."),
    ),
    Rule(
        "heading_order",
        Level.WARNS,
        heading_order,
        _l("The headings leave out a level, so the letter is hard to find one's way in by ear."),
        _l("Use ## for headings in a text."),
        regular_headings,
    ),
    Rule(
        "text_leftovers",
        Level.WARNS,
        text_leftovers,
        _l("In the plain text stands “%(text)s”."),
        _l("Write it in words; those who read plain text see the signs themselves."),
    ),
)
