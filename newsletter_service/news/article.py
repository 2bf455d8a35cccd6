"""What one page of news tells about itself: headline, summary, picture, day. Pure.

Taken from what pages say to be shared by (Open Graph, JSON-LD), then from what one sees.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from newsletter_service.news import clean, html_page, page_words, when

LONGEST_SUMMARY = 400
_LEAST_PARAGRAPH = 60
_NEWS = re.compile(r"(Article|NewsArticle|BlogPosting|Report|Event|WebPage)$")
_SITE_AFTER = re.compile(r"\s[|–—·-]\s[^|–—·]{2,60}$")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Article:
    """Empty where the page tells nothing.

    `starts_on` is an event's first day, `last_day` the last one to take part.
    """

    title: str = ""
    summary: str = ""
    image_url: str = ""
    image_alt: str = ""
    place: str = ""
    starts_on: date | None = None
    last_day: date | None = None


def read(html: bytes, url: str, today: date | None = None) -> Article:
    """What a page tells; never fails. With `today`, days that its words tell are read, too."""
    root = html_page.tree(html)
    if root is None:
        return Article()
    base = html_page.base(root, url)
    told = _thing(root)
    words = page_words.paragraphs(root)
    days = when.told(" ".join(words), today) if today else when.Told()
    picture = html_page.meta(root, "og:image") or _picture(told.get("image"))
    return Article(
        title=clean.plain_text(_title(root, told), 300),
        summary=clean.excerpt(clean.plain_text(_summary(root, told, words)), LONGEST_SUMMARY),
        image_url=clean.web_url(picture, base) or "",
        image_alt=clean.plain_text(html_page.meta(root, "og:image:alt") or "", 300),
        place=clean.plain_text(_place(told.get("location")) or days.place or "", 200),
        starts_on=_day(told.get("startDate")) or days.starts_on,
        last_day=days.last_day,
    )


def _thing(root: Any) -> dict[str, Any]:
    """The article or event that the page is about."""
    found = [thing for thing in html_page.linked_data(root) if _NEWS.search(_kind(thing))]
    return next((one for one in found if _kind(one) != "WebPage"), found[0] if found else {})


def _kind(thing: dict[str, Any]) -> str:
    kind = thing.get("@type")
    return str(kind[0] if isinstance(kind, list) and kind else kind)


def _title(root: Any, told: dict[str, Any]) -> str:
    named = html_page.meta(root, "og:title") or _text(told.get("headline"))
    if named:
        return _SITE_AFTER.sub("", named)
    heading = next((_inner(node) for node in root.iter("h1") if _inner(node)), "")
    return heading or _SITE_AFTER.sub("", next(iter(html_page.texts(root, "title")), ""))


def _summary(root: Any, told: dict[str, Any], words: list[str]) -> str:
    named = html_page.meta(root, "og:description") or html_page.meta(root, "description")
    first = words[0] if words else next(_paragraphs(root), "")
    return named or _text(told.get("description")) or first


def _paragraphs(root: Any) -> Iterator[str]:
    """Paragraphs long enough to say something, those of the article first."""
    inside = [
        node for part in (*root.iter("article"), *root.iter("main")) for node in part.iter("p")
    ]
    for node in [*inside, *root.iter("p")]:
        if len(text := _inner(node)) >= _LEAST_PARAGRAPH:
            yield text


def _inner(node: Any) -> str:
    return " ".join("".join(node.itertext()).split())


def _picture(told: Any) -> str:
    first = told[0] if isinstance(told, list) and told else told
    return _text(first.get("url")) if isinstance(first, dict) else _text(first)


def _place(told: Any) -> str:
    first = told[0] if isinstance(told, list) and told else told
    return _text(first.get("name")) if isinstance(first, dict) else _text(first)


def _text(told: Any) -> str:
    return told if isinstance(told, str) else ""


def _day(told: Any) -> date | None:
    found = _DAY.match(told) if isinstance(told, str) else None
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None
