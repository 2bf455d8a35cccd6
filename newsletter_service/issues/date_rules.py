"""What the check looks for in dates: days that have passed, and weekdays that are another."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from newsletter_service.issues.case import Case
from newsletter_service.issues.rules import Found
from newsletter_service.models import BlockKind

_WEEKDAYS = {
    "sv": ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"),
    "en": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
}
_MONTHS = {
    "sv": ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "en": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
}
_DATED = {
    locale: re.compile(
        rf"\b({'|'.join(days)})(?:en|s)?,?\s+(?:den\s+|the\s+)?(\d{{1,2}})(?:\s*:e|st|nd|rd|th)?\s+"
        rf"(?:of\s+)?({'|'.join(_MONTHS[locale])})[a-zåäö]*\.?(?:\s+(\d{{4}}))?",
        re.I,
    )
    for locale, days in _WEEKDAYS.items()
}
_LOOKS_BACK = timedelta(days=90)


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


def weekday_wrong(case: Case) -> Found:
    """A date whose weekday is another one."""
    for place, locale, words in _words(case):
        for match in _DATED[locale].finditer(words):
            said = _WEEKDAYS[locale].index(match.group(1).lower())
            month = _MONTHS[locale].index(match.group(3).lower()[:3]) + 1
            meant = _nearest(int(match.group(2)), month, match.group(4), case.day)
            if meant is not None and meant.weekday() != said:
                right = _WEEKDAYS[locale][meant.weekday()]
                yield place, {"text": " ".join(match.group().split()), "weekday": right}


def _words(case: Case) -> Iterator[tuple[str, str, str]]:
    for text in case.texts:
        for name in ("subject", "preheader", "introduction"):
            yield f"{name}:{text.locale}", text.locale, getattr(text, name)
    for block in case.issue.blocks:
        for locale in case.locales:
            values = block.values(locale).values()
            words = "\n".join(value for value in values if isinstance(value, str))
            yield f"block:{block.id}", locale, words


def _nearest(day: int, month: int, year: str | None, today: date) -> date | None:
    """The date that is meant: the written year, else the next one with that day."""
    try:
        if year:
            return date(int(year), month, day)
        meant = date(today.year, month, day)
        return meant if meant >= today - _LOOKS_BACK else date(today.year + 1, month, day)
    except ValueError:
        return None


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None
