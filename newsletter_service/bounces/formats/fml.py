"""FML, a Japanese list manager: it refuses a letter to a list and writes to its owner."""

from __future__ import annotations

import re

from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.formats.report import RecipientReport

_MESSAGE_ID = re.compile(r"<\d{8,14}\.FML[^\s@]{0,40}@")
_TROUBLE = re.compile(
    r"loop (?:alert|back warning)|duplicated message-id|loop condition|not member"
    r"|not a member|security alert|ignored",
    re.IGNORECASE,
)
_LIST = re.compile(r"<([^<>\s]{1,64}@[^<>\s]{1,255})>")


def read(message: mime.Part, text: str) -> tuple[RecipientReport, ...] | None:
    """The list that refused, or None where this is not FML's or tells of no trouble."""
    is_fml = _MESSAGE_ID.search(message.get("message-id")[:300])
    if not is_fml and not message.get("x-mlserver").lower().startswith("fml"):
        return None
    said = f"{message.get_text('subject')[:300]} {text[:2000]}"
    if not _TROUBLE.search(said):
        return None
    named = _LIST.search(text[:2000])
    owner = message.get("from").strip()
    address = named[1] if named else owner.replace("-admin@", "@")
    if "@" not in address:
        return None
    return (RecipientReport(final=address, diagnostic=" ".join(said.split())[:2000]),)
