"""RSS 0.9x to 2.0, RDF and Atom, through lxml (mends and bounds) and feedparser (knows dialects).

feedparser falls back to slow guessing on broken XML, so it only ever gets what lxml wrote.
"""

import html
import io
import re
from datetime import UTC, datetime
from typing import Any

import feedparser
from lxml import etree  # type: ignore[import-untyped]

from newsletter_service.news.feed_item import FeedError, RawFeed, RawItem, moment_of

MAX_TEXT = 200_000
MAX_ATTRIBUTE = 4_000
MAX_PROLOGUE = 20_000
MAX_NODES = 150_000  # feedparser takes 30 µs for each

_ENTRY_NAMES = frozenset({"item", "entry"})
_ROOT_NAMES = frozenset({"rss", "rdf", "feed", "channel"})
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>", re.IGNORECASE)
# What stands before the first element; behind it, or in a comment, a DOCTYPE is only words.
_PROLOGUE = re.compile(
    r"<!--.*?(?:-->|\Z)|<!DOCTYPE[^\[>]{0,1000}(?P<doctype>[\[>])|(?P<element><[^\W\d])",
    re.I | re.S,
)
_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)(\w{1,32};)?")
_NUMBER = re.compile(r"&#(?:(\d{1,7})|x([0-9a-fA-F]{1,6}));?")
_LAST_CHARACTER = 0x10FFFF
_HTML_START = re.compile(
    r"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


# Every tag, past what only looks like one.
_TAG = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)"
    r"|<(?P<end>/?)(?P<name>[\w:.-]++)(?P<rest>[^<>]*+)>",  # gives nothing back: linear
    re.S,
)
_NO_MONTH = re.compile(r"\s*\d{4}-?(?:1[3-9]|[2-9]\d)")


