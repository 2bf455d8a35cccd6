"""Feeds and sites that mean harm, through the whole verb: nothing is stored that should not be.

Names lead where a resolver of ours says; no request leaves this machine.
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter_service.extensions import db
from newsletter_service.issues import compose, suggest
from newsletter_service.models import Issue, Item, Organisation, SiteProbe, Source, writing
from newsletter_service.news import fetch, probe, sources
from newsletter_service.safe_http import Refused, SafeClient
from tests.world import World, world

NOW = datetime.now(UTC)
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
TEMPLATE = "{{ ''.__class__.__mro__ }}{% for x in [].__class__.__base__.__subclasses__() %}"


def rss(*items: str, head: str = "") -> bytes:
    body = "".join(f"<item>{item}</item>" for item in items)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<rss version="2.0"><channel>'
        f"<title>Park</title><link>https://park.test/</link>{body}</channel></rss>"
    ).encode()


def entry(n: int, title: str = "Nytt labb", **more: str) -> str:
    fields = {"guid": f"g{n}", "title": title, "link": f"https://park.test/{n}"} | more
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())


LAUGHS = (
    "<!DOCTYPE r [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    + "]>"
)
XXE = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


class Site(BaseHTTPRequestHandler):
    """Answers by path with what the server holds for it."""

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path)  # type: ignore[attr-defined]
        if callable(answer):
            answer(self)
            return
        status, headers, body = answer or (404, {}, b"")
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing."""


def endless(site: Site) -> None:
    site.send_response(200)
    site.end_headers()
    try:
        site.wfile.write(b"<rss><channel>")
        while True:
            site.wfile.write(b"<item><title>x</title></item>" * 1000)
    except OSError:
        return


def redirect(site: Site, location: str) -> None:
    site.send_response(302)
    site.send_header("Location", location)
    site.send_header("Content-Length", "0")
    site.end_headers()


@pytest.fixture
def site() -> Iterator[Any]:
    """A site whose answers a test sets."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.answers = {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path, site: Any) -> Iterator[World]:
    """In trial mode, where the site's own origin is let through."""
    with world(sqlite_url, tmp_path, trial_origins=origin(site)) as made:
        with writing() as session:
            session.get_one(Organisation, 1).live_at = None
        yield made


def origin(site: Any) -> str:
    return f"http://127.0.0.1:{site.server_address[1]}"


@pytest.fixture
def take(desk: World, site: Any) -> Callable[..., Source]:
    """Fetch what the site answers with, as a source."""

    def fetched(answer: Any, **headers: str) -> Source:
        site.answers["/feed"] = answer if callable(answer) else (200, headers, answer)
        new = sources.NewSource(f"{origin(site)}/feed")
        source = sources.add(desk.list_id, new, actor="a@staff.test", now=NOW)
        fetch.fetch(source.id, NOW)
        db.session.expire_all()
        return source

    return fetched


def items() -> list[Item]:
    return list(db.session.scalars(select(Item).order_by(Item.id)))


@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        (rss(entry(1, "&j;"), head=LAUGHS), {}),
        (rss(entry(1, "&x;"), head=XXE), {}),
        (gzip.compress(b"<rss>" + b" " * 60_000_000), {"Content-Encoding": "gzip"}),
        (endless, {}),
        (b"\x00" * 10_000, {}),
        (b"", {}),
        (b"<html><body>log in</body></html>", {"Content-Type": "application/rss+xml"}),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": [' + b"[" * 50_000, {}),
        (b"<rss><channel>" + b"<item>" * 200_000, {}),
        (rss(entry(1)), {"Content-Encoding": "br"}),
        (b"not gzip", {"Content-Encoding": "gzip"}),
    ],
)
def test_a_hostile_feed_is_told_on_its_source_and_stores_nothing_of_it(
    take: Callable[..., Source], answer: Any, headers: dict[str, str]
) -> None:
    began = time.monotonic()
    source = take(answer, **headers)
    assert time.monotonic() - began < 25
    assert "root:" not in "".join(item.title + item.summary for item in items())
    assert all(len(item.title) <= 500 for item in items())
    if not items():
        assert source.failures == 1 or source.last_error == ""


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://127.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "http://user:pass@127.0.0.1/",
        "http://127.0.0.1:6379/",
        "//127.0.0.1:22/",
        "http://localhost:5432/",
    ],
)
def test_a_redirect_into_the_house_is_refused(take: Callable[..., Source], location: str) -> None:
    source = take(lambda asked: redirect(asked, location))
    assert source.failures == 1
    assert items() == []


