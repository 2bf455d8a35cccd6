"""Read a feed of any dialect: RSS 0.9x to 2.0, RDF, Atom, JSON Feed, WordPress posts."""

import codecs
import re
import zlib
from datetime import datetime

from newsletter_service.news import json_feed, xml_feed
from newsletter_service.news.feed_item import Feed, FeedError, FeedItem, finished

__all__ = ["Feed", "FeedError", "FeedItem", "parse"]

MAX_BYTES = 5_000_000
MAX_ITEMS = 300

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
# Those that the web knows (WHATWG Encoding), by Python's names.
_KNOWN_CHARSETS = frozenset(
    {
        *(f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))),
        *(f"cp{page}" for page in (866, 874, *range(1250, 1259))),
        *("koi8-r", "koi8-u", "mac-roman"),
        *("shift_jis", "euc_jp", "gbk", "gb2312", "gb18030", "big5", "euc_kr"),
    }
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.I)


def parse(body: bytes, content_type: str | None, base_url: str, *, now: datetime) -> Feed:
    """Read a fetched body; never raises anything but FeedError, in time bounded by the limits.

    `base_url` is where the body came from and completes relative links; `now` (aware) stands in
    for an entry's missing date where its text says "torsdag 3 december".
    """
    if len(body) > MAX_BYTES:
        raise FeedError("too_large", f"The feed is larger than {MAX_BYTES // 1_000_000} MB.")
    text = decoded(_unpacked(body), content_type).lstrip("\ufeff \t\r\n\0")
    if not text:
        raise FeedError("empty", "The feed is empty.")
    if text[0] in "[{":
        raw = json_feed.read(text, MAX_ITEMS)
    else:
        raw = xml_feed.read(text, base_url, MAX_ITEMS)
    return finished(raw, base_url, now)


def _unpacked(body: bytes) -> bytes:
    """A body that is a gzip file in itself, as some sites serve theirs, up to the limit."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        plain = unpacker.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise FeedError("broken", "The feed is damaged and could not be read.") from error
    if len(plain) > MAX_BYTES:
        raise FeedError("too_large", f"The feed is larger than {MAX_BYTES // 1_000_000} MB.")
    return plain


def decoded(body: bytes, content_type: str | None) -> str:
    """The text of a body whose charset may be missing or wrong; never fails.

    Bytes that are valid UTF-8 are UTF-8, whatever was declared: other charsets hardly ever look
    like it by chance.
    """
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return body.decode(charset, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(_declared_charset(body, content_type), "replace")


def _declared_charset(body: bytes, content_type: str | None) -> str:
    inside = _DECLARED.search(body[:500])
    outside = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", content_type or "", re.I)
    names = [inside.group(1).decode("ascii", "replace") if inside else ""]
    names.append(outside.group(1) if outside else "")
    for name in names:
        try:
            known = codecs.lookup(name).name if name else ""
        except LookupError:
            continue
        if known in _KNOWN_CHARSETS - {"iso8859-1"}:
            return known
        if known == "utf-8" and _mostly_utf8(body):
            return known
    return "cp1252"  # what is called Latin-1 on the web


def _mostly_utf8(body: bytes) -> bool:
    """Whether a few damaged bytes, a cut at the end perhaps, are all that speaks against UTF-8."""
    text = body.decode("utf-8", "replace")
    high = sum(character > "\x7f" for character in text)
    return text.count("\ufffd") * 4 < high
