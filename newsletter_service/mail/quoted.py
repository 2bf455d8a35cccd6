"""Quoted-printable without lines that begin with a dot, and values that stand on their own. Pure.

RFC 2045 section 6.7.
"""

import re
from binascii import b2a_qp

SOFT = b"=\r\n"
LONGEST_LINE = 76
_LONGEST_RUN = LONGEST_LINE - 1

_FORBIDDEN = re.compile(r"[\r\n\0]")
_PLAIN = bytes(byte for byte in range(ord("!"), ord("~") + 1) if byte != ord("="))


class BadValue(ValueError):
    """A reader's value would break the message; it names the value, never shows it."""


def value(name: str, text: str) -> bytes:
    """One reader's value, to stand between soft line breaks. Raises `BadValue`."""
    content = text.encode()
    first, second = content[:_LONGEST_RUN], content[_LONGEST_RUN:]
    dotted = content[:1] == b"." or second[:1] == b"."
    if len(second) <= _LONGEST_RUN and not dotted and not content.translate(None, _PLAIN):
        # nearly all: what follows would do the same
        return first + SOFT + second if second else first
    if _FORBIDDEN.search(text):
        raise BadValue(f"The value {name} holds a line break or a NUL.")
    return room_for_a_soft_break(quoted_printable(content))


def quoted_printable(content: bytes) -> bytes:
    """Encode; no line begins with a dot, so that SMTP need not double one in any copy."""
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    encoded = b2a_qp(content).replace(b"\n", b"\r\n")
    if not encoded.startswith(b".") and b"\r\n." not in encoded:
        return encoded
    return b"\r\n".join(map(_without_leading_dot, encoded.split(b"\r\n")))


def _without_leading_dot(line: bytes) -> bytes:
    if not line.startswith(b"."):
        return line
    line = b"=2E" + line[1:]
    if len(line) <= LONGEST_LINE:
        return line
    cut = LONGEST_LINE - 8
    while b"=" in line[cut - 2 : cut]:
        cut -= 1
    return line[:cut] + SOFT + _without_leading_dot(line[cut:])


def room_for_a_soft_break(encoded: bytes) -> bytes:
    """The same text, with a last line that the `=` of a soft break still fits on (R 2.15)."""
    if len(encoded.rpartition(b"\r\n")[2]) <= LONGEST_LINE - 1:
        return encoded
    last = 3 if encoded[-3:-2] == b"=" else 1
    return encoded[:-last] + SOFT + encoded[-last:]
