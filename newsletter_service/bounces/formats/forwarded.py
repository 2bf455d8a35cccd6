"""Reports that a person forwarded in the text of a mail, with or without quote marks."""

from __future__ import annotations

import re

from newsletter_service.bounces.formats import mime

_SUBJECT = re.compile(r"^\s*(?:fwd?|vb|vs|wg|tr|rv|vidarebefordrat)\s*:", re.I)
_FROM_DAEMON = re.compile(
    r"^(?:from|från|von|de|fra)\s*:.*(?:mailer-daemon|postmaster|mail delivery|postfix)", re.I
)
_HEADER = re.compile(r"^[A-Za-z-]{2,30}\s*:\s", re.I)
_QUOTE = re.compile(r"^(?:>\s?)+")
_LONGEST_OWN_WORDS = 600
_MOST_LINES = 2000


def unwrapped(subject: str, text: str) -> mime.Part | None:
    """The report inside a forwarded mail, read as a message; None where there is none.

    Only where the subject says that it is one and the forwarder added little: who quotes a
    report in a letter of their own does not return it.
    """
    if not _SUBJECT.match(subject):
        return None
    lines = text.split("\n")[:_MOST_LINES]
    start = next((n for n, line in enumerate(lines) if _FROM_DAEMON.match(_bare(line))), None)
    if start is None or len("".join(lines[:start])) > _LONGEST_OWN_WORDS:
        return None
    while start and _HEADER.match(_bare(lines[start - 1])):
        start -= 1
    inner = "\n".join(_bare(line) for line in lines[start:])
    return mime.read(re.sub(r"^(?:från|von|de|fra)\s*:", "From:", inner, flags=re.I).encode())


def _bare(line: str) -> str:
    return _QUOTE.sub("", line)
