"""Advice: how the letter reads, and what some filters look at. It never stands in the way."""

import re
from collections import Counter

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks.case import Case, markdown_links
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.issues.checks.words import LONGEST_PREHEADER

HARD_LIX = 50
FEWEST_WORDS = 60
LONGEST_PARAGRAPH = 90
SHORTEST_PREHEADER = 40
MOST_PARTS = 20

_SPAM = re.compile(
    r"\b(?:100 ?% gratis|helt gratis|gratis pengar|vinn pengar|tjäna pengar|missa inte chansen"
    r"|agera nu|erbjudandet gäller bara i dag|garanterat|riskfritt|miljonvinst|köp nu"
    r"|100 ?% free|free money|act now|buy now|click below|earn money|risk[- ]free|guaranteed"
    r"|winner|once in a lifetime|limited time offer|no obligation|cash bonus)\b",
    re.I,
)
_RUNNING = frozenset({"introduction", "markdown", "summary", "text"})
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?:]+(?:\s|$)")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")


def hard_to_read(case: Case) -> Found:
    """LIX: words a sentence, and how many of them have more than six letters (Björnsson, 1968)."""
    for locale in case.locales:
        mine = [each for each in case.words if each.locale == locale and each.name in _RUNNING]
        text = "\n".join(each.text for each in mine)
        words = _WORD.findall(text)
        if len(words) >= FEWEST_WORDS and (value := lix(text)) > HARD_LIX:
            yield f"letter:{locale}", {"lix": value}


def lix(text: str) -> int:
    """The readability index of a text; below 40 is easy, above 50 hard."""
    words = _WORD.findall(text)
    if not words:
        return 0
    sentences = max(1, len(_SENTENCE_END.findall(text)) + text.count("\n"))
    long = sum(len(word) > 6 for word in words)
    return round(len(words) / sentences + 100 * long / len(words))


def spam_words(case: Case) -> Found:
    """Phrases of advertising that some filters count."""
    for words in case.words:
        for found in dict.fromkeys(match.group().lower() for match in _SPAM.finditer(words.text)):
            yield words.place, {"text": found}


def long_paragraph(case: Case) -> Found:
    """A paragraph that fills the whole window of a phone."""
    for words in case.words:
        longest = max(len(part.split()) for part in words.text.split("\n\n"))
        if longest > LONGEST_PARAGRAPH:
            yield words.place, {"number": longest}


def preheader_length(case: Case) -> Found:
    """Inboxes show between 40 and 110 characters of the preview text (R 7.10)."""
    for text in case.texts:
        length = len(case.in_public(text.preheader.strip()))
        if length and not SHORTEST_PREHEADER <= length <= LONGEST_PREHEADER:
            yield f"preheader:{text.locale}", {"length": length}


def many_parts(case: Case) -> Found:
    """So many parts that few readers come to the end."""
    if len(case.issue.blocks) > MOST_PARTS:
        yield "blocks", {"number": len(case.issue.blocks)}


def address_as_words(case: Case) -> Found:
    """A bare address instead of words is read out letter by letter."""
    for words in case.words:
        if words.name in ("introduction", "markdown"):
            for text, _url in markdown_links(words.text):
                if text.strip().lower().startswith(("http://", "https://", "www.")):
                    yield words.place, {"text": text.strip()}


def subject_emoji(case: Case) -> Found:
    """More than one emoji in a subject looks like advertising."""
    for text in case.texts:
        number = sum(Counter(_EMOJI.findall(text.subject)).values())
        if number > 1:
            yield f"subject:{text.locale}", {"number": number}


RULES: tuple[Rule, ...] = (
    Rule(
        "hard_to_read",
        Level.TIP,
        hard_to_read,
        _l("The letter is hard to read: LIX %(lix)s, where a newspaper has about 40."),
        _l("Shorten the longest sentences, and choose shorter words."),
    ),
    Rule(
        "spam_words",
        Level.TIP,
        spam_words,
        _l("“%(text)s” sounds like advertising to some filters."),
        _l("Say it more plainly, if you can."),
    ),
    Rule(
        "long_paragraph",
        Level.TIP,
        long_paragraph,
        _l("A paragraph has %(number)s words, more than a phone shows at once."),
        _l("Divide it, or make a list of it."),
    ),
    Rule(
        "preheader_length",
        Level.TIP,
        preheader_length,
        _l("The preview text has %(length)s characters; between 40 and 110 show well."),
        _l("Let it say the next thing in a whole sentence."),
    ),
    Rule(
        "many_parts",
        Level.TIP,
        many_parts,
        _l("The letter has %(number)s parts; few come to the end of so many."),
        _l("Keep the best, and let the rest stand on your site."),
    ),
    Rule(
        "address_as_words",
        Level.TIP,
        address_as_words,
        _l("“%(text)s” stands as a bare address."),
        _l("Write the page's name, and put the address behind it."),
    ),
    Rule(
        "subject_emoji",
        Level.TIP,
        subject_emoji,
        _l("The subject has %(number)s emoji."),
        _l("Use at most one."),
    ),
)
