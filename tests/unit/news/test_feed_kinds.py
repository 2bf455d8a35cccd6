"""Feeds by what public collections of them try, and in every encoding that is declared or true."""

import codecs
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter_service.news.feeds import FeedError, parse
from tests.unit.news.feed_kinds import BASE, CASES, jsonfeed, rss

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = "<title>Å ä ö – “så”</title>"
SAID = {"title": "Å ä ö – “så”"}
CP1252 = rss(WORDS, prolog="<?xml version='1.0' encoding='{}'?>")
ENCODED: dict[str, tuple[bytes, str | None, dict[str, Any]]] = {
    "utf-8, not said": (rss(WORDS).encode(), None, SAID),
    "utf-8, said by the server only": (rss(WORDS).encode(), "text/xml; charset=utf-8", SAID),
    "utf-8, while the server says latin-1": (
        rss(WORDS).encode(),
        "text/xml; charset=iso-8859-1",
        SAID,
    ),
    "utf-8, while the feed says latin-1": (CP1252.format("iso-8859-1").encode(), None, SAID),
    "utf-8 with a mark, while the feed says ascii": (
        codecs.BOM_UTF8 + CP1252.format("us-ascii").encode(),
        None,
        SAID,
    ),
    "cp1252, said": (CP1252.format("windows-1252").encode("cp1252"), None, SAID),
    "cp1252, while the feed says latin-1": (
        CP1252.format("iso-8859-1").encode("cp1252"),
        None,
        SAID,
    ),
    "cp1252, while the feed says utf-8": (CP1252.format("utf-8").encode("cp1252"), None, SAID),
    "cp1252, said by the server only": (
        rss(WORDS).encode("cp1252"),
        "text/xml; charset=windows-1252",
        SAID,
    ),
    "cp1252, said by nobody": (rss(WORDS).encode("cp1252"), "text/xml", SAID),
    "cp1252, said in a way nobody knows": (CP1252.format("x-okänd").encode("cp1252"), None, SAID),
    "utf-16 with a mark": (CP1252.format("utf-16").encode("utf-16"), None, SAID),
    "utf-16, big end first, no mark": (CP1252.format("utf-16").encode("utf-16-be"), None, SAID),
    "utf-16, while the server says utf-8": (
        CP1252.format("utf-16").encode("utf-16"),
        "text/xml; charset=utf-8",
        SAID,
    ),
    "utf-32 with a mark": (CP1252.format("utf-32").encode("utf-32"), None, SAID),
    "utf-32, no mark": (CP1252.format("utf-32").encode("utf-32-be"), None, SAID),
    "mac-roman, said": (CP1252.format("macintosh").encode("mac-roman"), None, SAID),
    "baltic, said": (
        rss(
            "<title>Šiauliai</title>", prolog="<?xml version='1.0' encoding='windows-1257'?>"
        ).encode("cp1257"),
        None,
        {"title": "Šiauliai"},
    ),
    "koi8-r": (
        rss("<title>Привет</title>", prolog="<?xml version='1.0' encoding='koi8-r'?>").encode(
            "koi8-r"
        ),
        None,
        {"title": "Привет"},
    ),
    "shift_jis": (
        rss("<title>日本</title>", prolog="<?xml version='1.0' encoding='shift_jis'?>").encode(
            "shift_jis"
        ),
        None,
        {"title": "日本"},
    ),
    "big5": (
        rss("<title>中文</title>", prolog="<?xml version='1.0' encoding='big5'?>").encode("big5"),
        None,
        {"title": "中文"},
    ),
    "euc-kr": (
        rss("<title>한국</title>", prolog="<?xml version='1.0' encoding='euc-kr'?>").encode(
            "euc_kr"
        ),
        None,
        {"title": "한국"},
    ),
    "utf-8 with one damaged byte": (
        rss("<title>Å ä ö och åter å, ä, ö</title>").encode().replace(b"\xc3\xb6 och", b"\xc3 och"),
        "text/xml; charset=utf-8",
        {"title": "Å ä \ufffd och åter å, ä, ö"},
    ),
    "a web page with the type of a feed": (
        b"<!doctype html><html><body>Hej</body></html>",
        "application/rss+xml",
        {"error": "web_page"},
    ),
    "a feed with the type of plain text": (rss(WORDS).encode(), "text/plain", SAID),
    "a feed with the type of a web page": (rss(WORDS).encode(), "text/html; charset=utf-8", SAID),
    "json with the type of xml": (jsonfeed(title="x").encode(), "application/xml", {"title": "x"}),
}


def read(body: bytes, content_type: str | None) -> dict[str, Any]:
    """The first item as plain values, or the code of the refusal."""
    try:
        found = parse(body, content_type, BASE, now=NOW)
    except FeedError as error:
        return {"error": error.code}
    item = found.items[0]
    told = {name: getattr(item, name) for name in ("title", "url", "guid", "summary", "language")}
    told |= {name: getattr(item, name) for name in ("content_html", "image_url", "image_alt")}
    when = item.published_at
    return told | {"published_at": when and when.isoformat(), "tags": list(item.tags)}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_feed_is_read(name: str) -> None:
    body, expected = CASES[name]

    found = read(body.encode() if isinstance(body, str) else body, None)

    assert {key: found.get(key) for key in expected} == expected
    assert expected or found.get("title"), "a feed that is only damaged still gives its news"


@pytest.mark.parametrize("name", ENCODED)
def test_every_encoding_declared_or_true_is_read(name: str) -> None:
    body, content_type, expected = ENCODED[name]

    found = read(body, content_type)

    assert {key: found.get(key) for key in expected} == expected