@pytest.mark.parametrize("answers", [["10.0.0.8"], ["93.184.215.14", "10.0.0.8"], ["::1"]])
def test_a_name_that_leads_into_the_house_is_refused_before_anything_is_sent(
    answers: list[str],
) -> None:
    http = SafeClient(resolver=lambda _host, _port: answers)
    with pytest.raises(Refused):
        http.get("http://park.test/feed")


def test_a_name_that_changes_its_mind_is_asked_once_for_each_connection() -> None:
    """Rebinding: the address that was checked is the one connected to, and there is no second."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with pytest.raises(Refused):
        SafeClient(resolver=rebinding).get("http://rebind.test/")
    assert asked == ["rebind.test"]


def test_in_live_mode_no_origin_of_a_trial_is_let_through(
    desk: World, take: Callable[..., Source]
) -> None:
    with writing() as session:
        session.get_one(Organisation, 1).live_at = NOW
    source = take(rss(entry(1)))
    assert source.failures == 1
    assert items() == []
    assert desk.settings.trial_origins


def test_a_very_long_feed_is_cut_and_takes_bounded_time(take: Callable[..., Source]) -> None:
    many = rss(*(f"<guid>{n}</guid><title>t{n}</title>" for n in range(100_000)))
    began = time.monotonic()
    take(many)
    assert time.monotonic() - began < 30
    assert 0 <= len(items()) <= 1000


def test_a_guid_that_comes_twice_and_a_feed_that_changes_make_no_second_item(
    take: Callable[..., Source],
) -> None:
    take(rss(entry(1, "Först"), entry(1, "Igen"), entry(2)))
    assert [item.title for item in items()] == ["Först", "Nytt labb"]
    take(rss(entry(2, "Ändrat"), entry(1, "Först")))
    assert [item.title for item in items()] == ["Först", "Ändrat"]


def test_a_feed_in_the_wrong_charset_is_read_or_marked_but_never_breaks(
    take: Callable[..., Source],
) -> None:
    body = rss(entry(1, "Ängslabbet öppnar"))
    take(body.decode().encode("latin-1"), **{"Content-Type": "application/rss+xml; charset=utf-8"})
    assert [item.title for item in items()] == ["Ängslabbet öppnar"]


def test_markup_scripts_and_templates_of_a_feed_are_words_in_the_letter(
    desk: World, take: Callable[..., Source]
) -> None:
    escaped = EVIL.replace("<", "&lt;").replace(">", "&gt;")
    take(
        rss(
            entry(1, f"{TEMPLATE}{escaped}", description=f"<![CDATA[{EVIL}{TEMPLATE}]]>"),
            entry(2, "Länk", link="javascript:alert(1)"),
            entry(3, "Data", link="data:text/html,<![CDATA[<script>alert(1)</script>]]>"),
        )
    )
    issue_id = suggest.suggest(
        suggest.Wish(desk.list_id, suggest.SINCE), actor="a@staff.test", now=NOW
    )
    issue = db.session.get_one(Issue, issue_id)
    html = compose.letter(db.session(), issue, "sv").html
    assert "<script" not in html
    assert "onerror" not in html or "&lt;img" in html
    assert "javascript:" not in html
    assert 'href="data:' not in html
    assert "<class" not in html
    assert "__mro__" in html


def test_a_site_that_is_looked_at_leads_nowhere_private(desk: World, site: Any) -> None:
    """Kom igång: what a page links to is fetched under the same rules."""
    links = "".join(
        f'<link rel="{rel}" type="application/rss+xml" href="{url}">'
        for rel in ("alternate", "stylesheet", "icon")
        for url in ("http://10.0.0.1/feed", "file:///etc/passwd", "http://127.0.0.1:1/x")
    )
    page = f"<html><head><title>{EVIL}</title>{links}</head><body>x</body></html>"
    site.answers["/"] = (200, {"Content-Type": "text/html"}, page.encode())
    probe_id = probe.ask(f"{origin(site)}/", actor="a@staff.test", now=NOW)
    probe.discover(probe_id, NOW)
    db.session.expire_all()
    looked = db.session.get_one(SiteProbe, probe_id)
    assert looked.answered_at is not None
    assert looked.found["feeds"] == []
    assert "root:" not in repr(looked.found)
    assert db.session.scalar(select(func.count()).select_from(Source)) == 0
    assert desk.list_id
