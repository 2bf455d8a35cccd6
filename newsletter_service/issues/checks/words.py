"""What the check looks for in words: subject, preview text, and what was meant to be replaced."""

import re

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case, markdown_links
from newsletter_service.issues.checks.rule import Correction, Found, Level, Rule, Values
from newsletter_service.mail import prose
from newsletter_service.models import BlockKind
from newsletter_service.news import clean

LONGEST_SUBJECT = 60
LONGEST_PREHEADER = 110
SHOWN = 40  # of what was to be replaced

_PLACEHOLDER = re.compile(
    r"rubrik här|ämnesrad|lorem ipsum|\btodo\b|\bxxx+\b|\{\{|\}\}|\*\||%%|headline here", re.I
)
_VAGUE = re.compile(
    r"^(?:klicka här|tryck här|här|läs mer|läs vidare|mer|länk"
    r"|click here|here|read more|more|this link|link)\W*$",
    re.I,
)
_SHOUTED = re.compile(r"!{2,}")


def subject_missing(case: Case) -> Found:
    """A letter without a subject looks like a mistake, and is one."""
    for text in case.texts:
        if not text.subject.strip():
            yield f"subject:{text.locale}", {}


def placeholder(case: Case) -> Found:
    """Words that were meant to be replaced."""
    for words in case.words:
        if found := _PLACEHOLDER.search(words.text):
            yield words.place, {"text": clean.excerpt(found.group(), SHOWN)}


def subject_long(case: Case) -> Found:
    """Inboxes show about sixty characters."""
    for text in case.texts:
        length = len(case.in_public(text.subject))
        if length > LONGEST_SUBJECT:
            yield f"subject:{text.locale}", {"length": length, "most": LONGEST_SUBJECT}


def subject_shouts(case: Case) -> Found:
    """Capitals and exclamation marks read as advertising, to people and to filters."""
    for text in case.texts:
        if _is_capitals(text.subject) or _SHOUTED.search(text.subject):
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


def vague_link(case: Case) -> Found:
    """Links are read one by one by those who listen to a letter (R 7.9)."""
    for words in case.words:
        if words.name in ("introduction", "markdown"):
            found = [text for text, _url in markdown_links(words.text)]
        else:
            found = [words.text] if words.name == "link_text" else []
        yield from ((words.place, {"text": text}) for text in found if _VAGUE.match(text.strip()))
    for block in case.issue.blocks:
        for locale in case.locales if block.kind == BlockKind.BUTTON else ():
            text = str(block.values(locale).get("text") or "").strip()
            if _VAGUE.match(text):
                yield f"block:{block.id}", {"text": text}


def calmer(case: Case, place: str, _values: Values) -> Correction | None:
    """The subject in small letters and without its exclamation marks."""

    def change(_name: str, written: str) -> str:
        calm = _SHOUTED.sub("", written).strip()
        return calm.capitalize() if _is_capitals(calm) else calm

    return corrections.changed(case, place, change)


def first_sentence(case: Case, place: str, _values: Values) -> Correction | None:
    """A preview text out of the first sentence of the letter that is not the subject."""
    name, _colon, locale = place.partition(":")
    text = next((one for one in case.texts if one.locale == locale), None)
    if text is None:
        return None
    sources = [prose.to_text(text.introduction)]
    sources += [str(block.values(locale).get("summary") or "") for block in case.issue.blocks]
    for source in sources:
        sentence = _cut(source)
        if sentence and sentence.lower() != text.subject.strip().lower():
            return Correction(texts={(name, locale): sentence})
    return None


def _cut(source: str) -> str:
    """The first sentences that fit into a preview text."""
    words = " ".join(source.split())
    taken = ""
    for end in clean.sentence_ends(words):
        if end > LONGEST_PREHEADER:
            break
        taken = words[:end]
    if taken or len(words) <= LONGEST_PREHEADER:
        return taken or words
    return words[: LONGEST_PREHEADER - 1].rpartition(" ")[0] + "…"


def _is_capitals(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return len(letters) > 5 and all(char.isupper() for char in letters)


RULES: tuple[Rule, ...] = (
    Rule(
        "subject_missing",
        Level.BLOCKS,
        subject_missing,
        _l("There is no subject."),
        _l("Write what the letter is about, in at most sixty characters."),
    ),
    Rule(
        "placeholder",
        Level.BLOCKS,
        placeholder,
        _l("“%(text)s” looks like something that was to be replaced."),
        _l("Write the real words."),
    ),
    Rule(
        "subject_long",
        Level.WARNS,
        subject_long,
        _l("The subject has %(length)s characters; most inboxes show %(most)s."),
        _l("Put what matters first, or shorten it."),
    ),
    Rule(
        "subject_shouts",
        Level.WARNS,
        subject_shouts,
        _l("The subject shouts."),
        _l("Write it in small letters and without exclamation marks."),
        calmer,
    ),
    Rule(
        "preheader_missing",
        Level.WARNS,
        preheader_missing,
        _l("There is no preview text."),
        _l("Write the sentence that should follow the subject in the inbox."),
        first_sentence,
    ),
    Rule(
        "preheader_repeats",
        Level.WARNS,
        preheader_repeats,
        _l("The preview text repeats the subject."),
        _l("Let it say the next thing instead."),
        first_sentence,
    ),
    Rule(
        "vague_link",
        Level.WARNS,
        vague_link,
        _l("The link “%(text)s” does not say where it leads."),
        _l("Name the page in the link."),
    ),
)
