"""A small site with news over real HTTP, for the demo and for a first look.

`with SampleSite() as site:` serves on a free loopback port until the block ends;
`python -m newsletter_service.embedded.sample_feed --port 8081` does until SIGTERM or Ctrl-C.
"""

import argparse
import hashlib
import json
import signal
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, Self
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from newsletter_service.embedded.sample import pictures
from newsletter_service.embedded.sample.edition import HERE, Article, Edition, edition

PAGE_WORDS = {
    "sv": {"feed": "/feed.xml", "subscribe": "Prenumerera", "other": ("/en/", "English")},
    "en": {"feed": "/en/feed.xml", "subscribe": "Subscribe", "other": ("/", "Svenska")},
}


@dataclass(frozen=True)
class Answer:
    """A body with its type, and when it last changed."""

    body: bytes
    content_type: str
    changed: datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


class Pages:
    """What the site shows at each path; None where there is nothing."""

    def __init__(self, url: str, subscribe_url: str) -> None:
        self._url = url
        self._subscribe_url = subscribe_url
        self._templates = Environment(
            loader=FileSystemLoader(HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )

    def at(self, path: str, now: datetime) -> Answer | None:
        if path.startswith("/bilder/") and path.endswith(".jpg"):
            return self._picture(path.removeprefix("/bilder/").removesuffix(".jpg"), now)
        language = "en" if path.startswith("/en/") else "sv"
        site = edition(language, now.date())
        local = path.removeprefix("/en") if language == "en" else path
        if local in ("/", "/index.html"):
            return self._page(site, None)
        if local in ("/feed.xml", "/feed.atom"):
            kind = "rss" if local.endswith("xml") else "atom"
            return self._feed(site, path, local[1:], f"application/{kind}+xml; charset=utf-8")
        if local == "/feed.json":
            body = json.dumps(self._json_feed(site, path), ensure_ascii=False, indent=1)
            return Answer(body.encode(), "application/feed+json; charset=utf-8", site.updated)
        for article in site.articles:
            if article.path == path:
                return self._page(site, article)
        return self._file(path, site.updated)

    def _page(self, site: Edition, article: Article | None) -> Answer:
        words = PAGE_WORDS[site.language]
        values = {"site": site, "article": article, "articles": site.articles, **words}
        page = self._templates.get_template("page.html").render(
            values, subscribe_url=self._subscribe_url, organisation=self._organisation(site)
        )
        return Answer(page.encode(), "text/html; charset=utf-8", site.updated)

    def _feed(self, site: Edition, path: str, template: str, content_type: str) -> Answer:
        text = self._templates.get_template(template).render(site=site, url=self._url, path=path)
        return Answer(text.encode(), content_type, site.updated)

    def _json_feed(self, site: Edition, path: str) -> dict[str, Any]:
        return {
            "version": "https://jsonfeed.org/version/1.1",
            "title": site.name,
            "home_page_url": self._url + "/",
            "feed_url": self._url + path,
            "language": site.language,
            "items": [self._json_item(site, article) for article in site.articles],
        }

    def _json_item(self, site: Edition, article: Article) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": f"vintergren:{site.language}:{article.slug}",
            "url": self._url + article.path,
            "title": article.title,
            "summary": article.summary,
            "content_html": article.picture_html(self._url) + article.content_html,
            "image": f"{self._url}/bilder/{article.picture}.jpg",
            "date_published": article.published.isoformat(),
            "tags": list(article.tags),
        }
        if article.starts and article.ends:
            item["_schema"] = {
                "@type": "Event",
                "startDate": article.starts.isoformat(),
                "endDate": article.ends.isoformat(),
                "location": {"name": article.place},
            }
        return item

    def _organisation(self, site: Edition) -> dict[str, Any]:
        return {
            "@context": "https://schema.org",
            "@type": "Organization",
            "name": site.name,
            "url": self._url + "/",
            "logo": self._url + "/logo.png",
            "email": "hej@vintergren.example",
            "address": {
                "@type": "PostalAddress",
                "streetAddress": "Frostvägen 4",
                "postalCode": "123 45",
                "addressLocality": "Vintergren",
                "addressCountry": "SE",
            },
        }

    def _picture(self, name: str, now: datetime) -> Answer | None:
        if name not in pictures.PICTURES:
            return None
        return Answer(pictures.jpeg(name), "image/jpeg", edition("sv", now.date()).updated)

    def _file(self, path: str, changed: datetime) -> Answer | None:
        if path == "/logo.png":
            return Answer(pictures.logo_png(), "image/png", changed)
        kinds = {"/logo.svg": "image/svg+xml", "/style.css": "text/css; charset=utf-8"}
        if path not in kinds:
            return None
        return Answer((HERE / path[1:]).read_bytes(), kinds[path], changed)


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD, with conditional requests."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        answer = self.server.pages.at(urlsplit(self.path).path, datetime.now(UTC))
        if answer is None:
            self._say(404, {"Content-Type": "text/plain; charset=utf-8"}, b"Not found\n")
            return
        headers = {
            "Content-Type": answer.content_type,
            "ETag": answer.etag,
            "Last-Modified": format_datetime(answer.changed, usegmt=True),
            "Cache-Control": "no-cache",
        }
        known = self.headers.get("If-None-Match", "")
        if answer.etag in (part.strip().removeprefix("W/") for part in known.split(",")):
            self._say(304, headers, b"")
        else:
            self._say(200, headers, answer.body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The demo tells its own story; requests to the sample site are no part of it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    pages: Pages


class SampleSite:
    """The site on loopback; a free port unless one is given. Ends with its `with` block."""

    def __init__(self, port: int = 0, subscribe_url: str = "#") -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.feed_url = self.url + "/feed.xml"
        self._server.pages = Pages(self.url, subscribe_url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(port: int, subscribe_url: str = "#") -> None:
    """Serve until SIGTERM or SIGINT; prints the address first. For the main thread only."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    with SampleSite(port, subscribe_url) as site:
        print(site.url, flush=True)
        stopped.wait()


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(description="Serve the sample site's news on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--subscribe-url", default="#", help="where the site's button leads")
    chosen = parser.parse_args()
    serve(chosen.port, chosen.subscribe_url)


if __name__ == "__main__":
    main()
