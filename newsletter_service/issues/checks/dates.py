"""What the check looks for in dates: days that have passed, and weekdays that are another."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Correction, Found, Level, Rule, Values
from newsletter_service.models import BlockKind

_WEEKDAYS = {
    "sv": ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"),
    "en": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
}
_SHORT = {
    "sv": ("mån", "tis", "ons", "tors", "fre", "lör", "sön"),
    "en": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
}
_ALSO = {"tor": 3, "tues": 1, "thur": 3, "thurs": 3}
_MONTHS = {
    "sv": (
        *("jan(?:uari)?", "feb(?:ruari)?", "mars?", "apr(?:il)?", "maj", "juni?", "juli?"),
        *("aug(?:usti)?", "sept?(?:ember)?", "okt(?:ober)?", "nov(?:ember)?", "dec(?:ember)?"),
    ),
    "en": (
        *("jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?"),
        *("aug(?:ust)?", "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?"),
    ),
}
_YEAR = r"(?:,?\s+(?P<year>\d{4})\b)?"
_LOOKS_BACK = timedelta(days=90)
# words that ask for something to be done by a day, or on it
_INVITES = re.compile(
    r"\b(?:anmäl|välkommen|välkomna|senast|sista dag|ansök|boka|deltag|följ med|kom och"
    r"|sign up|register|deadline|apply|join us|welcome|no later than|last day|book)\w*",
    re.I,
)
_NEAR = 90


@dataclass(frozen=True)
class Dated:
    """A date in a text: what is written, where, the day it means, and the weekday it says."""

    text: str
    start: int
    end: int
    day: date
    weekday: str = ""


def _months(locale: str) -> str:
    return "|".join(f"(?P<m{number}>{name})" for number, name in enumerate(_MONTHS[locale], 1))


def _dates(locale: str) -> list[str]:
    """The ways to write a date, as patterns: 3 april 2026, April 3rd, 3/4, 2026-04-03."""
    day = r"(?P<day>\d{1,2})"
    iso = r"(?P<iso>\d{4}-\d\d-\d\d)\b"
    if locale == "sv":
        return [
            rf"(?:den\s+)?{day}(?:\s?:[ea])?\s+(?:{_months('sv')})\b\.?{_YEAR}",
            rf"(?:den\s+)?{day}/(?P<month>\d{{1,2}})(?![\d/])(?:[ -](?P<year>\d{{4}})\b)?",
            iso,
        ]
    the_day = rf"{day}(?:st|nd|rd|th)?"
    return [
        rf"(?:the\s+)?{the_day}\s+(?:of\s+)?(?:{_months('en')})\b\.?{_YEAR}",
        rf"(?:{_months('en')})\.?\s+(?:the\s+)?{the_day}\b{_YEAR}",
        iso,
    ]


def _patterns(locale: str) -> Iterator[re.Pattern[str]]:
    """Dates with their weekday before or behind them, and dates alone."""
    names = "|".join([*_WEEKDAYS[locale], *_SHORT[locale], *_ALSO])
    weekday = rf"\b(?P<weekday>{names})(?:en|s)?\.?"
    for written in _dates(locale):
        yield re.compile(rf"{weekday},?\s+(?:on\s+)?{written}", re.I)
        yield re.compile(rf"(?<!\d){written}\s*\((?P<weekday>{names})(?:en)?\.?\)", re.I)
        if "month>" not in written:  # 3/4 alone may be anything
            yield re.compile(rf"(?<![\d/-]){written}", re.I)


# those that say a weekday first, since "3 April" is a date in both languages
_ALL = sorted(
    (pattern for locale in _WEEKDAYS for pattern in _patterns(locale)),
    key=lambda pattern: "weekday" not in pattern.groupindex,
)


def day_passed(case: Case) -> Found:
    """An event that is over, or a last day that has gone, when the letter leaves."""
    for block in case.issue.blocks:
        if block.kind in (BlockKind.ITEM, BlockKind.EVENT):
            values = block.values(case.locales[0])
            over = values.get("ends_on") or values.get("starts_on")
            days = [parsed for text in (over, values.get("last_day")) if (parsed := _day(text))]
            if days and min(days) < case.day:
                title = str(values.get("title", ""))
                yield f"block:{block.id}", {"title": title, "day": min(days).isoformat()}


def day_passed_in_text(case: Case) -> Found:
    """A day in the text that has passed, where the text invites to something on it."""
    for words in case.words:
        for found in dates_in(words.text, case.day):
            near = words.text[max(0, found.start - _NEAR) : found.end + _NEAR]
            invites = words.name in ("subject", "preheader") or _INVITES.search(near)
            if found.day < case.day and invites:
                yield words.place, {"text": found.text}


def weekday_wrong(case: Case) -> Found:
    """A date whose weekday is another one."""
    for words in case.words:
        for found in dates_in(words.text, case.day):
            if found.weekday and _number(found.weekday) != found.day.weekday():
                right = _names_like(found.weekday)[found.day.weekday()]
                yield words.place, {"text": found.text, "weekday": right}


def right_weekday(case: Case, place: str, values: Values) -> Correction | None:
    """The same words with the weekday that the date has."""
    said = next((one.weekday for one in dates_in(values["text"], case.day) if one.weekday), "")
    if not said:
        return None
    right = str(values["weekday"])
    right = right.capitalize() if said[0].isupper() else right
    written = str(values["text"])
    return corrections.new_words(case, place, written, written.replace(said, right, 1))


def dates_in(text: str, today: date) -> list[Dated]:
    """The dates in a text; where two readings overlap, the one that says a weekday."""
    found: list[Dated] = []
    for pattern in _ALL:
        for match in pattern.finditer(text):
            taken = any(one.start < match.end() and match.start() < one.end for one in found)
            day = _meant(match.groupdict(), today)
            if day is not None and not taken:
                weekday = match.groupdict().get("weekday") or ""
                found.append(Dated(match.group(), match.start(), match.end(), day, weekday))
    return found


def _meant(parts: dict[str, str | None], today: date) -> date | None:
    """The day that is meant: by the written year, else the next one with that date."""
    try:
        if parts.get("iso"):
            return date.fromisoformat(str(parts["iso"]))
        named = (n for n in range(1, 13) if parts.get(f"m{n}"))
        month = int(parts.get("month") or next(named, 0))
        day = int(parts["day"] or 0)
        if parts.get("year"):
            return date(int(str(parts["year"])), month, day)
        meant = date(today.year, month, day)
        return meant if meant >= today - _LOOKS_BACK else date(today.year + 1, month, day)
    except ValueError:
        return None


def _number(weekday: str) -> int:
    word = weekday.lower()
    for names in (*_WEEKDAYS.values(), *_SHORT.values()):
        if word in names:
            return names.index(word)
    return _ALSO[word]


def _names_like(weekday: str) -> tuple[str, ...]:
    """The weekdays in the language and length of one of them."""
    word = weekday.lower()
    known = (*_WEEKDAYS.values(), *_SHORT.values())
    return next((names for names in known if word in names), _SHORT["en" if "u" in word else "sv"])


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None


RULES: tuple[Rule, ...] = (
    Rule(
        "day_passed",
        Level.WARNS,
        day_passed,
        _l("“%(title)s” is over by then: its day is %(day)s."),
        _l("Remove it, or correct the date."),
        corrections.without_block,
    ),
    Rule(
        "day_passed_in_text",
        Level.WARNS,
        day_passed_in_text,
        _l("“%(text)s” has passed when the letter is read."),
        _l("Write another day, or say that it was then."),
    ),
    Rule(
        "weekday_wrong",
        Level.WARNS,
        weekday_wrong,
        _l("“%(text)s” is a %(weekday)s."),
        _l("Correct the date or the weekday."),
        right_weekday,
    ),
)
