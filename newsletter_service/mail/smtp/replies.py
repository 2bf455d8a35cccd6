"""SMTP replies: reading them from bytes and saying what class they fall in (pure).

RFC 5321 section 4.2 gives the form, RFC 2034 and 3463 the enhanced codes.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

MAX_REPLY_BYTES = 64 * 1024

_SHORT = 200
_GO_AHEAD = 354

_LINE = re.compile(rb"([1-5][0-9][0-9])(?:([ -])(.*))?\Z", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|\Z)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Phase(StrEnum):
    """Where in a session something happened; DOT is the time after the final dot."""

    CONNECT = "connect"
    TLS = "tls"
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    RSET = "rset"
    NOOP = "noop"
    QUIT = "quit"


class Outcome(StrEnum):
    """What a reply asks for: the last two are about the relay or us, never about a reader."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    RELAY_BUSY = "relay_busy"
    RELAY_AUTH = "relay_auth"


class GarbageReplyError(ValueError):
    """What the server said is not an SMTP reply; the session can't be trusted any more."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply.

    `lines` are the texts as sent, `text` the same in one line without the enhanced code.
    """

    code: int
    lines: tuple[str, ...]
    enhanced: str | None
    text: str

    @property
    def ok(self) -> bool:
        """Whether the reply is any 2yz (R 2.31: also 252)."""
        return 200 <= self.code <= 299

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)

    @classmethod
    def of(cls, code: int, lines: tuple[str, ...] = ()) -> "Reply":
        """Build a reply from its code and texts; an enhanced code counts if its class agrees."""
        clean = tuple(_CONTROL.sub("", line) for line in lines)
        first = next(iter(clean), "")
        match = _ENHANCED.match(first)
        if match is None or match[1][0] != str(code)[0]:
            return cls(code, clean, None, _joined(clean))
        enhanced = match[1]
        texts = [line.removeprefix(enhanced).strip() for line in clean]
        return cls(code, clean, enhanced, _joined(texts))


def _joined(lines: tuple[str, ...] | list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())


class ReplyReader:
    """Collects bytes in pieces of any size and gives back whole replies."""

    def __init__(self) -> None:
        self._bytes = b""
        self._code = 0
        self._lines: list[str] = []
        self._size = 0

    @property
    def pending(self) -> bool:
        """Whether anything was received that is not yet part of a reply given back."""
        return bool(self._bytes or self._lines)

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._bytes = self._bytes + data if self._bytes else data

    def next(self) -> Reply | None:
        """Return the next whole reply, or None if more bytes are needed.

        Raises GarbageReplyError for what is not a reply, and for one without end.
        """
        while (end := self._bytes.find(b"\n")) >= 0:
            if not self._lines and end <= _SHORT and self._bytes[3:4] == b" ":
                line = self._bytes[:end]
                self._bytes = self._bytes[end + 1 :]
                return _one_line(line)
            line = self._bytes[:end].removesuffix(b"\r")
            self._bytes = self._bytes[end + 1 :]
            self._count(end + 1)
            if self._take(line):
                return self._finish()
        self._count(0, waiting=len(self._bytes))
        return None

    def envelope_taken(self) -> bool:
        """Whether three whole ones are here, no more, that take MAIL, RCPT and DATA: then read."""
        if self._lines or not 0 < len(self._bytes) <= _SHORT or not _is_taken(self._bytes):
            return False
        self._bytes = b""
        return True

    def _count(self, size: int, waiting: int = 0) -> None:
        self._size += size
        if self._size + waiting > MAX_REPLY_BYTES:
            raise GarbageReplyError(f"The reply is longer than {MAX_REPLY_BYTES} bytes.")

    def _take(self, line: bytes) -> bool:
        match = _LINE.match(line)
        if match is None:
            raise GarbageReplyError(f"This is not an SMTP reply: {_shown(line)}")
        code = int(match[1])
        if self._lines and code != self._code:
            raise GarbageReplyError(f"The lines of one reply say both {self._code} and {code}.")
        self._code = code
        self._lines.append((match[3] or b"").decode("utf-8", "replace"))
        return match[2] != b"-"

    def _finish(self) -> Reply:
        reply = Reply.of(self._code, tuple(self._lines))
        self._lines, self._size = [], 0
        return reply


@lru_cache(maxsize=32)
def _is_taken(said: bytes) -> bool:
    """Relays say these three in the same words for each message."""
    reader = ReplyReader()
    reader.feed(said)
    try:
        mail, rcpt, data = (reader.next() for _ in range(3))
    except GarbageReplyError:
        return False
    if mail is None or rcpt is None or data is None or reader.pending:
        return False
    return mail.ok and rcpt.ok and data.code == _GO_AHEAD


@lru_cache(maxsize=128)
def _one_line(line: bytes) -> Reply:
    """A reply of one line; relays say the same ones again and again."""
    match = _LINE.match(line.removesuffix(b"\r"))
    if match is None:
        raise GarbageReplyError(f"This is not an SMTP reply: {_shown(line)}")
    return Reply.of(int(match[1]), ((match[3] or b"").decode("utf-8", "replace"),))


def _shown(line: bytes) -> str:
    return ascii(line[:80].decode("latin-1"))


def outcome(reply: Reply, phase: Phase) -> Outcome:
    """Say what a reply in this phase asks for (R 2.31 to 2.33, 2.41).

    A positive reply of the wrong kind, as 250 to DATA, counts as temporary.
    """
    if reply.code == 421:
        return Outcome.RELAY_BUSY
    if _is_about_our_log_in(reply, phase):
        return Outcome.RELAY_AUTH
    if reply.code == 354 if phase is Phase.DATA else reply.ok:
        return Outcome.ACCEPTED
    if reply.code < 500 or (reply.code == 552 and phase is Phase.RCPT):
        return Outcome.TEMPORARY
    return Outcome.PERMANENT


def _is_about_our_log_in(reply: Reply, phase: Phase) -> bool:
    if phase is Phase.AUTH:
        return reply.code >= 500
    return reply.code in (530, 534, 535, 538) or reply.enhanced == "5.7.8"
