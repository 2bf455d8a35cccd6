"""Numbers and times as people here write them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import Babel

from newsletter_service import settings
from newsletter_service.settings import Settings
from newsletter_service.web import i18n

MORNING = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture(params=["sv", "en"])
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    """A page in each language."""
    app = Flask(__name__)
    app.extensions[settings.KEY] = Settings()
    Babel(app, locale_selector=lambda: request.param)
    with app.test_request_context():
        yield request.param


def _as(locale: str, swedish: str, english: str) -> str:
    return {"sv": swedish, "en": english}[locale]


def test_numbers_have_a_space_that_does_not_break_or_a_comma(locale: str) -> None:
    assert i18n.number(12431) == _as(locale, "12\N{NO-BREAK SPACE}431", "12,431")


def test_moments_are_on_the_clock_in_stockholm(locale: str) -> None:
    assert i18n.moment(MORNING) == _as(locale, "22 nov. 2026 kl. 09.00", "22 Nov 2026 at 09:00")


def test_summer_time_is_kept(locale: str) -> None:
    summer = datetime(2026, 7, 1, 7, 0, tzinfo=UTC)
    assert i18n.clock(summer) == _as(locale, "09.00", "09:00")


def test_days_and_weekdays(locale: str) -> None:
    assert i18n.day(date(2026, 12, 3)) == _as(locale, "3 dec. 2026", "3 Dec 2026")
    assert i18n.weekday(date(2026, 12, 3)) == _as(locale, "torsdag 3 dec.", "Thursday 3 Dec")


def test_a_day_is_that_of_the_wall_clock_not_of_utc(locale: str) -> None:
    late = datetime(2026, 12, 2, 23, 30, tzinfo=UTC)
    assert i18n.day(late) == _as(locale, "3 dec. 2026", "3 Dec 2026")


def test_what_is_near_is_told_as_people_tell_it(locale: str) -> None:
    now = MORNING + timedelta(hours=3)
    assert i18n.recent(MORNING, now).endswith(_as(locale, "09.00", "09:00"))
    assert i18n.recent(MORNING - timedelta(days=9), now) == _as(
        locale, "13 nov. kl. 09.00", "13 Nov at 09:00"
    )
    assert "2025" in i18n.recent(MORNING - timedelta(days=365), now)


def test_no_time_is_a_dash(locale: str) -> None:
    assert locale
    assert {i18n.moment(None), i18n.day(None), i18n.clock(None), i18n.recent(None)} == {"–"}
