"""Exim's bounce and warning messages, and those of services that write like it.

The failed addresses stand in `X-Failed-Recipients` and, indented, in the text with the reasons
below each. Mails warning of a delay have the same shape.
"""

from __future__ import annotations

import re

from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.formats.report import Action, RecipientReport

_OPENING = re.compile(
    r"A message that you (?:have )?sent|This message was created automatically by mail delivery"
    r"|Delivery to the following recipients?|could not be delivered to (?:one|some|all)",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"has not (?:yet )?been delivered|will continue to (?:try|attempt)|message is delayed"
    r"|will be retried|temporary problem|no action is required on your part",
    re.IGNORECASE,
)
_LINE = re.compile(
    r"^\s{0,8}[<\"']*([^<>\s,;()\"']+@[^<>\s,;()\"']+?)[>\"']*:?\s*(?:\(.{0,200}\))?\s*$"
)
_ADDRESS = re.compile(r"[^<>\s,;\"']+@[^<>\s,;\"']+")


def read(message: mime.Part, text: str) -> tuple[RecipientReport, ...] | None:
    """The recipients named in Exim's way, or None where neither header nor opening is there."""
    header = ",".join(message.get_all("x-failed-recipients"))
    named = list(dict.fromkeys(_ADDRESS.findall(mime.decode_words(header))))
    opening = _OPENING.search(text)
    if opening is None and not named:
        return None
    sections = _sections(text[opening.start() :] if opening else text)
    addresses = named or list(sections)
    if not addresses:
        return None
    whole = (
        " ".join(text[opening.end() :].split())[:2000] if opening and len(addresses) == 1 else ""
    )
    action: Action = "delayed" if not named and _DELAY.search(text) else "failed"
    return tuple(
        RecipientReport(
            final=address,
            action=action,
            diagnostic=sections.get(address.lower(), "") or whole,
        )
        for address in addresses[:200]
    )


def _sections(text: str) -> dict[str, str]:
    """Each address that stands alone on a line, with the words below it."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.split("\n"):
        if match := _LINE.match(line):
            current = found.setdefault(match[1].lower(), [])
        elif current is not None and line.strip():
            current.append(line.strip())
    return {address: " ".join(words)[:2000] for address, words in found.items()}
