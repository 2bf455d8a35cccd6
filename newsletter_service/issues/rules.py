"""What the check looks for in words, sender, blocks and letter: a small function for each rule.

Each yields where it found something and the values of its sentence (requirements.md part 7).
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from newsletter_service import address as addresses
from newsletter_service.issues.case import Case
from newsletter_service.models import BlockKind

Found = Iterator[tuple[str, dict[str, Any]]]

LONGEST_SUBJECT = 60
LARGEST_HTML = 100_000
LARGE_HTML = 90_000
LINK_ALLOWANCE = 400  # what a reader's own links and address add to the slots' marks

_PLACEHOLDER = re.compile(
    r"rubrik här|ämnesrad|lorem ipsum|\btodo\b|\bxxx+\b|\{\{|\}\}|\*\||%%|headline here", re.I
)
_NO_REPLY = re.compile(r"^(?:no|not|do-?not|donot|ej|inte)[-_.]?(?:reply|svara)", re.I)
_IMAGE_WITHOUT_ALT = re.compile(r"<img\b(?![^>]*\balt=)[^>]*>", re.I)
_EMPTY_WORDS = re.compile(r"^(?:klicka här|här|click here|here)[.!]?$", re.I)
# Mailbox providers whose DMARC policy makes others' servers unwelcome senders (R 1.2).
_FREE_MAIL = frozenset(
    {
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.se", "live.com"),
        *("live.se", "msn.com", "yahoo.com", "yahoo.se", "icloud.com", "me.com", "aol.com"),
        *("telia.com", "proton.me", "protonmail.com", "spray.se"),
    }
)
_ESSENTIAL = {
    BlockKind.HEADING: "text",
    BlockKind.TEXT: "markdown",
    BlockKind.ITEM: "title",
    BlockKind.EVENT: "title",
    BlockKind.IMAGE: "url",
    BlockKind.FILM: "title",
    BlockKind.BUTTON: "text",
    BlockKind.QUOTE: "text",
}


def subject_missing(case: Case) -> Found:
    """A letter without a subject looks like a mistake, and is one."""
    for text in case.texts:
        if not text.subject.strip():
            yield f"subject:{text.locale}", {}


def placeholder(case: Case) -> Found:
    """Words that were meant to be replaced."""
    for text in case.texts:
        for name in ("subject", "preheader", "introduction"):
            if found := _PLACEHOLDER.search(getattr(text, name)):
                yield f"{name}:{text.locale}", {"text": found.group()}
    for block in case.issue.blocks:
        for locale in case.locales:
            words = " ".join(v for v in block.values(locale).values() if isinstance(v, str))
            if found := _PLACEHOLDER.search(words):
                yield f"block:{block.id}", {"text": found.group()}


def no_content(case: Case) -> Found:
    """An issue with nothing in it."""
    if not case.issue.blocks:
        yield "blocks", {}


def empty_block(case: Case) -> Found:
    """A block without that which makes it one."""
    for block in case.issue.blocks:
        name = _ESSENTIAL.get(BlockKind(block.kind))
        if name and any(
            not str(block.values(locale).get(name) or "").strip() for locale in case.locales
        ):
            yield f"block:{block.id}", {}


def not_rendered(case: Case) -> Found:
    """The letter could not be made."""
    if case.failure:
        yield "letter", {"error": case.failure}


def text_empty(case: Case) -> Found:
    """A part without words for those who read plain text."""
    for locale, letter in case.letters.items():
        if not letter.text.strip():
            yield f"letter:{locale}", {}


def unsubscribe_missing(case: Case) -> Found:
    """The way to leave stands in the HTML and in the text."""
    for locale, letter in case.letters.items():
        mark = letter.slots.get("unsubscribe_url", "")
        if not mark or mark not in letter.html or mark not in letter.text:
            yield f"letter:{locale}", {}


def address_missing(case: Case) -> Found:
    """Who sends must be told: a postal address in every letter."""
    if not case.organisation or not case.organisation.postal_address.strip():
        yield "organisation", {}


def contact_missing(case: Case) -> Found:
    """A reader must be able to reach somebody."""
    if not case.organisation or not case.organisation.contact_email.strip():
        yield "organisation", {}


def no_recipients(case: Case) -> Found:
    """Nobody would get it."""
    if not case.reach.reached:
        yield "recipients", {}


def sender_unusable(case: Case) -> Found:
    """An address that cannot be written in a header, or on a domain that is not ours to use."""
    text = case.issue.newsletter.sender_address
    try:
        domain = addresses.parse(text).domain_ascii
    except addresses.InvalidAddress:
        yield "newsletter", {"address": text}
        return
    if domain in _FREE_MAIL:
        yield "newsletter", {"address": text}


def too_large(case: Case) -> Found:
    """Gmail cuts letters at about 102 kB (R 7.4)."""
    for locale, size in _sizes(case):
        if size > LARGEST_HTML:
            yield f"letter:{locale}", {"size": size // 1000}


def large(case: Case) -> Found:
    """Near the size at which letters are cut."""
    for locale, size in _sizes(case):
        if LARGE_HTML < size <= LARGEST_HTML:
            yield f"letter:{locale}", {"size": size // 1000}


def alt_missing(case: Case) -> Found:
    """Every picture has its alt attribute, empty where it only decorates."""
    for locale, letter in case.letters.items():
        if _IMAGE_WITHOUT_ALT.search(letter.html):
            yield f"letter:{locale}", {}


def picture_undescribed(case: Case) -> Found:
    """A picture that stands by itself says something; the words for it are missing."""
    for block in case.issue.blocks:
        if block.kind in (BlockKind.IMAGE, BlockKind.FILM):
            values = [block.values(locale) for locale in case.locales]
            if any((v.get("url") or v.get("image_url")) and not v.get("alt") for v in values):
                yield f"block:{block.id}", {}


def subject_long(case: Case) -> Found:
    """Inboxes show about sixty characters."""
    for text in case.texts:
        if len(text.subject) > LONGEST_SUBJECT:
            yield f"subject:{text.locale}", {"length": len(text.subject), "most": LONGEST_SUBJECT}


def subject_shouts(case: Case) -> Found:
    """Capitals and exclamation marks read as advertising, to people and to filters."""
    for text in case.texts:
        letters = [char for char in text.subject if char.isalpha()]
        capitals = len(letters) > 5 and all(char.isupper() for char in letters)
        if capitals or "!!" in text.subject:
            yield f"subject:{text.locale}", {}


def preheader_missing(case: Case) -> Found:
    """Without one the inbox shows whatever stands first in the letter."""
    for text in case.texts:
        if not text.preheader.strip():
            yield f"preheader:{text.locale}", {}


def preheader_repeats(case: Case) -> Found:
    """The same words twice in a row of the inbox."""
    for text in case.texts:
        subject, preheader = text.subject.strip().lower(), text.preheader.strip().lower()
        if subject and subject == preheader:
            yield f"preheader:{text.locale}", {}


def no_reply(case: Case) -> Found:
    """A newsletter that cannot be answered; readers' answers also help it arrive."""
    newsletter = case.issue.newsletter
    answered_at = newsletter.reply_to or newsletter.sender_address
    if _NO_REPLY.match(answered_at):
        yield "newsletter", {"address": answered_at}


