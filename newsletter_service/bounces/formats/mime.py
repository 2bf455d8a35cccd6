"""A MIME reader for messages that may be broken or hostile.

Bounded where the standard library's is not: bytes, depth, parts and header lines have caps, and
each byte is looked at a fixed number of times. It never raises. Returned messages (message/rfc822
and its kin) are leaves: nothing here walks into them.
"""

from __future__ import annotations

import base64
import binascii
import html
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

MAX_BYTES = 1_000_000
MAX_DEPTH = 8
MAX_PARTS = 50
MAX_HEADERS = 300
MAX_VALUE = 8_000
MAX_TEXT = 60_000

RETURNED = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/global-headers",
        "message/partial",
        "text/rfc822-headers",
        "text/rfc822-header",
        "text/global-headers",
    }
)

Headers = tuple[tuple[str, str], ...]

_LINE_END = re.compile(rb"\r{1,2}\n|\r")  # some write CR twice
_FIELD = re.compile(r"([!-9;-~]{1,80})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER = re.compile(r';\s*([a-z0-9*-]{1,40})\s*=\s*(?:"([^"]{0,300})"|([^;\s"]{1,300}))', re.I)
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bqBQ]\?")
_ANY_BOUNDARY = re.compile(rb"^--([^\s]{1,200})[ \t]*\n(?=[Cc]ontent-)", re.MULTILINE)
_BARE_REPORT = re.compile(
    rb"^--[^\s]{1,200}[ \t]*\nContent-Type:[ \t]*message/delivery-status", re.MULTILINE | re.I
)
_LINE_BREAKING_TAG = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d|/td)\b[^<>]*>", re.I)
_TAG = re.compile(r"<[^<>]*>")
_STYLE = re.compile(r"<(style|script)\b[^<]*(?:<(?!/?(?:style|script)\b)[^<]*)*</\1>", re.I)


@dataclass(frozen=True, slots=True)
class Part:
    """A message or a part of one. `headers` keep their order, their values unfolded."""

    headers: Headers
    body: bytes
    content_type: str
    parameters: dict[str, str]
    parts: tuple[Part, ...] = ()

    def get(self, name: str) -> str:
        """The first header of this name (any case) as it stands, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def get_all(self, name: str) -> list[str]:
        """All headers of this lower-case name."""
        return [value for key, value in self.headers if key == name]

    def get_text(self, name: str) -> str:
        """The first header of this name with its encoded words decoded (RFC 2047)."""
        return decode_words(self.get(name))

    def walk(self) -> Iterator[Part]:
        """This part and those inside it, the outer first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def is_returned(self) -> bool:
        """True where the part holds the message, or its headers, that came back."""
        return self.content_type in RETURNED

    def content(self) -> bytes:
        """The body with its transfer encoding undone as far as it can be."""
        encoding = self.get("content-transfer-encoding").strip().lower()
        if encoding == "quoted-printable":
            return quopri.decodestring(self.body)
        if encoding == "base64":
            return _from_base64(self.body)
        return self.body

    def text(self) -> str:
        """The body as text, at most `MAX_TEXT` characters, HTML with its tags taken away."""
        content = self.content()[: MAX_TEXT * 4]
        text = decode(content, self.parameters.get("charset", ""))[:MAX_TEXT]
        if self.content_type == "text/html":
            return strip_tags(text)
        return text.replace("\r\n", "\n").replace("\r", "\n")


def read(raw: bytes) -> Part:
    """Read a whole message; what lies beyond `MAX_BYTES` is left unread."""
    return _read(_LINE_END.sub(b"\n", raw[:MAX_BYTES]).lstrip(b"\n"), 0, [MAX_PARTS])


def read_headers(raw: bytes) -> tuple[Headers, bytes]:
    """Split off the header lines; a line that is no header is skipped, not a reason to stop."""
    headers: list[tuple[str, str]] = []
    lines: list[bytes] = []
    at = 0
    for _ in range(MAX_HEADERS * 4):
        end = raw.find(b"\n", at)
        line, following = (raw[at:], len(raw)) if end < 0 else (raw[at:end], end + 1)
        if not line.strip() or line.startswith(b"--") or at >= len(raw):
            at = following if not line.strip() else at
            break
        if line[:1] in b" \t" and lines:
            lines[-1] = lines[-1][:MAX_VALUE] + b" " + line.strip()[:MAX_VALUE]
        else:
            lines.append(line[:MAX_VALUE])
        at = following
    for line in lines[:MAX_HEADERS]:
        if match := _FIELD.match(decode(line, "")):
            headers.append((match[1].lower(), match[2].strip()))
    return tuple(headers), raw[at:]


def decode(raw: bytes, charset: str) -> str:
    """Bytes to text: the charset named, else UTF-8, else Latin-1."""
    for candidate in (charset, "utf-8"):
        if not candidate:
            continue
        try:
            return raw.decode(candidate)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def decode_words(value: str) -> str:
    """Decode the encoded words of a header value; what cannot be decoded stays as it is."""
    if not _ENCODED_WORD.search(value):
        return value
    try:
        pieces = decode_header(value[:MAX_VALUE])
    except (HeaderParseError, ValueError, binascii.Error):
        return value
    return "".join(
        piece if isinstance(piece, str) else decode(piece, charset or "")
        for piece, charset in pieces
    )


def strip_tags(text: str) -> str:
    """The words of an HTML text, a line for each block."""
    text = _STYLE.sub(" ", text.replace("\r", ""))
    text = _TAG.sub("", _LINE_BREAKING_TAG.sub("\n", text))
    return html.unescape(text).replace("\xa0", " ")


def _read(raw: bytes, depth: int, budget: list[int]) -> Part:
    headers, body = read_headers(raw)
    header = next((value for name, value in headers if name == "content-type"), "")
    content_type = header.split(";", 1)[0].strip().lower() or "text/plain"
    parameters = {
        match[1].lower(): match[2] if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(header)
    }
    if depth == 0 and not header and _BARE_REPORT.search(body):
        content_type = "multipart/mixed"  # a relay dropped the header and left the parts
    parts: list[Part] = []
    if content_type.startswith("multipart/") and depth < MAX_DEPTH:
        for piece in _split(body, parameters.get("boundary", "")):
            if budget[0] <= 0:
                break
            budget[0] -= 1
            parts.append(_read(piece, depth + 1, budget))
    return Part(headers, body, content_type, parameters, tuple(parts))


def _split(body: bytes, boundary: str) -> Iterator[bytes]:
    """The parts between the boundary lines; a boundary that never occurs is guessed."""
    delimiter = boundary.rstrip().encode("utf-8", "replace")
    if not delimiter or b"--" + delimiter not in body:
        guess = _ANY_BOUNDARY.search(body)
        if guess is None:
            return
        delimiter = guess[1]
    pattern = rb"^--" + re.escape(delimiter) + rb"(--)?[ \t]*$\n?"
    marks = re.finditer(pattern, body, re.MULTILINE)
    start = None
    for mark in marks:
        if start is not None:
            yield body[start : mark.start()]
        start = None if mark[1] else mark.end()
        if mark[1]:
            return
    if start is not None:
        yield body[start:]


def _from_base64(body: bytes) -> bytes:
    kept = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    try:
        return base64.b64decode(kept + b"=" * (-len(kept) % 4))
    except (binascii.Error, ValueError):
        return body
