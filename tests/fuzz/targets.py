"""What is fuzzed: each target's seeds, and the reader that must neither break nor dawdle."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newsletter_service import address
from newsletter_service.address import InvalidAddress
from newsletter_service.bounces import summary
from newsletter_service.bounces.parse import parse
from newsletter_service.bounces.providers import PROVIDERS, NotGenuine
from newsletter_service.news import article, clean, feeds
from newsletter_service.news.feed_item import FeedError
from newsletter_service.subscribers import file_rows
from newsletter_service.subscribers.tables import UnreadableFile
from tests import bounce_families

TESTS = Path(__file__).parent.parent
NOW = datetime(2026, 11, 23, tzinfo=UTC)
_TABLE = "e-post;namn\nanna@reader.test;Anna Ek\nbo@reader.test;Bo\n"
_PAGE = b"<html><head><meta property='og:title' content='Labb'></head><body><p>Nytt.</p></body>"


@dataclass(frozen=True)
class Target:
    """A reader of strangers' bytes. `seconds` is the longest that one input may take."""

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    seconds: float = 2.0


def _files(folder: str) -> Callable[[], list[bytes]]:
    return lambda: [path.read_bytes() for path in sorted((TESTS / folder).rglob("*.*"))]


def _reports() -> list[bytes]:
    families = [bounce_families.raw(sample) for sample in bounce_families.SAMPLES]
    return _files("bounces")() + families


def _bounce(raw: bytes) -> None:
    said = summary.summarise(parse(raw))
    assert said.kind in ("hard", "soft", "complaint", "auto-reply", "not-a-bounce")
    assert len(said.evidence) <= 500


def _feed(raw: bytes) -> None:
    with suppress(FeedError):
        found = feeds.parse(raw, "application/rss+xml", "https://park.test/feed", now=NOW)
        assert all(item.title == clean.one_line(item.title) for item in found.items)


def _readers(raw: bytes) -> None:
    with suppress(UnreadableFile):
        for row in file_rows.rows(io.BytesIO(raw)):
            with suppress(InvalidAddress):
                assert "\n" not in address.parse(row.address).envelope


def _markup(raw: bytes) -> None:
    safe = clean.safe_html(raw.decode("utf-8", "replace"), "https://park.test/")
    assert "<script" not in safe.lower()
    assert "javascript:" not in safe.lower().replace("&", "")


def _article(raw: bytes) -> None:
    article.read(raw, "https://park.test/nytt")


def _webhook(raw: bytes) -> None:
    for provider in PROVIDERS.values():
        with suppress(ValueError, NotGenuine):
            for _key, event in provider.split(raw):
                provider.read(event)


def _events() -> list[bytes]:
    events: list[Any] = [
        {"event": "bounce", "type": "blocked", "reason": "550 no", "sg_event_id": "a"},
        {"signature": {"token": "t"}, "event-data": {"event": "failed", "severity": "permanent"}},
        {"RecordType": "Bounce", "Type": "HardBounce", "ID": 1, "Details": "550"},
        {"event": "hard_bounce", "message-id": "<a@b.test>", "ts_epoch": 1e12, "email": "a@b.test"},
        {"Type": "Notification", "MessageId": "m", "Message": '{"eventType":"Bounce","bounce":{}}'},
    ]
    return [json.dumps(each).encode() for each in [*events, events]]


TARGETS = (
    Target("bounces", _reports, _bounce),
    Target("feeds", _files("feeds"), _feed),
    Target("readers", lambda: [_TABLE.encode(), _TABLE.encode("utf-16")], _readers),
    Target(
        "markup", lambda: [_PAGE, b"<p onclick=x>a</p><img src=x>", b"<a href='/x'>y</a>"], _markup
    ),
    Target("articles", lambda: [_PAGE], _article),
    Target("webhooks", _events, _webhook),
)
