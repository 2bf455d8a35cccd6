"""What the check looks for where a letter is written in several languages: holes, and copies."""

from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.issues.translating import SAME_IN_EVERY, TRANSLATED
from newsletter_service.models import Block, BlockKind
from newsletter_service.news import clean

LONG_ENOUGH = 30  # shorter ones are often names
LONGEST_NAMED = 50


def name_of(locale: str) -> str:
    """What a language is called within a sentence."""
    known = {
        "sv": pgettext("within a sentence", "Swedish"),
        "en": pgettext("within a sentence", "English"),
    }
    return str(known.get(locale, locale))


def language_missing(case: Case) -> Found:
    """A language of the list that nobody has written; its readers get the first one."""
    for locale in case.issue.newsletter.locales[1:]:
        if locale not in case.locales:
            yield f"subject:{locale}", {}


def language_empty(case: Case) -> Found:
    """A language that has a subject, but no part that stands in its letter."""
    for locale in case.locales if len(case.locales) > 1 and case.issue.blocks else ():
        if not any(locale in case.locales_of(block) for block in case.issue.blocks):
            yield f"subject:{locale}", {"locale": locale}


def translation_missing(case: Case) -> Found:
    """A part, or the introduction, that one language has and another lacks."""
    if len(case.locales) < 2:
        return
    for block, locale, name in _holes(case):
        there = next(value for values in block.data.values() if (value := values.get(name)))
        said = {"locale": locale, "field": name, "words": _begun(str(there))}
        yield f"block:{block.id}", said
    written = {text.locale: text.introduction for text in case.texts if text.introduction.strip()}
    for locale in case.locales if written else ():
        if locale not in written:
            words = _begun(next(iter(written.values())))
            said = {"locale": locale, "field": "introduction", "words": words}
            yield f"introduction:{locale}", said


def translation_same(case: Case) -> Found:
    """The same sentence in two languages: somebody forgot to translate it."""
    first, *others = case.locales
    for block in case.issue.blocks:
        for locale in others if not block.only_locale else ():
            here, there = block.data.get(locale, {}), block.data.get(first, {})
            for name in TRANSLATED[BlockKind(block.kind)]:
                text = str(here.get(name) or "").strip()
                if len(text) >= LONG_ENOUGH and text == str(there.get(name) or "").strip():
                    yield f"block:{block.id}", {"locale": locale, "text": text[:60]}
                    break


def _holes(case: Case) -> Iterator[tuple[Block, str, str]]:
    for block in case.issue.blocks:
        if block.only_locale:
            continue
        for name in TRANSLATED[BlockKind(block.kind)]:
            have = [locale for locale in case.locales if _filled(block.data.get(locale), name)]
            lacking = [locale for locale in case.locales if locale not in have]
            if have and lacking and name not in SAME_IN_EVERY:
                yield block, lacking[0], name
                break


def _begun(text: str) -> str:
    """How a text begins, so that it is known again."""
    return clean.one_line(text, LONGEST_NAMED)


def _filled(values: dict[str, Any] | None, name: str) -> bool:
    return bool(values and str(values.get(name) or "").strip())


RULES: tuple[Rule, ...] = (
    Rule(
        "language_empty",
        Level.BLOCKS,
        language_empty,
        _l("The letter in one of its languages (%(locale)s) has a subject and nothing more."),
        _l("Translate some parts, or take the subject away; its readers get the other letter."),
    ),
    Rule(
        "translation_missing",
        Level.BLOCKS,
        translation_missing,
        _l("“%(words)s” is not written in all the letter's languages (%(locale)s)."),
        _l("Translate it, or say that it stands in one language's letter only."),
    ),
    Rule(
        "language_missing",
        Level.WARNS,
        language_missing,
        _l("The letter is not written in all the newsletter's languages."),
        _l("Write it, or let those readers have the first language."),
    ),
    Rule(
        "translation_same",
        Level.WARNS,
        translation_same,
        _l("“%(text)s” says the same in two languages."),
        _l("Translate it."),
    ),
)
