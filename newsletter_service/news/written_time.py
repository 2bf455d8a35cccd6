"""Moments as feeds write them in words, with the months of the languages around us (pure).

RFC 822 wants English names, and feedparser reads no others; site software set to another language
writes "ons, 16 okt 2026 08:30:00 +0200" all the same.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

_WRITTEN = re.compile(
    r"(?:[^\W\d]{2,14}\.?,?\s+)?(?:den\s+)?(?P<day>\d{1,2})\.?[\s-]+(?P<month>[^\W\d]{3,12})\.?[\s-]+"
    r"(?P<year>\d{4})(?:,?\s+(?:kl\.?\s*)?(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d))?"
    r"(?:\s*(?P<zone>[A-Z]{1,4}|[+-]\d\d:?\d\d))?)?",
    re.I,
)
# By how their names begin: English, Swedish, Norwegian, Danish, German, Dutch, French, Spanish,
# Italian and Finnish. Where one beginning is another's, the longer counts.
_MONTHS = (
    ("jan", "ene", "gen", "tammi"),
    ("feb", "fév", "fev", "helmi"),
    ("mar", "mär", "mrt", "maart", "maalis"),
    ("apr", "abr", "avr", "huhti"),
    ("maj", "may", "mai", "mei", "mag", "touko"),
    ("jun", "juin", "giu", "kesä"),
    ("jul", "juil", "lug", "heinä"),
    ("aug", "ago", "aoû", "aou", "elo"),
    ("sep", "set", "syys"),
    ("oct", "okt", "ott", "out", "loka"),
    ("nov", "marras"),
    ("dec", "déc", "dez", "dic", "des", "joulu"),
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_LONGEST = 6
_NUMBERS = ("day", "hour", "minute", "second")
_ZONES = {"": 0, "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "CET": 60, "CEST": 120}


def read(text: str) -> datetime | None:
    """The aware moment that a text is, else None; without a zone it is UTC.

    >>> read("ons, 14 okt 2026 08:30:00 +0200").isoformat()
    '2026-10-14T08:30:00+02:00'
    """
    match = _WRITTEN.fullmatch(text.strip())
    month, zone = (_month(match["month"]), _zone(match["zone"] or "")) if match else (None, None)
    if match is None or month is None or zone is None:
        return None
    day, hour, minute, second = (int(match[name] or 0) for name in _NUMBERS)
    try:
        return datetime(int(match["year"]), month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _month(name: str) -> int | None:
    beginnings = (name.lower()[:length] for length in range(_LONGEST, 2, -1))
    return next((_MONTH_OF[one] for one in beginnings if one in _MONTH_OF), None)


def _zone(name: str) -> timezone | None:
    if name[:1] in ("+", "-"):
        minutes = int(name[1:3]) * 60 + int(name[-2:])
        minutes = -minutes if name[0] == "-" else minutes
    elif name.upper() in _ZONES:
        minutes = _ZONES[name.upper()]
    else:
        return None
    return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else UTC
