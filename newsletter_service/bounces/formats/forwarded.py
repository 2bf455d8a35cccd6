"""Reports that a person sent on, attached or in the text of a mail, with or without quote marks."""

from __future__ import annotations

import re

from newsletter_service.bounces.formats import mime, plain, prose

_SUBJECT = re.compile(
    r"^\s*(?:(?:re|sv|aw)\s*:\s*)?(?:fwd?|vb|vs|wg|tr|rv|i|enc|pd|doorst|vl|videresend|転送|转发|轉寄"
    r"|vidarebefordrat)\s*[:：]",
    re.I,
)
_SENDER = re.compile(r"^\*?(?:from|från|von|de|da|fra|van|差出人|发件人)\*?\s*[:：]\*?", re.I)
_HEADER = re.compile(r"^[A-Za-z-]{2,30}\s*:\s", re.I)
_QUOTE = re.compile(r"^(?:>\s?)+")
_LONGEST_OWN_WORDS = 600
_MOST_LINES = 2000


def unwrapped(message: mime.Part) -> mime.Part | None:
    """The report inside a forwarded mail, read as a message; None where there is none.

    Only where the subject says that it is one and the forwarder added little: who quotes a
    report in a letter of their own does not return it.
    """
    if not _SUBJECT.match(message.get_text("subject")[:300]):
        return None
    for part in message.walk():
        if part is not message and part.content_type in ("message/rfc822", "message/global"):
            inner = mime.read(part.content())
            return inner if plain.is_from_daemon(inner) else None
    return _pasted(prose.whole(message))


def _pasted(text: str) -> mime.Part | None:
    lines = [_QUOTE.sub("", line.lstrip("\ufeff")) for line in text.split("\n")[:_MOST_LINES]]
    start = next((n for n, line in enumerate(lines) if _names_daemon(line)), None)
    if start is None or len("".join(lines[:start])) > _LONGEST_OWN_WORDS:
        return None
    lines[start] = _SENDER.sub("From:", lines[start])
    while start and _HEADER.match(lines[start - 1]):
        start -= 1
    return mime.read("\n".join(lines[start:]).encode())


def _names_daemon(line: str) -> bool:
    return bool(_SENDER.match(line) and plain.DAEMON.search(line[:300]))
