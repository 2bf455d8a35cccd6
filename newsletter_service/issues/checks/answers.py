"""What the check looks for in fields: known ones, in their places, and words for who has none."""

import re
from collections.abc import Iterator

from flask_babel import lazy_gettext as _l

from newsletter_service.issues import merging
from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import ADDRESSES, Case, Words
from newsletter_service.issues.checks.rule import Correction, Found, Level, Rule, Values, block_of
from newsletter_service.issues.checks.words import LONGEST_SUBJECT
from newsletter_service.mail import merge_fields
from newsletter_service.mail.merge_fields import Field
from newsletter_service.subscribers.fields import folded

_BY_LABEL = re.compile(r"(?<!\{)\{([^{}|\n]{1,100})\|[^{}|\n]*\}(?!\})")


def field_unknown(case: Case) -> Found:
    """No field of the newsletter has this name; every reader would get the braces."""
    for words in case.words:
        for name in _BY_LABEL.findall(words.text):
            is_key = any(merge_fields.everywhere(f"{{{name}|}}"))
            if name.strip() in case.asked or not (is_key or _key_of(case, name)):
                continue
            yield words.place, {"field": name.strip()}


def right_name(case: Case, place: str, values: Values) -> Correction | None:
    """The field's own name, where its label was written instead."""
    key = _key_of(case, values["field"])
    if key is None:
        return None
    wrong = re.compile(r"\{[ \t]*" + re.escape(values["field"]) + r"[ \t]*\|")

    def change(_name: str, value: object) -> object:
        return wrong.sub("{" + key + "|", value) if isinstance(value, str) else value

    return corrections.changed(case, place, change)


def field_misplaced(case: Case) -> Found:
    """An address, a button or a description is the same for everybody (P10)."""
    for words in _addresses_too(case):
        may_stand = _may_stand(case, words)
        found = merge_fields.in_addresses if may_stand else merge_fields.everywhere
        yield from ((words.place, {"field": one.key}) for one in found(words.text))


def fallback_missing(case: Case) -> Found:
    """Without words for who has not answered, they would get the braces."""
    for words in case.words:
        bare = merge_fields.without_fallback(words.text)
        empty = (one.key for one in merge_fields.everywhere(words.text) if not one.fallback)
        for key in (*bare, *empty):
            if key in case.asked:
                yield words.place, {"field": key}


def field_unanswered(case: Case) -> Found:
    """How many read the fallback: the sentence should be a good one for them, too."""
    if not case.coverage:
        return
    readers, told = case.reach.confirmed, set()
    for place, field in _filled(case):
        lacking = readers - case.coverage[field.key].answered
        if lacking > 0 and field not in told:
            told.add(field)
            asked = case.asked[field.key]
            values = {"number": lacking, "of": readers, "fallback": field.fallback}
            yield place, values | {"field": asked.label, "field_en": asked.title("en")}


def field_subject_long(case: Case) -> Found:
    """With the longest answer, what matters may stand beyond the sixty characters of an inbox."""
    for text in case.texts:
        asked = [one for one in merge_fields.written(text.subject) if one.key in case.coverage]
        bare = merge_fields.replaced(text.subject, lambda _: "")
        longest = [max(case.coverage[one.key].longest, len(one.fallback)) for one in asked]
        length = len(bare) + sum(longest)
        if asked and length > LONGEST_SUBJECT >= len(case.in_public(text.subject)):
            yield f"subject:{text.locale}", {"length": length, "most": LONGEST_SUBJECT}


def _filled(case: Case) -> Iterator[tuple[str, Field]]:
    """Where each field stands that is filled in, in reading order."""
    for words in case.words:
        if _may_stand(case, words):
            for field in merge_fields.written(words.text):
                if field.key in case.coverage and field.fallback:
                    yield words.place, field


def _may_stand(case: Case, words: Words) -> bool:
    block = next((one for one in case.issue.blocks if one.id == block_of(words.place)), None)
    return words.name in merging.TEXTS if block is None else merging.may_stand(block, words.name)


def _addresses_too(case: Case) -> Iterator[Words]:
    """All words, and the addresses of the blocks."""
    yield from case.words
    for block in case.issue.blocks:
        for locale in case.locales_of(block):
            for name, value in block.values(locale).items():
                if name in ADDRESSES and isinstance(value, str):
                    yield Words(f"block:{block.id}", name, locale, value)


def _key_of(case: Case, name: str) -> str | None:
    """The key of a field by its label, as people know it."""
    wanted = folded(name.strip())
    labels = {
        folded(label): key for key, one in case.asked.items() for label in (one.label_en, one.label)
    }
    return labels.get(wanted) or next((key for key in case.asked if key == wanted), None)


RULES: tuple[Rule, ...] = (
    Rule(
        "field_unknown",
        Level.BLOCKS,
        field_unknown,
        _l("The newsletter has no field “%(field)s” that can be put into a letter."),
        _l("Choose one under Put in a reader's answer, or write the words."),
        right_name,
    ),
    Rule(
        "field_misplaced",
        Level.BLOCKS,
        field_misplaced,
        _l("A reader's answer (%(field)s) cannot stand in a link, a button or a description."),
        _l("Put it into a headline or into running text."),
    ),
    Rule(
        "fallback_missing",
        Level.BLOCKS,
        fallback_missing,
        _l("“%(field)s” does not say what those read who have not answered."),
        _l("Write it behind a bar, as in {%(field)s|everybody}."),
    ),
    Rule(
        "field_unanswered",
        Level.WARNS,
        field_unanswered,
        _l("%(number)s of %(of)s have not answered “%(field)s” and read “%(fallback)s”."),
        _l("Read the letter as somebody without answers."),
    ),
    Rule(
        "field_subject_long",
        Level.WARNS,
        field_subject_long,
        _l(
            "With the longest answer the subject has %(length)s characters; most inboxes show"
            " %(most)s."
        ),
        _l("Put the answer last, or into the introduction."),
    ),
)
