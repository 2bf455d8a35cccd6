"""Fields in a letter's words: `{organisation|er organisation}` is a reader's own answer, or else
the words behind the bar. Pure.

A field becomes a slot whose name says both, and which `message` fills for each reader. It is no
template: whatever else stands in braces is text, and so is whatever an answer holds.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from newsletter_service.mail import clean

PREFIX = "field:"
LONGEST_VALUE = 80

_FIELD = r"(?<!\{)\{[ \t]*(?P<key>[a-z0-9][a-z0-9_]{0,39})[ \t]*\|(?P<fallback>[^{}|\n]*)\}(?!\})"
# Addresses, as running text and Markdown write them: no link may differ between readers (P10).
# Bounded, so that no text takes long: what is longer is seen in the letter itself (`merging`).
_ADDRESS = (
    r"\]\([^)\n]{0,2000}\)|^ {0,3}\[[^\]\n]{1,999}\]:[^\n]*|<[a-z][a-z0-9+.-]{0,30}:[^<>\s]*>"
    r"|(?:\b[a-z][a-z0-9+.-]{0,30}://|\bwww\.|\bmailto:|\btel:)[^\s<>]*"
)
_RUNS = re.compile(f"(?P<address>{_ADDRESS})|{_FIELD}", re.IGNORECASE | re.MULTILINE)
_WRITTEN = re.compile(_FIELD)
_BARE = re.compile(r"(?<!\{)\{[ \t]*([a-z0-9][a-z0-9_]{0,39})[ \t]*\}(?!\})")
# What mail programs turn into a link: nobody signs up somebody else to advertise to them.
_LEADS_AWAY = re.compile(r"://|\bwww\.|\bmailto:|@|\w\.[a-z]{2,24}/", re.IGNORECASE)

# The same around a field: park.se/{ort|x}, info@{ort|x}, {ort|x}@park.se, http{ort|s}://park.se
_LEADS_INTO = re.compile(r"(?:[\w+-]@|\w\.[a-z]{2,24}/[^\s<>]*)\Z", re.IGNORECASE)
_LEADS_ON = re.compile(r"[\w.+-]{0,64}(?:@\w|://)|[\w.-]{0,63}\.[a-z]{2,24}/", re.IGNORECASE)
_NEAR = 100


class Field(NamedTuple):
    """A field as it is written: whose answer, and what stands where a reader has none."""

    key: str
    fallback: str

    @property
    def slot(self) -> str:
        """The name of its slot."""
        return f"{PREFIX}{self.key}|{self.fallback}"

    @property
    def notation(self) -> str:
        """How it is written."""
        return f"{{{self.key}|{self.fallback}}}"


Put = Callable[[Field], str | None]


def replaced(text: str, put: Put) -> str:
    """The text with what `put` makes of each field; where it says None, and in addresses, as is."""
    if "{" not in text:
        return text

    def change(match: re.Match[str]) -> str:
        field = None if match["address"] else _field(match)
        new = put(field) if field else None
        return match.group() if new is None else new

    return _RUNS.sub(change, text)


def written(text: str) -> Iterator[Field]:
    """The fields of a text that are filled in, in their order."""
    if "{" in text:
        yield from (found for one in _RUNS.finditer(text) if (found := _field(one)))


def in_addresses(text: str) -> Iterator[Field]:
    """Fields within an address or beside a part of one, and those that have one behind the bar."""
    for run in _RUNS.finditer(text) if "{" in text else ():
        if run["address"]:
            yield from everywhere(run["address"])
        elif (field := _field(run)) and (leads_away(field.fallback) or _is_in_one(run)):
            yield field


def everywhere(text: str) -> Iterator[Field]:
    """Every field of a text, wherever it stands."""
    yield from (found for one in _WRITTEN.finditer(text) if (found := _field(one)))


def leads_away(words: str) -> bool:
    """Whether mail programs would make a link of them."""
    return _LEADS_AWAY.search(words) is not None


def inert(text: str) -> str:
    """Somebody else's text, in which nothing is a field: what looks like one is put in brackets."""
    return _WRITTEN.sub(lambda one: f"({one.group()[1:-1]})", text)


def shortened(text: str, most: int) -> str:
    """The first characters of a text; a field that would be cut through is left out whole."""
    for field in _WRITTEN.finditer(text):
        if field.start() < most < field.end():
            return text[: field.start()].rstrip()
    return text[:most]


def without_fallback(text: str) -> Iterator[str]:
    """Words in braces alone, such as `{organisation}`: perhaps a field whose bar was forgotten."""
    yield from _BARE.findall(text)


def _is_in_one(run: re.Match[str]) -> bool:
    before = run.string[max(run.start() - _NEAR, 0) : run.start()]
    return bool(_LEADS_INTO.search(before) or _LEADS_ON.match(run.string, run.end()))


def _field(match: re.Match[str]) -> Field | None:
    if match["key"] is None or match["key"] != match["key"].lower():
        return None
    return Field(match["key"], clean.line(match["fallback"]))


class Marks:
    """Gives each field of a letter its mark, as long as the words that may stand there."""

    def __init__(self) -> None:
        self.slots: dict[str, str] = {}

    def put(self, field: Field) -> str:
        """The mark of a field; the same for the same field."""
        start = f"xslot{len(self.slots)}"
        mark = start + "f" * max(1, len(field.fallback) - len(start) - 1) + "x"
        return self.slots.setdefault(field.slot, mark)


def asked(slots: Mapping[str, str]) -> dict[str, Field]:
    """The fields among a letter's slots, by the slot's name."""
    return {
        name: Field(*name.removeprefix(PREFIX).split("|", 1))
        for name in slots
        if name.startswith(PREFIX)
    }


def values(fields: Mapping[str, Field], answers: Mapping[str, str]) -> dict[str, str]:
    """What stands in each slot for a reader with these answers, by the field's key."""
    return {name: answers.get(field.key) or field.fallback for name, field in fields.items()}


def fit(answer: str) -> str:
    """What of an answer may stand in a letter, on one line; nothing where the fallback is better.

    So it is where an answer is longer than `LONGEST_VALUE`, or holds an address.
    """
    line = clean.line(answer)
    return "" if len(line) > LONGEST_VALUE or leads_away(line) else line


def filled(part: str, slots: Mapping[str, str], given: Mapping[str, str], *, is_html: bool) -> str:
    """A part of a letter with the values that are given, all at once: a value is never a mark."""
    marks = {slots[name]: value for name, value in given.items() if name in slots}
    if not marks:
        return part

    def change(match: re.Match[str]) -> str:
        value = marks[match.group()]
        return html.escape(value) if is_html else value

    return re.sub("|".join(map(re.escape, marks)), change, part)
