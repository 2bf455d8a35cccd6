"""In which language a page speaks, and how it writes numbers and times.

Public pages are Swedish unless their address or `?lang=en` says otherwise; the desk follows the
person's choice, then the browser.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from flask import Flask, g, has_request_context, request
from flask_babel import format_decimal, gettext, refresh
from flask_babel import get_locale as babel_locale
from flask_login import current_user

from newsletter_service import address as addresses
from newsletter_service.accounts.people import called
from newsletter_service.settings import current
from newsletter_service.web.told import told
from newsletter_service.web_extensions import babel

LOCALES = ("sv", "en")
DEFAULT = "sv"
ENGLISH_PATHS = (
    "/subscribe/",
    "/form/",
    "/confirm/",
    "/preferences/",
    "/privacy",
    "/accessibility",
    "/useful/",
    "/send-in/",
)

_MOMENT = {"sv": "d MMM y 'kl.' HH.mm", "en": "d MMM y 'at' HH:mm"}
_SAME_YEAR = {"sv": "d MMM 'kl.' HH.mm", "en": "d MMM 'at' HH:mm"}
_CLOCK = {"sv": "HH.mm", "en": "HH:mm"}
_DAY = {"sv": "d MMM y", "en": "d MMM y"}
_WEEKDAY = {"sv": "EEEE d MMM", "en": "EEEE d MMM"}


def init_app(app: Flask) -> None:
    """Bind Babel and the filters of the templates."""
    babel.init_app(app, locale_selector=select_locale)
    app.jinja_env.filters.update(
        number=number,
        moment=moment,
        clock=clock,
        day=day,
        weekday=weekday,
        recent=recent,
        called=called,
        told=told,
        address=addresses.readable,
    )
    app.jinja_env.globals["page_locale"] = page_locale


def select_locale() -> str:
    """The language of the current request."""
    if not has_request_context():
        return DEFAULT
    if "locale" in g:
        chosen: str = g.locale
        return chosen
    asked = request.args.get("lang", "")
    if asked in LOCALES:
        return asked
    if request.path.startswith("/desk"):
        return _desk_locale()
    return "en" if request.path.startswith(ENGLISH_PATHS) else DEFAULT


def use(locale: str) -> None:
    """Answer this request in a language known only now, as a reader's own."""
    g.locale = locale if locale in LOCALES else DEFAULT
    refresh()


def page_locale() -> str:
    """`sv` or `en`."""
    locale = babel_locale()
    return str(locale.language) if locale else DEFAULT


def local(when: datetime) -> datetime:
    """The time on the clock on the wall."""
    return when.astimezone(ZoneInfo(current().timezone))


def number(value: float) -> str:
    """12 431 in Swedish, 12,431 in English."""
    return str(format_decimal(value))


def moment(when: datetime | None) -> str:
    """22 nov. 2026 kl. 09.00"""
    return _written(when, _MOMENT)


def clock(when: datetime | None) -> str:
    """09.00"""
    if when is None:
        return "–"
    locale = page_locale()
    return format_time(local(when).timetz(), _CLOCK[locale], tzinfo=None, locale=locale)


def day(when: date | datetime | None) -> str:
    """22 nov. 2026"""
    return _dated(when, _DAY)


def weekday(when: date | datetime | None) -> str:
    """torsdag 3 dec."""
    return _dated(when, _WEEKDAY)


def recent(when: datetime | None, now: datetime | None = None) -> str:
    """i dag 14.02, i går 09.00, else 20 nov. kl. 09.00, with the year when it is another."""
    if when is None:
        return "–"
    today = local(now or datetime.now(tz=ZoneInfo("UTC"))).date()
    that_day = local(when).date()
    if that_day == today:
        return str(gettext("today %(clock)s", clock=clock(when)))
    if that_day == today - timedelta(days=1):
        return str(gettext("yesterday %(clock)s", clock=clock(when)))
    if that_day == today + timedelta(days=1):
        return str(gettext("tomorrow %(clock)s", clock=clock(when)))
    return _written(when, _SAME_YEAR if that_day.year == today.year else _MOMENT)


def _written(when: datetime | None, patterns: dict[str, str]) -> str:
    if when is None:
        return "–"
    locale = page_locale()
    return format_datetime(local(when).replace(tzinfo=None), patterns[locale], locale=locale)


def _dated(when: date | datetime | None, patterns: dict[str, str]) -> str:
    if when is None:
        return "–"
    locale = page_locale()
    the_day = local(when).date() if isinstance(when, datetime) else when
    return format_date(the_day, patterns[locale], locale=locale)


def _desk_locale() -> str:
    known = not g.get("database_away") and current_user
    chosen = getattr(current_user, "locale", "") if known else ""
    if chosen in LOCALES:
        return str(chosen)
    return request.accept_languages.best_match(LOCALES, default=DEFAULT) or DEFAULT
