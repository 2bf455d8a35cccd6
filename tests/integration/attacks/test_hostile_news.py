"""News that means harm, from a feed to all that shows it: the desk, the letter, the mail."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter_service.accounts import links, people
from newsletter_service.extensions import db
from newsletter_service.issues import compose, suggest
from newsletter_service.mail.message import Prepared, Reader
from newsletter_service.models import Issue, Item, NewsletterList, Organisation, Role, writing
from newsletter_service.news import fetch, folding, sources
from newsletter_service.pictures import remote
from tests.integration.web.browsing import log_in
from tests.integration.web_desk.conftest import Outside
from tests.world import World, world

NOW = datetime.now(UTC)
MARK = "zqx"
SCRIPT = f"<script>{MARK}()</script><img src=x onerror={MARK}()><svg onload={MARK}()>"
CLASSES = "''.__class__.__mro__"
TRICKS = "Fak\u202etura\u202c gpj\u200b.exe\u2066"
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00"
    b"\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
BROKEN = "<p><b>Öppen <table><tr><td>cell</p></i></div></body></html><!-- " + "<div>" * 400


class Site(BaseHTTPRequestHandler):
    """A feed, a counting pixel and a page that is no picture; remembers who asked for what."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        body = self.server.answers.get(self.path, b"")  # type: ignore[attr-defined]
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.asked, server.answers = [], {}  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path, site: Any) -> Iterator[World]:
    origins = {"trial_origins": site.url, "base_url": "http://localhost"}
    with world(sqlite_url, tmp_path, **origins) as made:
        with writing() as session:
            session.get_one(Organisation, 1).live_at = None
        yield made


def feed(site: Any) -> bytes:
    def item(n: int, title: str, text: str, more: str = "") -> str:
        return (
            f"<item><guid>g{n}</guid><title><![CDATA[{title}]]></title>"
            f"<link>{site.url}/{n}</link><description><![CDATA[{text}]]></description>{more}</item>"
        )

    picture = '<enclosure type="image/gif" url="{}"/>'
    items = [
        item(1, f"Skript {SCRIPT}", f"Text {SCRIPT}", picture.format(f"{site.url}/pixel.gif")),
        item(2, f"Mall {{{{ {CLASSES} }}}}", "{% for x in y %}{{ config }}{% endfor %}"),
        item(3, TRICKS, TRICKS, picture.format(f"{site.url}/page.html")),
        item(4, "Trasigt", BROKEN),
        item(5, "Fem megabyte", "stort " * 760_000),
        item(6, "Länk", "Text", f'<enclosure type="image/png" url="javascript:{MARK}()"/>'),
        item(7, "Huvudrad\r\nBcc: offer@victim.test", "a\r\nX-Evil: 1"),
    ]
    body = "".join(items)
    head = f"<title>{MARK} kanal</title>"
    return f"<rss version='2.0'><channel>{head}{body}</channel></rss>".encode()


@pytest.fixture
def issue(desk: World, site: Any) -> Issue:
    site.answers = {
        "/feed": feed(site),
        "/pixel.gif": PIXEL,
        "/page.html": b"<html><script>1</script></html>",
    }
    source = sources.add(desk.list_id, sources.NewSource(f"{site.url}/feed"), actor="anna", now=NOW)
    assert fetch.fetch(source.id, NOW) == 7
    folding.fold(NOW)
    made = suggest.suggest(suggest.Wish(desk.list_id), actor="anna", now=NOW)
    remote.fetch_due(NOW)
    db.session.expire_all()
    return db.session.get_one(Issue, made)


def check(shown: str) -> None:
    """Nothing in a page or a letter runs, hides its direction, or was computed."""
    assert f"<script>{MARK}" not in shown
    for tag in ("<img src=x", "<svg onload"):
        assert tag not in shown
    assert f"javascript:{MARK}" not in shown
    assert "(<class" not in shown
    assert not {"\u202e", "\u202c", "\u200b", "\u2066"} & set(shown)


def test_hostile_news_is_only_words_on_every_page_of_the_desk(desk: World, issue: Issue) -> None:
    ids, issue_id = list(db.session.scalars(select(Item.id))), issue.id
    person = people.create("anna@staff.test", "", [str(Role.EDITOR)])
    link = links.one_time_link(person)
    db.session.remove()
    desk.app.test_client_class = Outside
    client = desk.app.test_client()
    log_in(client, link)
    pages = ["/desk/", "/desk/nyheter?flik=anvanda", "/desk/bilder", "/desk/installningar/kallor"]
    pages += [f"/desk/nyheter/{item_id}" for item_id in ids]
    pages += [f"/desk/utskick/{issue_id}", f"/desk/utskick/{issue_id}/brev"]
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        check(answer.text)
        assert len(answer.data) < 400_000
        assert "Content-Security-Policy" in answer.headers
    # no page shows a picture from the site: staff are not counted either
    assert "/pixel.gif" not in client.get("/desk/nyheter?flik=anvanda").text


def test_hostile_news_is_only_words_in_the_mail(desk: World, site: Any, issue: Issue) -> None:
    letter = compose.letter(db.session(), issue, "sv")
    check(letter.html)
    check(letter.text)
    assert "pixel.gif" not in letter.html
    assert "page.html" not in letter.html
    assert "__mro__" in letter.html  # as words
    assert len(letter.html) < 102_000
    assert "\n" not in letter.subject
    newsletter = db.session.get_one(NewsletterList, desk.list_id)
    assert newsletter.settings is not None
    data = Prepared.of(letter, compose.fixed_headers(db.session(), issue, "sv")).message(
        Reader(
            to=compose.addresses.parse("vera@reader.test").envelope,
            date=NOW,
            message_id="<1@park.test>",
            values=dict.fromkeys(letter.slots, "https://localhost/x"),
        )
    )
    mail = message_from_bytes(data, policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    # the pixel was asked for once, by us, and never again
    assert site.asked.count("/pixel.gif") == 1
