"""What a feed is once it is read, and how one raw entry of any dialect becomes an item."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from newsletter_service.news import clean, when, written_time

MAX_SUMMARY = 400
MAX_TITLE = 300
MAX_TAGS = 20
MAX_CONTENT_PER_FEED = 3_000_000
MAX_MOMENT = 60

_SWEDISH = re.compile(r"\b(?:och|att|är|för|det|som|på|med|av|till|en|ett|den|vi|inte)\b", re.I)
_ENGLISH = re.compile(r"\b(?:the|and|of|is|to|in|for|that|with|on|are|this|we|by)\b", re.I)
_READ_MORE = re.compile(
    r"\s*(?:\[(?:…|\.\.\.|&hellip;)\]|(?:Läs mer|Läs hela artikeln|Read more|Continue reading)"
    r"[^.]{0,120}?(?:»|→|\.{3}|…)?)$"
    r"|\s*(?:The post .{1,300}|Inlägget .{1,300}) (?:appeared first on|dök först upp på) .{1,120}$",
    re.I,
)


class FeedError(Exception):
    """The bytes are no feed we can read. `code` is for programs, the text says what to do.

    Codes: empty, too_large, web_page, doctype, not_a_feed, broken.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class FeedItem:
    """One piece of news. Text is plain unless the name says HTML; addresses are http or https."""

    guid: str
    url: str | None
    title: str
    summary: str
    content_html: str
    image_url: str | None
    image_alt: str
    published_at: datetime | None
    tags: tuple[str, ...]
    language: str | None
    starts_on: date | None
    ends_on: date | None
    place: str | None
    last_day: date | None


@dataclass(frozen=True)
class Feed:
    """A feed as read; `kind` is rss, atom, json or wordpress; items in the feed's order."""

    title: str
    site_url: str | None
    kind: str
    language: str | None
    items: list[FeedItem]


@dataclass
class RawItem:
    """An entry as its dialect tells it, nothing cleaned; `images` best first, as (url, alt)."""

    guid: str = ""
    url: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    images: list[tuple[str, str]] = field(default_factory=list)
    published_at: datetime | None = None
    tags: list[str] = field(default_factory=list)
    language: str | None = None
    starts: str | None = None
    ends: str | None = None
    place: str | None = None


@dataclass
class RawFeed:
    """A feed as its dialect tells it."""

    kind: str
    title: str = ""
    site_url: str = ""
    language: str | None = None
    items: list[RawItem] = field(default_factory=list)


def finished(raw: RawFeed, base_url: str, now: datetime) -> Feed:
    """Clean every entry; entries with neither words nor address, and repeated guids, fall away."""
    language = _code(raw.language)
    items: dict[str, FeedItem] = {}
    budget = MAX_CONTENT_PER_FEED
    for entry in raw.items:
        budget -= len(entry.content) + len(entry.summary)
        if budget < 0:
            entry.content = ""
            entry.summary = entry.summary[:2_000]
        item = _item(entry, base_url, language, now)
        if item is not None:
            items.setdefault(item.guid, item)
    return Feed(
        title=clean.plain_text(raw.title, MAX_TITLE),
        site_url=clean.web_url(raw.site_url, base_url),
        kind=raw.kind,
        language=language,
        items=list(items.values()),
    )


def _item(raw: RawItem, base_url: str, language: str | None, now: datetime) -> FeedItem | None:
    url = clean.web_url(raw.url, base_url)
    content = clean.safe_html(raw.content or raw.summary, base_url)
    body = clean.plain_text(content)
    summary = _summary(raw.summary, body)
    title = clean.plain_text(raw.title, MAX_TITLE) or clean.excerpt(summary, 80)
    if not title:
        return None
    published = _sane(raw.published_at)
    told = when.told(f"{title}. {summary} {body}", (published or now).date())
    starts, ends = when.day_of(raw.starts), when.day_of(raw.ends)
    image = _image(raw, content, base_url)
    return FeedItem(
        guid=_guid(raw, url, title, published),
        url=url,
        title=title,
        summary=summary,
        content_html=content,
        image_url=image[0],
        image_alt=image[1],
        published_at=published,
        tags=_tags(raw.tags),
        language=language_of(f"{title} {summary} {body[:1000]}", _code(raw.language) or language),
        starts_on=starts or told.starts_on,
        ends_on=(ends if ends and ends > starts else None) if starts else told.ends_on,
        place=clean.one_line(raw.place, 120) if raw.place else told.place,
        last_day=told.last_day,
    )


def language_of(text: str, declared: str | None) -> str | None:
    """`sv` or `en` when the words say so clearly, else what was declared.

    Site software often declares English around Swedish text, so words count for more.
    """
    swedish = len(_SWEDISH.findall(text)) + sum(text.lower().count(letter) for letter in "åäö")
    english = len(_ENGLISH.findall(text))
    if swedish >= 3 and swedish > 2 * english:
        return "sv"
    if english >= 3 and english > 2 * swedish:
        return "en"
    return declared


def utc(moment: datetime | None) -> datetime | None:
    """An aware UTC time; a naive one is taken as UTC, one that cannot be converted as None."""
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment_of(value: object) -> datetime | None:
    """A time in UTC, by ISO 8601 or in words (RFC 822), or None when it is no time."""
    if not isinstance(value, str) or len(value) > MAX_MOMENT:
        return None
    try:
        return utc(datetime.fromisoformat(value.strip()))
    except ValueError:
        written = written_time.read(value)
        return utc(written) if written else None


def _sane(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and 1990 <= moment.year <= 2200 else None


def _summary(markup: str, body: str) -> str:
    text = clean.plain_text(markup)[:5_000] or body[:5_000]
    return clean.excerpt(_READ_MORE.sub("", text).strip(), MAX_SUMMARY)


def _image(raw: RawItem, content: str, base_url: str) -> tuple[str | None, str]:
    inside = clean.first_image(content)
    for address, alt in raw.images:
        url = clean.web_url(address, base_url)
        if url:
            same = inside is not None and inside[0] == url
            return url, clean.plain_text(alt, 300) or (inside[1] if same and inside else "")
    return inside or (None, "")


def _guid(raw: RawItem, url: str | None, title: str, published: datetime | None) -> str:
    guid = clean.one_line(raw.guid) or url
    if guid and len(guid) <= 500:
        return guid
    seed = guid or f"{title}\n{published}\n{raw.summary}"
    return "sha256:" + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()


def _tags(names: Iterable[str]) -> tuple[str, ...]:
    cleaned = (clean.plain_text(name, 60) for name in list(names)[: MAX_TAGS * 2])
    return tuple(dict.fromkeys(name for name in cleaned if name))[:MAX_TAGS]


def _code(language: str | None) -> str | None:
    """`sv` of `sv-SE`; None for what is no language tag."""
    match = re.match(r"\s*([A-Za-z]{2,3})(?:[-_]|\s*$)", language or "")
    return match.group(1).lower() if match else None
