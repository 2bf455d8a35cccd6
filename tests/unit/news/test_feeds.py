"""Feeds of every dialect, and bytes that mean harm."""
# ruff: noqa: E501 - the tables read better with a case on a line

import json
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter_service.news.feeds import MAX_ITEMS, Feed, FeedError, parse

FEEDS = Path(__file__).parents[2] / "feeds"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BASE = "https://base.example.org/x/feed"


def read(body: bytes | str, content_type: str | None = None) -> Feed:
    raw = body.encode() if isinstance(body, str) else body
    return parse(raw, content_type, BASE, now=NOW)


def rss(items: str) -> str:
    return f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>"


def fixture(name: str) -> Feed:
    return read((FEEDS / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "kind", "title", "site", "language", "first"),
    [
        ("rss-0.91.xml", "rss", "Parknytt", "http://park.example.org/", "sv", "Växthuset får solceller på taket"),
        ("rss-0.92.xml", "rss", "Laboratory notes", "http://lab.example.org/", None, "A note without a title: the new freezer holds two hundred thousand samples."),
        ("rdf-1.0.xml", "rss", "Kalendarium", "https://kalender.example.org/", "sv", "Frukost om biobanker"),
        ("rss-2.0.xml", "rss", "Forskningsparken", "https://park.example.org/", "en", "Ny utrustning för kryomikroskopi – öppen för alla"),
        ("atom-0.3.xml", "atom", "Old Atom", "http://old.example.org/", "en", "A paper from the cell laboratory"),
        ("atom-1.0.xml", "atom", "Bolagen i huset & nära det", "https://atom.example.org/", "sv", "Bolag tar in 40 miljoner <direkt>"),
        ("feed-1.1.json", "json", "Campus news", "https://campus.example.org/", "en", "Open house & guided tours"),
        ("wordpress-posts.json", "wordpress", "", None, None, "Nytt labb på plan 3 – klart i vår"),
    ],
)  # fmt: skip
def test_every_dialect_is_read(  # noqa: PLR0917 - a table
    name: str, kind: str, title: str, site: str | None, language: str | None, first: str
) -> None:
    feed = fixture(name)
    assert (feed.kind, feed.title, feed.site_url, feed.language) == (kind, title, site, language)
    assert feed.items[0].title == first


def test_an_rss_item_comes_out_whole() -> None:
    item = fixture("rss-2.0.xml").items[0]
    assert item.guid == "park-17"
    assert item.url == "https://park.example.org/nyheter/kryo"
    assert item.summary == "Först i norra Europa & bokningsbar för företag."
    assert item.published_at == datetime(2026, 11, 19, 8, 30, tzinfo=UTC)
    assert item.tags == ("Infrastruktur", "Forskning")
    assert item.image_url == "https://park.example.org/bilder/kryo-stor.jpg"
    assert item.language == "sv"  # though the feed says en-US
    assert "script" not in item.content_html
    assert "onclick" not in item.content_html


def test_events_and_competitions_have_their_days() -> None:
    panel = fixture("rss-2.0.xml").items[2]
    assert (panel.starts_on, panel.place) == (date(2026, 12, 3), "Ljusgården")
    assert fixture("rss-2.0.xml").items[1].last_day == date(2027, 1, 15)
    breakfast = fixture("rdf-1.0.xml").items[0]
    assert (breakfast.starts_on, breakfast.place) == (date(2026, 12, 3), "Ljusgården")
    tour = fixture("feed-1.1.json").items[0]
    assert (tour.starts_on, tour.ends_on) == (date(2026, 12, 10), date(2026, 12, 11))
    assert tour.place == "The main hall"


def test_relative_links_and_bad_dates_are_tolerated() -> None:
    items = fixture("rss-2.0.xml").items
    assert items[1].url == "https://base.example.org/x/nyheter/tavling"
    assert items[2].published_at is None
    assert fixture("atom-1.0.xml").items[0].url == "https://atom.example.org/blogg/kapital"


def test_a_picture_has_its_words() -> None:
    post = fixture("wordpress-posts.json").items[0]
    assert (post.image_url, post.image_alt) == ("https://wp.example.org/labb.jpg", "Ett tomt labb")
    assert post.summary == "Sex bolag delar på ytan."
    assert fixture("atom-1.0.xml").items[0].image_alt == "Grundarna"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (rss("<item><title>Grön ärta</title></item>").encode("latin-1"), None),
        (rss("<item><title>Grön ärta</title></item>").encode(), "text/xml; charset=iso-8859-1"),
        (rss("<item><title>Grön ärta</title></item>").encode("latin-1"), "text/xml; charset=utf-8"),
        (rss("<item><title>Grön ärta</title></item>").encode("utf-8-sig"), None),
        (rss("<item><title>Grön ärta</title></item>").encode("utf-16"), None),
        (rss("<item><title>Gr&ouml;n &auml;rta</title></item>").encode(), None),
        (b"\n\n  " + rss("<item><title>Gr&#246;n \x0b&#xe4;rta</title></item>").encode(), None),
    ],
)  # fmt: skip
def test_charsets_that_are_missing_or_wrong_do_no_harm(
    body: bytes, content_type: str | None
) -> None:
    assert read(body, content_type).items[0].title == "Grön ärta"