def duplicate(case: Case) -> Found:
    """The same news twice in one letter."""
    seen: Counter[str] = Counter()
    for block in case.issue.blocks:
        if block.kind in (BlockKind.ITEM, BlockKind.EVENT):
            values = block.values(case.locales[0])
            address = str(values.get("url") or values.get("title") or "").rstrip("/").lower()
            seen[address] += 1
            if address and seen[address] == 2:
                yield f"block:{block.id}", {"title": str(values.get("title") or address)}


def used_before(case: Case) -> Found:
    """News that an earlier issue carried."""
    for block in case.issue.blocks:
        number = case.earlier.get(block.item_id or 0)
        if number is not None:
            title = str(block.values(case.locales[0]).get("title", ""))
            yield f"block:{block.id}", {"title": title, "number": number}


def vague_link(case: Case) -> Found:
    """Links are read one by one by those who listen to a letter (R 7.9)."""
    for block in case.issue.blocks:
        for locale in case.locales:
            values = block.values(locale)
            name = "text" if block.kind == BlockKind.BUTTON else "link_text"
            if _EMPTY_WORDS.match(str(values.get(name) or "").strip()):
                yield f"block:{block.id}", {"text": str(values[name])}


def language_missing(case: Case) -> Found:
    """A language of the list that nobody has written; its readers get the first one."""
    for locale in case.issue.newsletter.locales[1:]:
        if locale not in case.locales:
            yield f"subject:{locale}", {}


def untested(case: Case) -> Found:
    """No test was sent since the last change."""
    if case.issue.tested_version != case.issue.version:
        yield "test", {}


def _sizes(case: Case) -> Iterator[tuple[str, int]]:
    for locale, letter in case.letters.items():
        yield locale, len(letter.html.encode()) + LINK_ALLOWANCE
