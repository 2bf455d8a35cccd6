"""`newsletter archive`: the open archives as files, for a site that only serves files.

The pages are asked of the service itself, so the files are what visitors see; what leads from one
to another is made relative, and everything else leads to the service.
"""

import html
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import click
from flask.testing import FlaskClient

from newsletter_service.cli.door import Door, fail
from newsletter_service.issues import archive
from newsletter_service.settings import current

_PLACE = re.compile(r'(?P<before>\s(?:href|src)=")(?P<place>[^"#?]+)(?P<after>[^"]*")')
_HEAD_LINK = re.compile(r'<(?:link rel="(?:canonical|alternate)"|meta )[^>]*>')
_FOLDERS = {"sv": "arkiv", "en": "archive"}


@click.group("archive")
def group() -> None:
    """Open archives."""


@group.command("export")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--list", "slug", default="", help="Only this newsletter, by its slug.")
@click.option("--site", default="", help="Where the files will be, for canonical addresses.")
@click.pass_obj
def export(door: Door, directory: Path, slug: str, site: str) -> None:
    """Write every open archive as files: pages, feeds and what they need. Overwrites."""
    app = door.pages
    with app.app_context():
        base = current().base_url
        listed = [each for each in archive.open_newsletters() if slug in ("", each.slug)]
        starts = [f"/{_FOLDERS[locale]}/{each.slug}" for each in listed for locale in each.locales]
    if not starts:
        fail("No archive is open. Open one in the desk: Inställningar, Öppet arkiv.")
    written = _Site(app.test_client(), base, site.rstrip("/") or base, tuple(starts))
    number = written.write(directory)
    if not number:
        fail("Nothing was written: the service answers none of its archive's pages; see its log.")
    click.echo(f"{number} files in {directory}.")


class _Site:
    """The pages under some addresses, and the files that they need."""

    def __init__(self, client: FlaskClient, base: str, site: str, starts: tuple[str, ...]) -> None:
        self._client, self._base, self._site, self._starts = client, base, site, starts
        self._kept: dict[str, tuple[str, bytes]] = {}

    def write(self, directory: Path) -> int:
        """Write them all; how many files there are."""
        self._fetch()
        for place, (kind, body) in self._kept.items():
            target = directory / _file(place, kind).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._ours(place, kind, body))
        return len(self._kept)

    def _fetch(self) -> None:
        waiting = [*self._starts, *(f"{start}/rss.xml" for start in self._starts)]
        while waiting:
            place = waiting.pop()
            if place in self._kept:
                continue
            answer = self._client.get(
                place, base_url=self._base, environ_overrides={"newsletter.static": True}
            )
            if answer.status_code != 200:
                continue
            self._kept[place] = answer.mimetype or "", answer.data
            if answer.mimetype == "text/html":
                waiting += self._needed(answer.text)

    def _needed(self, page: str) -> Iterator[str]:
        for match in _PLACE.finditer(page):
            place = self._path(html.unescape(match["place"]))
            files = place.startswith(("/static/", "/bild/")) or place == "/brand.css"
            if files or any(place == one or place.startswith(one + "/") for one in self._starts):
                yield place

    def _path(self, address: str) -> str:
        """An address on the service as its path; any other stays."""
        return address.removeprefix(self._base) or "/"

    def _ours(self, place: str, kind: str, body: bytes) -> bytes:
        """A page whose links find the other files, and the service for what is not among them."""
        if kind not in ("text/html", "application/rss+xml"):
            return body
        text = body.decode()
        for start in self._starts:
            text = re.sub(
                rf"(?<=[\"'>]){re.escape(self._base + start)}(?=[/\"'<])", self._site + start, text
            )
        if kind != "text/html":
            return text.encode()
        here = posixpath.dirname(_file(place, kind))

        def lead(match: re.Match[str]) -> str:
            address = html.unescape(match["place"])
            path = address.removeprefix(self._site).removeprefix(self._base) or "/"
            if path in self._kept:
                found = posixpath.relpath(_file(path, self._kept[path][0]), here)
            else:
                found = self._base + path if address.startswith("/") else address
            return match["before"] + html.escape(found) + match["after"]

        heads = iter(_HEAD_LINK.findall(text))
        parts = _HEAD_LINK.split(text)
        made = [_PLACE.sub(lead, parts[0])]
        for part in parts[1:]:
            made += [next(heads), _PLACE.sub(lead, part)]
        return "".join(made).encode()


def _file(place: str, kind: str) -> str:
    return f"{place}/index.html" if kind == "text/html" else place
