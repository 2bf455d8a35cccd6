"""Text made fit for mail: one spelling of every character, nothing that hides or turns around."""

import re
import unicodedata

# C0 and C1 controls but tab and newline, bidi overrides and isolates, lone surrogates.
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Characters without width; the joiner stays where it holds an emoji together.
_WITHOUT_WIDTH = re.compile(
    r"[\u00ad\u180e\u200b\u200c\u200e\u200f\u2060-\u2064\ufeff]"
    r"|(?<![\u2190-\U0010ffff])\u200d|\u200d(?![\u2190-\U0010ffff])"
)

# What ends a line or a header, in any encoding that a mail passes through.
_LINE_BREAKERS = re.compile(r"[\n\r\u2028\u2029]")


def is_harmless(value: str, *, lines: bool = False) -> bool:
    """Whether a text holds nothing that `text` would drop and, without `lines`, no line break.

    A form says so at its field; what comes from elsewhere is cleaned instead.
    """
    if lines:
        value = value.replace("\r\n", "\n").replace("\n", "")
    return not (_HARMFUL.search(value) or _LINE_BREAKERS.search(value))


def text(value: str) -> str:
    """Return running text: NFC, newlines as LF, no control characters or bidi overrides."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _HARMFUL.sub("", value))


def line(value: str) -> str:
    """Return text for one line, as in a subject or a name: also no characters without width."""
    return " ".join(_WITHOUT_WIDTH.sub("", text(value)).split())
