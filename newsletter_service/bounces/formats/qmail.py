"""qmail's bounce messages (QSBMF) and those of its heirs.

A first paragraph that begins "Hi. This is the", then one paragraph per recipient, `<address>:`
and the reasons below it. (The format is described in qmail's own documentation as QSBMF.)
"""

from __future__ import annotations

import re

from newsletter_service.bounces.formats.report import RecipientReport

_OPENING = re.compile(r"^\s*(?:Hi\. |)This is the \S+", re.IGNORECASE)
_PARAGRAPH = re.compile(r"^\s*<([^<>\s]+@[^<>\s]+)>:\s*$|^\s*<([^<>\s]+@[^<>\s]+)>:\s+(\S.*)$")
_ADMIN = re.compile(r"^---? ")


def read(text: str) -> tuple[RecipientReport, ...] | None:
    """The recipients named in a QSBMF text, or None where it is not one."""
    lines = text.split("\n")
    opening = next((n for n, line in enumerate(lines[:12]) if _OPENING.match(line)), None)
    if opening is None:
        return None
    found: list[tuple[str, list[str]]] = []
    for line in lines[opening:]:
        if _ADMIN.match(line):
            break
        if match := _PARAGRAPH.match(line):
            found.append((match[1] or match[2], [match[3] or ""]))
        elif found and line.strip():
            found[-1][1].append(line.strip())
    return tuple(_recipient(address, words) for address, words in found[:200]) or None


def _recipient(address: str, words: list[str]) -> RecipientReport:
    return RecipientReport(final=address, diagnostic=" ".join(words).strip()[:2000])
