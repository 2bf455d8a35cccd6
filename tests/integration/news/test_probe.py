"""A look at a site: its feeds, face and faults, over real HTTP on loopback."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from flask import Flask

from newsletter_service.app import create_app
from newsletter_service.embedded.sample_feed import SampleSite
from newsletter_service.extensions import db
from newsletter_service.models import Item, Organisation, SiteProbe, writing
from newsletter_service.news import desk, probe
from newsletter_service.settings import Settings
from tests.world import world

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Parken</title>
<link>{site}</link><item><title>Nytt hus</title><link>{site}/1</link><guid>1</guid></item>
</channel></rss>"""


@contextmanager
def _site(pages: dict[str, str]) -> Iterator[str]:
    """A site with these pages; everything else is 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write((body or "").replace("{site}", address).encode())

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield address
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def look(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., SiteProbe]]:
    """Ask for a look at an address, and do the work."""
    apps: list[Flask] = []

    def do(url: str, origin: str = "") -> SiteProbe:
        app = create_app(
            Settings.from_env(
                {
                    "NEWSLETTER_DATABASE_URL": sqlite_url,
                    "NEWSLETTER_DATA_DIR": str(tmp_path),
                    "NEWSLETTER_TRIAL_ORIGINS": origin or "/".join(url.split("/")[:3]),
                }
            )
        )
        context = app.app_context()
        context.push()
        apps.append(app)
        probe_id = probe.ask(url, actor="anna@staff.test", now=NOW)
        probe.discover(probe_id, NOW)
        found = probe.get(probe_id)
        assert found is not None
        assert found.answered_at == NOW
        db.session.expunge(found)
        context.pop()
        return found

    yield do
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def test_a_site_tells_its_feed_name_language_logo_and_colour(
    look: Callable[..., SiteProbe],
) -> None:
    with SampleSite() as site:
        found = look(site.url).found
    assert found["feeds"][0]["url"] == site.feed_url
    assert found["feeds"][0]["count"] >= 10
    assert len(found["feeds"][0]["headlines"]) == 3
    assert found["name"]
    assert found["language"] == "sv"
    assert found["logos"]
    assert all(accent.startswith("#") for accent in found["accents"])


def test_the_same_news_in_several_dialects_is_proposed_once(
    look: Callable[..., SiteProbe],
) -> None:
    with SampleSite() as site:
        feeds = look(site.url).found["feeds"]
    headlines = [tuple(feed["headlines"]) for feed in feeds]
    assert len(set(headlines)) == len(headlines)


def test_a_feed_that_the_page_does_not_name_is_found_where_feeds_often_are(
    look: Callable[..., SiteProbe],
) -> None:
    with _site({"/": "<title>Parken</title>", "/feed/": RSS}) as url:
        found = look(url + "/")
    assert [feed["url"] for feed in found.found["feeds"]] == [f"{url}/feed/"]
    assert found.error == ""


def test_the_address_of_a_feed_is_as_good_as_that_of_a_site(
    look: Callable[..., SiteProbe],
) -> None:
    front = '<html lang="sv"><title>Parken</title><meta name="theme-color" content="#0b6e6e">'
    with _site({"/nytt.xml": RSS, "": front, "/": front}) as url:
        found = look(url + "/nytt.xml").found
    assert found["feeds"][0]["headlines"] == ["Nytt hus"]
    assert found["accents"] == ["#0b6e6e"]


def test_a_site_without_any_feed_is_no_error(look: Callable[..., SiteProbe]) -> None:
    with _site({"/": "<title>Parken</title>"}) as url:
        found = look(url + "/")
    assert (found.error, found.found["feeds"]) == ("", [])
    assert found.found["name"] == "Parken"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.2/", "address"),
        ("http://[::1]/", "address"),
        ("http://169.254.169.254/latest/meta-data", "address"),
        ("http://user:pass@example.org/", "credentials"),
        ("ftp://example.org/", "scheme"),
    ],
)
def test_asvs_1_3_6_what_may_not_be_fetched_is_told_by_its_code(
    look: Callable[..., SiteProbe], url: str, code: str
) -> None:
    with _site({}) as other:  # a trial's origin lets nothing else through
        assert look(url, other).error == code


def test_an_error_of_the_site_is_told_by_its_number(look: Callable[..., SiteProbe]) -> None:
    with _site({}) as url:
        assert look(url + "/").error == "status_404"


def test_looking_twice_does_no_harm_and_what_nobody_answered_is_found_by_the_sweep(
    sqlite_url: str, tmp_path: Path
) -> None:
    environment = {"NEWSLETTER_DATABASE_URL": sqlite_url, "NEWSLETTER_DATA_DIR": str(tmp_path)}
    with create_app(Settings.from_env(environment)).app_context():
        probe_id = probe.ask("http://127.0.0.2/", actor="x", now=NOW)
        assert probe.overdue(NOW + timedelta(minutes=1)) == []
        assert probe.overdue(NOW + timedelta(minutes=3)) == [probe_id]
        probe.discover(probe_id, NOW)
        probe.discover(probe_id, NOW + timedelta(hours=1))
        answered = probe.latest()
        assert answered is not None
        assert answered.answered_at == NOW
        assert probe.overdue(NOW + timedelta(minutes=3)) == []
        db.engine.dispose()


@pytest.fixture
def pages() -> dict[str, str]:
    """What the site has; a test adds its pages."""
    return {}


@pytest.fixture
def pasted(
    sqlite_url: str, tmp_path: Path, pages: dict[str, str]
) -> Iterator[tuple[int, SiteProbe]]:
    """An item of which an editor pasted the link, and the look at its page that was asked for."""
    with _site(pages) as site, world(sqlite_url, tmp_path, trial_origins=site) as made:
        with writing() as session:
            session.get_one(Organisation, 1).live_at = None
        url = f"{site}/labb"
        item_id = desk.type_in(made.list_id, desk.Typed(title="Labb", url=url), NOW)
        asked = probe.ask(url, actor="anna", now=NOW, item_id=item_id)
        yield item_id, db.session.get_one(SiteProbe, asked)


def test_a_pasted_link_is_filled_in_from_its_page(
    pages: dict[str, str], pasted: tuple[int, SiteProbe]
) -> None:
    item_id, asked = pasted
    pages["/labb"] = (
        '<head><meta property="og:title" content="Nytt labb">'
        '<meta name="description" content="I höst."></head>'
    )
    assert probe.reads(item_id, NOW)
    probe.discover(asked.id, NOW + timedelta(seconds=1))
    item = db.session.get_one(Item, item_id)
    assert (item.title, item.summary) == ("Nytt labb", "I höst.")
    assert not probe.reads(item_id, NOW)
    assert probe.latest() is None


def test_what_an_editor_wrote_meanwhile_stays(
    pages: dict[str, str], pasted: tuple[int, SiteProbe]
) -> None:
    item_id, asked = pasted
    pages["/labb"] = "<head><title>Nytt labb</title></head>"
    desk.change(item_id, desk.Typed(title="Mitt eget"), NOW + timedelta(seconds=1))
    probe.discover(asked.id, NOW + timedelta(seconds=2))
    assert db.session.get_one(Item, item_id).title == "Mitt eget"


def test_a_page_that_is_not_there_leaves_the_item_as_it_was(
    pasted: tuple[int, SiteProbe],
) -> None:
    item_id, asked = pasted
    probe.discover(asked.id, NOW + timedelta(seconds=1))
    assert db.session.get_one(Item, item_id).title == "Labb"
    assert db.session.get_one(SiteProbe, asked.id).error == "status_404"