def test_a_feed_that_is_cut_or_has_bare_ampersands_is_still_read() -> None:
    feed = read(rss("<item><title>Forskning & vård</title></item><item><title>Halv")[:-17])
    assert feed.items[0].title == "Forskning & vård"


def test_guids_fall_back_to_the_address_and_then_a_hash() -> None:
    feed = read(
        rss(
            "<item><guid>a</guid><title>1</title></item><item><guid>a</guid><title>2</title></item>"
            "<item><link>https://a.test/3</link><title>3</title></item><item><title>4</title></item>"
        )
    )
    assert [item.title for item in feed.items] == ["1", "3", "4"]
    assert feed.items[1].guid == "https://a.test/3"
    assert feed.items[2].guid.startswith("sha256:")
    assert read(rss("<item><title>4</title></item>")).items[0].guid == feed.items[2].guid


def test_hostile_values_are_made_harmless() -> None:
    item = read(
        rss(
            "<item><title>&lt;img src=x onerror=alert(1)&gt;Titel &#x202E;bakvänd</title>"
            "<link>javascript:alert(1)</link><enclosure url='javascript:x' type='image/png'/>"
            f"<description>{'lång ' * 50_000}</description></item>"
        )
    ).items[0]
    assert (item.title, item.url, item.image_url) == ("Titel bakvänd", None, None)
    assert len(item.summary) <= 400
    assert len(read(rss(f"<item><title>{'x' * 90_000}</title></item>")).items[0].title) <= 300


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'
    "<rss version='2.0'><channel><title>&b;</title></channel></rss>"
)
XXE = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss(
    "<item><title>&x;</title></item>"
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"x" * 5_000_001, "too_large"),
        (b"<!doctype html><html><body>Hej</body></html>", "web_page"),
        (b"<html><head></head></html>", "web_page"),
        (BOMB.encode(), "doctype"),
        (XXE.encode(), "doctype"),
        (f"<!--{'x' * 30_000}-->{XXE}".encode(), "doctype"),
        (b"<?xml version='1.0'?><svg/>", "not_a_feed"),
        (b"just text", "not_a_feed"),
        (b"{", "broken"),
        (b"[" * 200_000, "broken"),
        (b'{"a": 1}', "not_a_feed"),
        (b"[1]", "not_a_feed"),
        (b"\x00\x01\x02\xff", "not_a_feed"),
    ],
)
def test_what_is_no_feed_has_its_reason(body: bytes, code: str) -> None:
    with pytest.raises(FeedError) as error:
        read(body)
    assert error.value.code == code
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    "body",
    [
        rss("<item/>" * 600_000),
        rss("<item><title>t</title></item>" * 150_000),
        rss("<a>" * 1_000_000),
        rss("<item><description>" + "&lt;div&gt;" * 400_000 + "</description></item>"),
        rss("<item><title>t</title><description>" + "&amp;lt;" * 2_000 + "</description></item>" * 250),
        rss("<![CDATA[" * 400_000),
        rss("&" * 3_000_000),
        rss("<item><title>t</title><pubDate>" + "1" * 3_000_000 + "</pubDate></item>"),
        "<rss " + "a='b' " * 300_000 + "/>",
        json.dumps({"items": [{"title": str(n), "content_html": "<b>" * 30} for n in range(40_000)]}),
        "<!-- " * 900_000,
        "<!DOCTYPE " * 400_000,
    ],
    ids=range(12),
)  # fmt: skip
def test_hostile_bulk_is_done_in_bounded_time(body: str) -> None:
    started = time.process_time()
    with suppress(FeedError):
        assert len(read(body).items) <= MAX_ITEMS
    assert time.process_time() - started < 15


FRAGMENTS = st.lists(
    st.sampled_from(
        ["<rss version='2.0'>", "<channel>", "<item>", "</item>", "<title>", "</title>", "<entry>",
         "<feed xmlns='http://www.w3.org/2005/Atom'>", "<link href='//x'/>", "<![CDATA[", "]]>",
         "<pubDate>31 Feb 99999</pubDate>", "&ouml;", "&", "<content type='xhtml'>", "<!--", "-->",
         "<guid/>", "<enclosure url='http://[' type='image/x'/>", "\ud800", "3 december kl. 13",
         "<updated>0001-01-01T00:00:00+23:59</updated>", "<xml:base='http://['>", "<media:content/>"]
    )
    | st.text(max_size=20),
    max_size=30,
).map("".join)  # fmt: skip
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["items", "title", "link", "id", "url", "content_html", "date_published", "tags",
                 "_embedded", "wp:term", "wp:featuredmedia", "rendered", "_event", "start", "guid",
                 "attachments", "image", "language", "location", "yoast_head_json", "og_image"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | FRAGMENTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_a_feed_or_a_feed_error(body: bytes) -> None:
    for raw in (body, b"<rss version='2.0'><channel><item>" + body):
        with suppress(FeedError):
            assert isinstance(read(raw), Feed)


@settings(max_examples=150, deadline=None)
@given(JSON_VALUES, JSON_VALUES)
def test_any_json_gives_a_feed_or_a_feed_error(one: object, other: object) -> None:
    post = {"title": {"rendered": one}, "link": other, "_embedded": one, "content": other}
    for value in (one, {"items": [one, {"title": "t", "url": one, "_e": other}]}, [post]):
        try:
            feed = read(json.dumps(value))
        except FeedError:
            continue
        for item in feed.items:
            (item.title + item.summary + item.content_html + item.guid).encode()
