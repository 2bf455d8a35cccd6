"""The sample site's words with their dates: always recent, since they are made when asked for."""

import html
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from functools import cache
from html.entities import codepoint2name
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

HERE = Path(__file__).parent
STOCKHOLM = ZoneInfo("Europe/Stockholm")
NEWS_PATH = {"sv": "/nyheter", "en": "/en/news"}

_MONTHS = {
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "en": "January February March April May June July August September October November December",
}
_WEEKDAYS = {
    "sv": "måndag tisdag onsdag torsdag fredag lördag söndag",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
}


@dataclass(frozen=True)
class Article:
    """One article, dated; `starts` and `ends` where it invites to an event."""

    slug: str
    path: str
    title: str
    summary: str
    paragraphs: tuple[str, ...]
    picture: str
    alt: str
    tags: tuple[str, ...]
    published: datetime
    dated: str
    starts: datetime | None
    ends: datetime | None
    place: str | None

    @property
    def rfc_date(self) -> str:
        return format_datetime(self.published)

    @property
    def summary_html(self) -> str:
        """The summary as much site software writes it, with named entities."""
        return "".join(_named(character) for character in self.summary)

    @property
    def content_html(self) -> str:
        return "".join(f"<p>{html.escape(text, quote=False)}</p>" for text in self.paragraphs)

    def picture_html(self, url: str) -> str:
        """The picture as an element, at an absolute address."""
        alt = html.escape(self.alt)
        return f'<img src="{url}/bilder/{self.picture}.jpg" alt="{alt}" width="1200" height="675">'


@dataclass(frozen=True)
class Edition:
    """The site in one language on one day."""

    name: str
    tagline: str
    language: str
    articles: tuple[Article, ...]

    @property
    def updated(self) -> datetime:
        return max(article.published for article in self.articles)


@cache
def edition(language: str, today: date) -> Edition:
    """The site in `sv` or `en`, newest article first."""
    words = tomllib.loads((HERE / f"{language}.toml").read_text(encoding="utf-8"))
    found = [_article(raw, language, today) for raw in words["articles"]]
    found.sort(key=lambda article: article.published, reverse=True)
    return Edition(words["name"], words["tagline"], language, tuple(found))


def day_in_words(day: date, language: str, weekday: bool = True) -> str:
    """`torsdag 3 december`, `Thursday 3 December`."""
    month = _MONTHS[language].split()[day.month - 1]
    name = _WEEKDAYS[language].split()[day.weekday()] + " " if weekday else ""
    return f"{name}{day.day} {month}"


def _article(raw: dict[str, Any], language: str, today: date) -> Article:
    published = datetime.combine(today - timedelta(raw["days_ago"]), time(7, 30), UTC)
    event = _event_day(raw, today)
    last = today + timedelta(raw.get("last_in", 0))
    told = {
        "{day}": day_in_words(event, language) if event else "",
        "{last_day}": day_in_words(last, language, weekday=False),
    }
    texts = [raw["title"], raw["summary"], *raw["text"].strip().split("\n\n")]
    title, summary, *paragraphs = (_filled(text, told) for text in texts)
    return Article(
        slug=raw["slug"],
        path=f"{NEWS_PATH[language]}/{raw['slug']}",
        title=title,
        summary=summary,
        paragraphs=tuple(paragraphs),
        picture=raw["picture"],
        alt=raw["alt"],
        tags=tuple(raw["tags"]),
        published=published,
        dated=f"{day_in_words(published.date(), language, weekday=False)} {published.year}",
        starts=_at(event, raw.get("event_start")),
        ends=_at(event, raw.get("event_end")),
        place=raw.get("place"),
    )


def _event_day(raw: dict[str, Any], today: date) -> date | None:
    """So many days ahead, moved on to the weekday that the article asks for."""
    if "event_in" not in raw:
        return None
    earliest = today + timedelta(raw["event_in"])
    return earliest + timedelta((raw["weekday"] - earliest.weekday()) % 7)


def _at(day: date | None, clock: str | None) -> datetime | None:
    if day is None or clock is None:
        return None
    return datetime.combine(day, time.fromisoformat(clock), STOCKHOLM)


def _filled(text: str, told: dict[str, str]) -> str:
    for place, words in told.items():
        text = text.replace(place, words)
    return text


def _named(character: str) -> str:
    name = codepoint2name.get(ord(character))
    return f"&{name};" if name else character