def read(text: str, base_url: str, max_items: int) -> RawFeed:
    """Read XML into raw entries; raises FeedError for what is no feed."""
    if _HTML_START.match(text):
        raise FeedError("web_page", "The address shows a web page, not a feed.")
    try:
        mended = _bounded(_without_doctype(text), max_items)
    except UnicodeDecodeError as error:  # half a character that the parser let through
        raise FeedError("broken", "The feed is damaged and could not be read.") from error
    headers = {"content-type": "application/xml; charset=utf-8", "content-location": base_url}
    try:
        found = feedparser.parse(
            io.BytesIO(mended),
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
        return _raw_feed(found)
    except Exception as error:  # feedparser fails in many ways on values nobody foresaw
        raise FeedError("broken", "The feed could not be read.") from error


def _without_doctype(text: str) -> str:
    """Drop the declaration and a harmless DOCTYPE; refuse one that declares entities.

    RSS 0.91 names an external one, which is never fetched.
    """
    text = _DECLARATION.sub("", text.lstrip("\ufeff"), count=1)
    found = _PROLOGUE.finditer(text, 0, MAX_PROLOGUE)
    first = next((part for part in found if part["doctype"] or part["element"]), None)
    if first is None or first["element"]:
        return text
    if first["doctype"] == "[":
        raise _own_entities()
    return text[: first.start()] + text[first.end() :]


def _own_entities() -> FeedError:
    return FeedError("doctype", "The feed declares entities of its own, which is not accepted.")


def _bounded(text: str, max_items: int) -> bytes:
    """Well-formed XML with limited depth, number of entries and length of values."""
    text = _NUMBER.sub(_number, _CONTROL.sub("", text).replace("&#X", "&#x"))
    source = _with_known_entities(text).strip()
    start = source.find("<")
    if start < 0:
        raise FeedError("not_a_feed", "The address gives neither XML nor JSON.")
    root, is_whole = _tree(source[start:])
    if not is_whole:
        root, _whole = _tree(_without_stray_ends(source[start:]))
    if root is None or _name(root) not in _ROOT_NAMES:
        raise FeedError("not_a_feed", "The address gives XML that is not a feed.")
    if root.getroottree().docinfo.internalDTD is not None:
        raise _own_entities()
    if sum(1 for _node in root.iter()) > MAX_NODES:
        raise FeedError("too_large", "The feed has more parts than can be read.")
    if _is_cut(source):
        _drop_last(root)
    _shorten(root, max_items)
    _settle_guids(root)
    return bytes(etree.tostring(root, encoding="utf-8"))


def _tree(source: str) -> tuple[Any, bool]:
    """The tree, mended where it must be, and whether it need not."""
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(source.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FeedError("broken", "The feed is damaged and could not be read.") from error
    return root, not parser.error_log


def _without_stray_ends(source: str) -> str:
    """Without end tags that end nothing: the parser would take them for the end of the entry."""
    opened: dict[str, int] = {}

    def kept(match: re.Match[str]) -> str:
        name = match["name"]
        if not name or match["rest"].endswith("/"):
            return match[0]
        opened[name] = opened.get(name, 0) + (-1 if match["end"] else 1)
        if opened[name] >= 0:
            return match[0]
        opened[name] = 0
        return ""

    return _TAG.sub(kept, source)


def _is_cut(source: str) -> bool:
    """Whether the text ends within an entry, as when a download broke off."""
    tail = source[-MAX_TEXT:].lower()
    return any(tail.rfind(f"<{name}") > tail.rfind(f"</{name}") for name in _ENTRY_NAMES)


def _drop_last(root: Any) -> None:
    """Half an entry would stand beside the whole one once the feed is read again."""
    entries = [node for node in root.iter() if _name(node) in _ENTRY_NAMES]
    if len(entries) > 1 and entries[-1].getparent() is not None:
        entries[-1].getparent().remove(entries[-1])


def _with_known_entities(text: str) -> str:
    """HTML's named entities as characters and bare ampersands escaped, outside CDATA."""
    parts: list[str] = []
    place = 0
    while True:
        start = text.find("<![CDATA[", place)
        end = text.find("]]>", start) if start >= 0 else -1
        outside = text[place : start if end >= 0 else len(text)]
        parts.append(_AMPERSAND.sub(_entity, outside))
        if end < 0:
            return "".join(parts)
        parts.append(text[start : end + 3])
        place = end + 3


def _number(match: re.Match[str]) -> str:
    """A character by its number, nothing where XML has none: the parser would lose what follows."""
    code = int(match[1]) if match[1] else int(match[2], 16)
    return match[0] if code <= _LAST_CHARACTER and not _CONTROL.match(chr(code)) else ""


def _entity(match: re.Match[str]) -> str:
    name = match.group(1)
    known = html.unescape(match.group(0)) if name else ""
    if name and known != match.group(0) and "&" not in known and "<" not in known:
        return known
    return "&amp;" + (name or "")


def _settle_guids(root: Any) -> None:
    """A guid stands in for a missing link only where it is an address, whatever it claims."""
    for node in root.iter():
        is_address = (node.text or "").strip().startswith(("http://", "https://"))
        if _name(node) == "guid" and not is_address:
            node.set("isPermaLink", "false")


def _shorten(root: Any, max_items: int) -> None:
    entries = [node for node in root.iter() if _name(node) in _ENTRY_NAMES]
    for entry in reversed(entries[max_items:]):  # an inner one first: each is walked through
        parent = entry.getparent()
        if parent is not None:
            parent.remove(entry)
    for node in root.iter():
        if node.text and len(node.text) > MAX_TEXT:
            node.text = node.text[:MAX_TEXT]
        for name, value in list(node.attrib.items()):
            if len(value) > MAX_ATTRIBUTE:
                del node.attrib[name]


def _name(node: Any) -> str:
    tag = node.tag if isinstance(node.tag, str) else ""
    return tag.rpartition("}")[2].rpartition(":")[2].lower()


def _raw_feed(found: Any) -> RawFeed:
    version = str(found.get("version") or "")
    head = found.feed
    return RawFeed(
        kind="atom" if version.startswith("atom") else "rss",
        title=_text(head.get("title")),
        site_url=_text(head.get("link")),
        language=_text(head.get("language")) or _text(head.get("dc_language")),
        items=[_entry(entry, version.startswith("atom")) for entry in found.entries],
    )


def _entry(entry: Any, atom: bool) -> RawItem:
    contents = [part for part in entry.get("content") or [] if part.get("value")]
    content = max((_text(part.get("value")) for part in contents), key=len, default="")
    title = _text(entry.get("title"))
    plain = (entry.get("title_detail") or {}).get("type") == "text/plain"
    languages = [part.get("language") for part in [*contents, entry.get("title_detail") or {}]]
    return RawItem(
        guid=_text(entry.get("id")),
        url=_text(entry.get("link")),
        title=html.escape(title) if atom and plain else title,
        summary=_text(entry.get("summary")),
        content=content,
        images=_images(entry),
        published_at=_moment(entry, "published_parsed", "created_parsed", "updated_parsed"),
        tags=[_text(tag.get("term")) for tag in entry.get("tags") or []],
        language=_text(entry.get("language")) or next((lang for lang in languages if lang), None),
        starts=_first(entry, "ev_startdate", "xcal_dtstart", "startdate"),
        ends=_first(entry, "ev_enddate", "xcal_dtend", "enddate"),
        place=_first(entry, "ev_location", "xcal_location"),
    )


def _images(entry: Any) -> list[tuple[str, str]]:
    """Pictures that the entry names, the best first: its media, its enclosure, then thumbnails."""
    named: list[tuple[str, str]] = []
    alt = _text(entry.get("media_description"))
    for media in entry.get("media_content") or []:
        medium, kind = _text(media.get("medium")), _text(media.get("type"))
        if medium == "image" or kind.startswith("image/") or not (medium or kind):
            named.append((_text(media.get("url")), alt))
    for link in entry.get("links") or []:
        if link.get("rel") == "enclosure" and _text(link.get("type")).startswith("image/"):
            named.append((_text(link.get("href")), _text(link.get("title"))))
    for thumbnail in entry.get("media_thumbnail") or []:
        named.append((_text(thumbnail.get("url")), alt))
    picture = entry.get("image")
    named.append((_text(picture.get("href")) if isinstance(picture, dict) else "", ""))
    return [(url, alt) for url, alt in named if url]


def _moment(entry: Any, *names: str) -> datetime | None:
    for name in names:
        written = _text(dict.get(entry, name.removesuffix("_parsed")))
        if exact := moment_of(written):  # feedparser forgets the hours of a time without signs
            return exact
        parts = dict.get(entry, name)  # its own get would take one date for another
        if parts and not _NO_MONTH.match(written):
            try:
                year, month, day, hour, minute, second = parts[:6]
                return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
            except (ValueError, TypeError, OverflowError):
                continue
    return None


def _first(entry: Any, *names: str) -> str | None:
    return next((_text(entry.get(name)) for name in names if _text(entry.get(name))), None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
