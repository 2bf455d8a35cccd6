"""Fields of the list in the words of an issue: which ones there are, and where they may stand.

A field that cannot be filled in stays the text that it is, and the check says so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from newsletter_service.mail import merge_fields
from newsletter_service.mail.letter import LetterError, unmarked
from newsletter_service.mail.merge_fields import Field, Put
from newsletter_service.mail.message import Letter
from newsletter_service.models import Block, BlockKind, FieldKind, Issue, ListField
from newsletter_service.subscribers import field_answers, fields

TEXTS = ("subject", "preheader", "introduction")
PROSE = frozenset({"introduction", "markdown"})
# Words in a link, a button or a picture's description are the same for everybody.
PLACES: dict[BlockKind, frozenset[str]] = {
    BlockKind.HEADING: frozenset({"text"}),
    BlockKind.TEXT: frozenset({"markdown"}),
    BlockKind.ITEM: frozenset({"title", "summary"}),
    BlockKind.EVENT: frozenset({"title", "summary"}),
    BlockKind.QUOTE: frozenset({"text"}),
}
LONGEST_SUBJECT = 300
_SPECIAL_IN_MARKDOWN = re.compile(r"([\\`*_\[\]<>#!&~+.()-])")


def usable(session: Session, list_id: int) -> dict[str, ListField]:
    """The fields of a list that are answered in words, by key; a tick says nothing in them."""
    asked = fields.of_list(session, list_id)
    return {each.key: each for each in asked if each.kind != FieldKind.CHECKBOX}


def may_stand(block: Block, name: str) -> bool:
    """Whether a value of a block may hold fields."""
    return name in PLACES.get(BlockKind(block.kind), frozenset())


def said(issue: Issue, locale: str) -> Iterator[tuple[str, str, str]]:
    """Everything in a language that may hold fields: the place, the name and the words."""
    for text in issue.texts:
        if text.locale == locale:
            yield from ((f"{name}:{locale}", name, getattr(text, name)) for name in TEXTS)
    for block in issue.blocks:
        if block.only_locale not in ("", locale):
            continue
        for name, value in block.values(locale).items():
            if isinstance(value, str) and may_stand(block, name):
                yield f"block:{block.id}", name, value


def known(session: Session, issue: Issue, locale: str) -> dict[str, ListField]:
    """The list's fields, where any is written at all; else nobody is asked."""
    written = any(
        True for _p, _n, words in said(issue, locale) for _f in merge_fields.written(words)
    )
    return usable(session, issue.list_id) if written else {}


def answers_of(
    session: Session, asked: Mapping[str, ListField], readers: Mapping[int, str]
) -> dict[int, dict[str, str]]:
    """What copies for readers say of them, by field; `readers` are subscriptions and languages."""
    kept = field_answers.values_of(session, list(readers)) if asked and readers else {}
    return {
        one: {
            key: merge_fields.fit(field.said(kept[one][field.id], locale))
            for key, field in asked.items()
            if field.id in kept.get(one, {})
        }
        for one, locale in readers.items()
    }


def put_in(
    values: Mapping[str, Any], asked: Mapping[str, ListField], put: Put | None
) -> dict[str, Any]:
    """A letter's values with what `put` makes of each field; without it, with the fallbacks.

    Nothing else in them looks like a slot's mark any more.
    """

    def in_line(field: Field) -> str | None:
        if field.key not in asked or not field.fallback:
            return None
        return put(field) if put else field.fallback

    def in_prose(field: Field) -> str | None:
        made = in_line(field)
        return made if put or made is None else _SPECIAL_IN_MARKDOWN.sub(r"\\\1", made)

    def change(name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return merge_fields.replaced(value, in_prose if name in PROSE else in_line)

    clean = unmarked(values)
    texts = {name: change(name, clean[name]) for name in TEXTS}
    blocks = [
        {
            name: change(name, value) if name in PLACES.get(block["kind"], ()) else value
            for name, value in block.items()
        }
        for block in clean["blocks"]
    ]
    return dict(clean) | texts | {"blocks": blocks}


def in_public(text: str, asked: Mapping[str, ListField]) -> str:
    """One line of an issue as everybody may read it: with every field's fallback."""
    return as_read(text, asked, {})


def subject(session: Session, issue: Issue) -> str:
    """The issue's subject in the first language that has one, as everybody may read it."""
    words = {text.locale: text.subject for text in issue.texts}
    first = (words.get(locale) for locale in issue.newsletter.locales)
    found = next((one for one in first if one), "")
    return in_public(found, usable(session, issue.list_id)) if "{" in found else found


def as_read(text: str, asked: Mapping[str, ListField], answers: Mapping[str, str]) -> str:
    """One line of an issue as a reader with these answers reads it."""

    def put(field: Field) -> str | None:
        if field.key not in asked or not field.fallback:
            return None
        return answers.get(field.key) or field.fallback

    return merge_fields.replaced(text, put)


def with_fallbacks(words: str, slots: Mapping[str, str]) -> str:
    """A part of a frozen letter, not its HTML, as everybody may read it."""
    values = merge_fields.values(merge_fields.asked(slots), {})
    return merge_fields.filled(words, slots, values, is_html=False)


def guarded(letter: Letter) -> Letter:
    """The letter, if no field stands in an address and its subject can be kept. `LetterError`."""
    marks = [letter.slots[name] for name in merge_fields.asked(letter.slots)]
    if not marks:
        return letter
    any_mark = "|".join(map(re.escape, marks))
    in_html = re.search(rf'\b(?:href|src)="[^"]*(?:{any_mark})', letter.html)
    if in_html or re.search(rf"://\S{{0,2000}}(?:{any_mark})", letter.text):
        raise LetterError("A field stands in an address; no link may differ between readers.")
    if len(letter.subject) > LONGEST_SUBJECT:
        raise LetterError(f"The subject is longer than {LONGEST_SUBJECT} characters.")
    return letter


def answered(letter: Letter, answers: Mapping[str, str]) -> Letter:
    """The letter as a reader with these answers has it; the other slots are left."""
    asked = merge_fields.asked(letter.slots)
    values = merge_fields.values(asked, answers)
    if not values:
        return letter
    html, text = (
        merge_fields.filled(part, letter.slots, values, is_html=is_html)
        for part, is_html in ((letter.html, True), (letter.text, False))
    )
    subject = merge_fields.filled(letter.subject, letter.slots, values, is_html=False)
    slots = {name: mark for name, mark in letter.slots.items() if name not in asked}
    return replace(letter, subject=subject, html=html, text=text, slots=slots)
