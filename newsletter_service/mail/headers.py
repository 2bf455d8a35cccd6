"""Header lines: validated, encoded and folded once per edition.

RFC 5322 for lines, RFC 2047 for words outside ASCII, RFC 2369 and 2919 for the List- fields.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from newsletter_service.mail import clean

LONGEST_WORD = 75
LINE = 76

_FORBIDDEN = re.compile(r"[\r\n\0]")
_PLAIN = re.compile(r"[ -~]*")
_ATOM = re.compile(r"(?!=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,60}")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_IN_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@{_DOT_ATOM}>")
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_FEEDBACK_PART = re.compile(r"[A-Za-z0-9_-]*")
_SENDER_ID = re.compile(r"[A-Za-z0-9_-]{5,15}")
_URI = re.compile(r"(?:https?://|mailto:)[!-;=?-~]+")


class BadHeader(ValueError):
    """A value cannot stand in a header; the message names the header and says why."""


def checked(name: str, value: str) -> str:
    """Return the value; raise BadHeader if it would end or break the header (OWASP 1.3.11)."""
    if _FORBIDDEN.search(value):
        raise BadHeader(f"The value of {name} holds a line break or a NUL; remove it.")
    return value


def text(name: str, value: str) -> bytes:
    """Return an unstructured header such as Subject, with its line end."""
    value = clean.line(checked(name, value))
    if _PLAIN.fullmatch(value) and "=?" not in value and _breakable(value):
        return _line(name, _fold(value, len(name) + 2))
    return _line(name, encoded(value, len(name) + 2))


def mailbox(name: str, display: str, address: str) -> bytes:
    """Return a header that holds one mailbox; the address must have an A-label domain."""
    return _line(name, _named(name, display, address))


def listed(name: str, *uris: str) -> bytes:
    """Return a List- header: URIs in angle brackets, folded only between them (RFC 2369)."""
    for uri in uris:
        if not _URI.fullmatch(uri):
            raise BadHeader(f"{name} needs an https: or mailto: address without spaces.")
    return _line(name, ",\r\n ".join(f"<{uri}>" for uri in uris))


def list_id_line(display: str, identifier: str) -> bytes:
    """Return the List-Id header for an identifier made by `list_id` (RFC 2919)."""
    if not _LIST_ID.fullmatch(identifier) or len(identifier) > 255:
        raise BadHeader(f"{identifier!r} is no List-Id; use letters, digits and dots.")
    return _line("List-Id", _named("List-Id", display, identifier))


def fixed(name: str, value: str) -> bytes:
    """Return a header whose ASCII value stands as it is."""
    if not _PLAIN.fullmatch(checked(name, value)):
        raise BadHeader(f"The value of {name} must be ASCII.")
    return _line(name, value)


def message_id(token: str, domain: str) -> str:
    """Return a Message-ID with its angle brackets (RFC 5322 section 3.6.4)."""
    return checked_message_id(f"<{token}@{domain}>")


def checked_message_id(value: str) -> str:
    """Return the Message-ID; raise BadHeader if it is none."""
    if not _MESSAGE_ID.fullmatch(value):
        raise BadHeader("A Message-ID looks like <token@example.org>.")
    return value


def list_id(label: str, domain: str) -> str:
    """Return a list's identifier, which must never change while the list lives."""
    identifier = f"{label}.{domain}"
    if not _LIST_ID.fullmatch(identifier) or len(identifier) > 255:
        raise BadHeader(f"{identifier!r} is no List-Id; use letters, digits and dots.")
    return identifier


def feedback_id(issue: str, list_slug: str, kind: str, sender: str) -> str:
    """Return Gmail's Feedback-ID: three fields that name no reader, and the stable sender.

    Raises BadHeader when the sender is not 5 to 15 characters or a field repeats another.
    """
    fields = (issue, list_slug, kind)
    if not all(_FEEDBACK_PART.fullmatch(part) for part in fields):
        raise BadHeader("A field of Feedback-ID holds letters, digits, - and _ only.")
    if not _SENDER_ID.fullmatch(sender):
        raise BadHeader("The sender in Feedback-ID is 5 to 15 letters, digits, - and _.")
    given = [part for part in (*fields, sender) if part]
    if len(set(given)) != len(given):
        raise BadHeader("The fields of Feedback-ID must differ from one another.")
    return ":".join((*fields, sender))


def encoded(value: str, used: int) -> str:
    """Return RFC 2047 encoded-words of at most 75 characters, folded, no character split.

    ``used`` is how many columns of the first line are taken.
    """
    words: list[str] = []
    room = LINE - used - len("=?utf-8?q??=")
    current = ""
    for char in value:
        piece = _quoted(char)
        if len(current) + len(piece) > room and current:
            words.append(current)
            current, room = "", LONGEST_WORD - len("=?utf-8?q??=")
        current += piece
    words.append(current)
    return "\r\n ".join(f"=?utf-8?q?{word}?=" for word in words)


def _quoted(char: str) -> str:
    if char == " ":
        return "_"
    return "".join(
        chr(byte) if byte in _IN_WORD else f"={byte:02X}" for byte in char.encode("utf-8")
    )


def _named(name: str, display: str, inner: str) -> str:
    """Return ``phrase <inner>``."""
    display = clean.line(checked(name, display))
    if not _PLAIN.fullmatch(checked(name, inner)) or re.search(r"[<>\s]", inner):
        raise BadHeader(f"The address in {name} must be ASCII; write its domain as A-labels.")
    if not display:
        return f"<{inner}>" if name == "List-Id" else inner
    phrase = _phrase(display, len(name) + 2)
    last = len(phrase.rpartition("\r\n")[2]) + (0 if "\r\n" in phrase else len(name) + 2)
    return f"{phrase}{' ' if last + len(inner) + 3 <= LINE else chr(13) + chr(10) + ' '}<{inner}>"


def _phrase(display: str, used: int) -> str:
    if _PLAIN.fullmatch(display) and "=?" not in display and used + len(display) + 2 <= LINE:
        if _PHRASE.fullmatch(display):
            return display
        return '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    whole = encoded(display, used)
    return whole if "\r\n" not in whole else _fold(" ".join(_phrase_words(display, used)), used)


def _phrase_words(display: str, used: int) -> Iterator[str]:
    """Atoms as they are, and what stands between them as one encoded-word.

    Two encoded-words in a row are avoided where their length allows it: some parsers, Python's
    among them, show the space between them, which RFC 2047 section 6.2 says to drop.
    """
    for is_atom, words in groupby(display.split(" "), key=lambda word: bool(_ATOM.fullmatch(word))):
        if is_atom:
            yield from words
        else:
            yield from encoded(" ".join(words), used).split("\r\n ")


def _breakable(value: str) -> bool:
    return all(len(word) <= LINE - len("List-Unsubscribe: ") for word in value.split(" "))


def _fold(value: str, used: int) -> str:
    lines, current = [], ""
    for word in value.split(" "):
        if current and used + len(current) + 1 + len(word) > LINE:
            lines.append(current)
            current, used = word, 1
        else:
            current = f"{current} {word}" if current else word
    return "\r\n ".join([*lines, current])


def _line(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("ascii")
