"""Dates told in words: when an event is, and the last day of a competition. Swedish and English.

Small rules that rather find nothing than something wrong. A year that is not written is the one
that puts the day within 300 days after the text was published.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

AHEAD = timedelta(days=300)
READ_CHARACTERS = 4_000

_MONTHS = {"maj": 5, "may": 5, "okt": 10, "oct": 10} | {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"), 1
    )
}
_MONTH = (
    r"(?P<month>jan(?:uar[iy])?|feb(?:ruar[iy])?|mars|march|mar|apr(?:il)?|maj|may|june?|juni|july?"
    r"|juli|aug(?:usti?)?|sept?(?:ember)?|okt(?:ober)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_WEEKDAYS = (
    ("måndag", "monday"),
    ("tisdag", "tuesday"),
    ("onsdag", "wednesday"),
    ("torsdag", "thursday"),
    ("fredag", "friday"),
    ("lördag", "saturday"),
    ("söndag", "sunday"),
)
_WEEKDAY = (
    r"(?:\b(?P<weekday>" + "|".join(w for pair in _WEEKDAYS for w in pair) + r")(?:en)?,?\s)?"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th|:[ea])?"
_TO = r"(?:\s?[–-]\s?(?P<to>[0-3]?\d)(?:st|nd|rd|th)?)?"
_YEAR = r"(?:,?\s(?P<year>20\d\d)\b)?"
_DATES = (
    re.compile(rf"{_WEEKDAY}(?:den\s|the\s)?(?<!\d){_DAY}{_TO}\s(?:of\s)?{_MONTH}{_YEAR}", re.I),
    re.compile(rf"{_WEEKDAY}\b{_MONTH}\s{_DAY}(?!\d){_TO}{_YEAR}", re.I),
    re.compile(r"\b(?P<year>20\d\d)-(?P<month>[01]\d)-(?P<day>[0-3]\d)\b"),
)
_LAST = re.compile(
    r"\b(?:sista\s\w{0,12}dag(?:en)?|senast|deadline|stänger|till\soch\smed|t\.?o\.?m\.?"
    r"|(?:apply|enter|submit|register|entries|answer)\w*\s(?:\w+\s){0,2}?(?:by|before|no\slater\sthan)"
    r"|closes?|last\sday)\b[^.!?\d]{0,30}$",
    re.I,
)
_EVENT = re.compile(
    r"seminari|frukost|panel|mingel|web+in[ao]r|workshop|konferens|föreläsning|invigning|öppet\shus"
    r"|mässa|träff|pitch|evenemang|\bevent|välkommen\still|\banmäl|seminar|breakfast|conference"
    r"|lecture|meetup|open\shouse|join\sus|\bregister|hackathon|inspirationsdag|rundvandring",
    re.I,
)
_CLOCK = re.compile(r"^[^.!?]{0,12}(?:\bkl\.?\s?\d|\bklockan\s|\bat\s\d|\b\d{1,2}[.:]\d\d\b)", re.I)
_PLACE = re.compile(r"\b(?:plats|lokal|place|venue|where|var)\s?:\s*([^.!?|•\n]{2,80})", re.I)


@dataclass(frozen=True)
class Told:
    """What a text tells about dates and place; None where it tells nothing."""

    starts_on: date | None = None
    ends_on: date | None = None
    place: str | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class _Mention:
    start: int
    end: int
    first: date
    last: date | None
    has_weekday: bool


def told(text: str, published: date) -> Told:
    """Read the dates in plain text that was published on a day.

    >>> told("Frukostseminarium torsdag 3 december kl. 8", date(2026, 11, 22)).starts_on
    datetime.date(2026, 12, 3)
    """
    text = text[:READ_CHARACTERS]
    mentions = sorted(_mentions(text, published), key=lambda mention: mention.start)
    deadlines = [m for m in mentions if _LAST.search(text[max(0, m.start - 70) : m.start])]
    last_day = deadlines[0].first if deadlines else None
    events = [m for m in mentions if m not in deadlines and _is_event(text, m)]
    if not events:
        return Told(last_day=last_day)
    place = _PLACE.search(text)
    return Told(
        starts_on=events[0].first,
        ends_on=events[0].last,
        place=place.group(1).strip() if place else None,
        last_day=last_day,
    )


def day_of(value: object) -> date | None:
    """The day of a machine-written date or time (ISO 8601, `20261203T130000Z`), else None."""
    if not isinstance(value, str):
        return None
    match = re.match(r"\s*(\d{4})-?(\d\d)-?(\d\d)(?!\d)", value)
    if not match:
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def _is_event(text: str, mention: _Mention) -> bool:
    near = text[max(0, mention.start - 120) : mention.end + 120]
    exact = mention.has_weekday or _CLOCK.search(text[mention.end : mention.end + 30])
    in_title = _EVENT.search(text[:120])
    return bool(_EVENT.search(near)) and bool(exact or in_title)


def _mentions(text: str, published: date) -> Iterator[_Mention]:
    for pattern in _DATES:
        for match in pattern.finditer(text):
            mention = _mention(match, published)
            if mention:
                yield mention


def _mention(match: re.Match[str], published: date) -> _Mention | None:
    found = match.groupdict()
    month = found["month"].lower()
    number = int(month) if month.isdigit() else _MONTHS[month[:3]]
    years = [int(found["year"])] if found["year"] else [published.year, published.year + 1]
    for year in years:
        first = _date(year, number, int(found["day"]))
        if first is None or not published <= first <= published + AHEAD:
            continue
        if not _weekday_fits(found.get("weekday"), first):
            continue
        last = _date(year, number, int(found["to"])) if found.get("to") else None
        later = last if last and last > first else None
        return _Mention(match.start(), match.end(), first, later, bool(found.get("weekday")))
    return None


def _weekday_fits(name: str | None, day: date) -> bool:
    return name is None or name.lower() in _WEEKDAYS[day.weekday()]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
