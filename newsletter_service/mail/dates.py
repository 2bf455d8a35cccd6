"""Dates as letters write them, in the reader's language."""

from datetime import date

from babel.dates import format_date, format_interval


def _date(value: date | str) -> date:
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


def day(value: date | str, locale: str) -> str:
    """Return ``3 dec.`` or ``3 Dec``."""
    return format_date(_date(value), "d MMM", locale=_region(locale))


def day_number(value: date | str) -> str:
    """Return the day of the month."""
    return str(_date(value).day)


def month(value: date | str, locale: str) -> str:
    """Return ``dec.`` or ``Dec``, as a date block shows it."""
    return format_date(_date(value), "MMM", locale=_region(locale))


def weekday_date(value: date | str, locale: str) -> str:
    """Return ``torsdag 3 december``."""
    return format_date(_date(value), "EEEE d MMMM", locale=_region(locale))


def long_date(value: date | str, locale: str) -> str:
    """Return ``22 november 2026``."""
    return format_date(_date(value), "d MMMM y", locale=_region(locale))


def period(start: date | str, end: date | str | None = None, *, locale: str) -> str:
    """Return ``3–5 dec.``, or the weekday and date where it is one day only."""
    first = _date(start)
    last = _date(end) if end else first
    if last <= first:
        return weekday_date(first, locale)
    return str(format_interval(first, last, "MMMd", locale=_region(locale)))


def _region(locale: str) -> str:
    """Write English the way it is written in Europe: the day first."""
    return "en_GB" if locale == "en" else locale
