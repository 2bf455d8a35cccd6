"""The sample site over real HTTP, read the way the service reads any site."""

import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from newsletter_service.embedded.sample import pictures
from newsletter_service.embedded.sample.edition import edition
from newsletter_service.embedded.sample_feed import SampleSite
from newsletter_service.news.discover import site_profile
from newsletter_service.news.feeds import Feed, parse
from newsletter_service.safe_http import Response, SafeClient


@pytest.fixture
def site() -> Iterator[SampleSite]:
    with SampleSite() as running:
        yield running


def get(site: SampleSite, path: str, **known: str) -> Response:
    return SafeClient(allow_origins=frozenset({site.url})).get(site.url + path, **known)  # type: ignore[arg-type]


def feed(site: SampleSite, path: str) -> Feed:
    answer = get(site, path)
    assert answer.status == 200
    return parse(
        answer.body, answer.headers["content-type"], answer.final_url, now=datetime.now(UTC)
    )


@pytest.mark.parametrize(
    ("path", "kind", "language", "least"),
    [
        ("/feed.xml", "rss", "sv", 12),
        ("/feed.atom", "atom", "sv", 12),
        ("/feed.json", "json", "sv", 12),
        ("/en/feed.xml", "rss", "en", 6),
    ],
)
def test_every_feed_has_recent_news_with_pictures_an_event_and_a_competition(
    site: SampleSite, path: str, kind: str, language: str, least: int
) -> None:
    read = feed(site, path)
    assert read.kind == kind
    assert len(read.items) >= least
    today = datetime.now(UTC).date()
    for item in read.items:
        assert item.language == language
        assert item.image_url is not None
        assert item.image_alt
        assert item.published_at is not None
        assert timedelta(0) < datetime.now(UTC) - item.published_at < timedelta(days=16)
    assert any(item.starts_on and item.starts_on > today and item.place for item in read.items)
    assert any(item.last_day and item.last_day > today for item in read.items)


def test_the_rss_feed_speaks_in_entities_and_comes_out_in_swedish(site: SampleSite) -> None:
    raw = get(site, "/feed.xml").body
    for entity in (b"&ouml;", b"&aring;", b"&amp;", b"&ndash;"):
        assert entity in raw
    assert (
        "Både forskargrupper & bolag kan boka tid – den" in feed(site, "/feed.xml").items[0].summary
    )


def test_every_link_and_picture_of_the_feed_is_there(site: SampleSite) -> None:
    for item in [*feed(site, "/feed.xml").items, *feed(site, "/en/feed.xml").items]:
        page = get(site, (item.url or "").removeprefix(site.url))
        assert page.status == 200
        assert item.title in page.body.decode()


def test_pictures_are_small_different_and_the_right_size() -> None:
    seen = set()
    for name in pictures.PICTURES:
        raw = pictures.jpeg(name)
        assert len(raw) < 60_000
        assert Image.open(io.BytesIO(raw)).size == (1200, 675)
        seen.add(raw)
    assert len(seen) == len(pictures.PICTURES) >= 14
    assert Image.open(io.BytesIO(pictures.logo_png())).mode == "RGBA"


def test_conditional_requests_are_answered_with_304(site: SampleSite) -> None:
    first = get(site, "/feed.xml")
    assert first.headers["last-modified"]
    again = get(site, "/feed.xml", etag=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert get(site, "/nowhere").status == 404


def test_the_front_page_offers_all_that_start_needs(site: SampleSite) -> None:
    page = get(site, "/")
    profile = site_profile(page.body, site.url + "/", [get(site, "/style.css").body])
    assert profile.feeds[0].url == site.feed_url
    assert profile.logo_url == site.url + "/logo.png"
    assert profile.accent == "#16697a"
    assert profile.postal_address
    assert "Prenumerera" in page.body.decode()


def test_an_event_falls_on_its_weekday_whatever_day_it_is() -> None:
    for day in range(7):
        today = datetime(2026, 11, 16 + day, tzinfo=UTC).date()
        panel = next(a for a in edition("sv", today).articles if a.slug == "panel-halsodata")
        assert panel.starts is not None
        assert panel.starts.weekday() == 3
        assert timedelta(7) <= panel.starts.date() - today < timedelta(14)


def test_as_a_process_it_tells_its_address_and_stops_on_sigterm() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "newsletter_service.embedded.sample_feed", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
