"""JSON Feed 1.0 and 1.1 (jsonfeed.org) and the posts of WordPress's REST interface."""

import json
from typing import Any

from newsletter_service.news.feed_item import FeedError, RawFeed, RawItem, moment_of


def read(text: str, max_items: int) -> RawFeed:
    """Read JSON into raw entries; raises FeedError for anything that is neither dialect."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FeedError("broken", "The feed is not valid JSON.") from error
    if isinstance(data, list):
        posts = [_post(post) for post in data[:max_items] if _is_post(post)]
        if posts or not data:  # a category without posts is an empty list
            return RawFeed(kind="wordpress", items=posts)
    if isinstance(data, dict) and isinstance(data.get("items"), list):
        return _json_feed(data, max_items)
    raise FeedError("not_a_feed", "The address gives JSON, but neither a feed nor WordPress posts.")


def _json_feed(data: dict[str, Any], max_items: int) -> RawFeed:
    items = [entry for entry in data["items"][:max_items] if isinstance(entry, dict)]
    return RawFeed(
        kind="json",
        title=_text(data.get("title")),
        site_url=_text(data.get("home_page_url")),
        language=_text(data.get("language")),
        items=[_entry(entry) for entry in items],
    )


def _entry(entry: dict[str, Any]) -> RawItem:
    event = _event(entry)
    attachments = [part for part in _list(entry.get("attachments")) if isinstance(part, dict)]
    pictures = [
        _text(part.get("url"))
        for part in attachments
        if _text(part.get("mime_type")).startswith("image/")
    ]
    candidates = [_text(entry.get("image")), _text(entry.get("banner_image")), *pictures]
    return RawItem(
        guid=_text(entry.get("id")),
        url=_text(entry.get("url")) or _text(entry.get("external_url")),
        title=_text(entry.get("title")),
        summary=_text(entry.get("summary")),
        content=_text(entry.get("content_html")) or _as_html(_text(entry.get("content_text"))),
        images=[(url, "") for url in candidates if url],
        published_at=moment_of(entry.get("date_published"))
        or moment_of(entry.get("date_modified")),
        tags=[_text(tag) for tag in _list(entry.get("tags"))],
        language=_text(entry.get("language")),
        starts=_first(event, "startDate", "start_date", "starts_on", "start"),
        ends=_first(event, "endDate", "end_date", "ends_on", "end"),
        place=_place(event.get("location") or event.get("place")),
    )


def _event(entry: dict[str, Any]) -> dict[str, Any]:
    """The extension object (its name begins with `_`) that tells when an event starts."""
    for name, value in entry.items():
        if name.startswith("_") and isinstance(value, dict):
            nested = value.get("event")
            inner: dict[str, Any] = nested if isinstance(nested, dict) else value
            if _first(inner, "startDate", "start_date", "starts_on", "start"):
                return inner
    return {}


def _is_post(post: Any) -> bool:
    return isinstance(post, dict) and isinstance(post.get("title"), dict) and "link" in post


def _post(post: dict[str, Any]) -> RawItem:
    embedded = post.get("_embedded")
    embedded = embedded if isinstance(embedded, dict) else {}
    return RawItem(
        guid=_rendered(post.get("guid")) or _text(post.get("link")),
        url=_text(post.get("link")),
        title=_rendered(post.get("title")),
        summary=_rendered(post.get("excerpt")),
        content=_rendered(post.get("content")),
        images=_post_images(post, embedded),
        published_at=moment_of(post.get("date_gmt")) or moment_of(post.get("date")),
        tags=_post_terms(embedded),
        language=_text(post.get("lang")),
        starts=_first(post, "start_date", "event_start_date"),
        ends=_first(post, "end_date", "event_end_date"),
        place=None,
    )


def _post_images(post: dict[str, Any], embedded: dict[str, Any]) -> list[tuple[str, str]]:
    media = [part for part in _list(embedded.get("wp:featuredmedia")) if isinstance(part, dict)]
    found = [(_text(part.get("source_url")), _text(part.get("alt_text"))) for part in media]
    found.append((_text(post.get("jetpack_featured_media_url")), ""))
    head = post.get("yoast_head_json")
    for picture in _list(head.get("og_image")) if isinstance(head, dict) else []:
        found.append((_text(picture.get("url")) if isinstance(picture, dict) else "", ""))
    return [(url, alt) for url, alt in found if url]


def _post_terms(embedded: dict[str, Any]) -> list[str]:
    groups = [group for group in _list(embedded.get("wp:term")) if isinstance(group, list)]
    terms = [term for group in groups for term in group if isinstance(term, dict)]
    return [_text(term.get("name")) for term in terms]


def _place(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("name") or value.get("address")
    return _text(value) or None


def _first(values: dict[str, Any], *names: str) -> str | None:
    return next((_text(values.get(name)) for name in names if _text(values.get(name))), None)


def _rendered(value: Any) -> str:
    return _text(value.get("rendered")) if isinstance(value, dict) else _text(value)


def _as_html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"<p>{part}</p>" for part in escaped.split("\n\n") if part.strip())


def _text(value: Any) -> str:
    """A string; numbers as text, since ids are often written so."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and abs(value) < 10**15 else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
