"""Feedback reports: the Abuse Reporting Format of RFC 5965."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.formats.report import RecipientReport

_COMPLAINTS = frozenset(
    {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized"}
)
LONGEST_TYPE = 64
_ADDRESS = re.compile(r"<?([^<>\s;,]+@[^<>\s;,]+)>?")


@dataclass(frozen=True, slots=True)
class Feedback:
    """`type` is the Feedback-Type in lower case; only some types are complaints."""

    type: str
    recipients: tuple[RecipientReport, ...]

    @property
    def is_complaint(self) -> bool:
        """False for not-spam, auth-failure and types unknown to us: they accuse nobody."""
        return self.type in _COMPLAINTS


def read(message: mime.Part) -> Feedback | None:
    """The feedback report in this message, or None."""
    for part in message.walk():
        if part.content_type == "message/feedback-report":
            fields = mime.read_headers(part.content().lstrip(b"\n"))[0]
            return _feedback(fields)
    return None


def _feedback(fields: mime.Headers) -> Feedback:
    types = [value for name, value in fields if name == "feedback-type"]
    addresses = [value for name, value in fields if name == "original-rcpt-to"]
    found = [match[1] for value in addresses if (match := _ADDRESS.search(value))]
    kind = types[0].split(";")[0].strip().lower()[:LONGEST_TYPE] if types else ""
    recipients = tuple(RecipientReport(original=address) for address in dict.fromkeys(found))
    return Feedback(kind, recipients[:200])
