"""Feeds of many kinds, well-formed and broken, all written by us, and what is read out of each."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter_service.news.feed_item import Feed, FeedItem
from newsletter_service.news.feeds import FeedError, parse

ODD = Path(__file__).parents[2] / "feeds" / "odd"
EXPECTED: dict[str, dict[str, Any]] = json.loads((ODD.parent / "odd.json").read_text())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHOWN = 4
_WORDS = ("url", "summary", "image_url", "place")
_DAYS = ("published_at", "starts_on", "ends_on", "last_day")


def told(item: FeedItem) -> dict[str, Any]:
    """What is held of an item: everything it tells, nothing that it does not."""
    found: dict[str, Any] = {"title": item.title[:120]}
    found |= {name: value for name in _WORDS if (value := getattr(item, name))}
    found |= {name: value.isoformat() for name in _DAYS if (value := getattr(item, name))}
    return found | ({"tags": list(item.tags)} if item.tags else {})


def summed_up(feed: Feed) -> dict[str, Any]:
    return {
        "kind": feed.kind,
        "title": feed.title,
        "number": len(feed.items),
        "items": [told(item) for item in feed.items[:SHOWN]],
    }


@pytest.mark.parametrize("path", sorted(ODD.iterdir()), ids=lambda path: path.name)
def test_every_odd_feed_is_read_as_expected_or_refused_with_its_reason(path: Path) -> None:
    expected = EXPECTED[path.name]
    try:
        found = parse(path.read_bytes(), None, "https://base.example.org/x/feed", now=NOW)
    except FeedError as error:
        told_of: dict[str, Any] = {"error": error.code}
        items = []
    else:
        told_of, items = summed_up(found), found.items
    assert told_of == expected
    for item in items:
        words = f"{item.title}{item.summary}{item.content_html}"
        assert "<script" not in words
        assert "onerror" not in words
        assert not {"\u202e", "\u200b", "\x08", "\x00"} & set(words)


def test_every_expectation_has_its_feed() -> None:
    assert set(EXPECTED) == {path.name for path in ODD.iterdir()}


@pytest.mark.parametrize("packed", [b"\x1f\x8b" + b"\0" * 40, b"\x1f\x8b\x08"])
def test_a_broken_package_is_refused(packed: bytes) -> None:
    with pytest.raises(FeedError):
        parse(packed, None, "https://base.example.org/", now=NOW)


def test_entries_within_entries_cost_no_time() -> None:
    deep = "<item/>" * 300 + "<item>" * 240 + "<item><title>x</title></item>" * 40_000
    body = f"<feed xmlns='http://purl.org/atom/ns#'>{deep}"
    began = time.perf_counter()
    parse(body.encode(), None, "https://park.example.org/", now=NOW)
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize("begin", ["</", "<", "<a:", "<!--", "<![CDATA[", "<a b=", "&#"])
def test_a_name_that_never_ends_costs_no_time(begin: str) -> None:
    """Seconds, where a reader that looks again from every letter takes an hour."""
    body = f"<rss><channel><item><title>Nytt</title></item>{begin}{'i' * 1_000_000}"
    began = time.perf_counter()
    with suppress(FeedError):
        parse(body.encode(), None, "https://park.example.org/", now=NOW)
    assert time.perf_counter() - began < 20
