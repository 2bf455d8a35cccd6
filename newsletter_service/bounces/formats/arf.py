"""Feedback reports: the Abuse Reporting Format of RFC 5965."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.formats.report import RecipientReport

_COMPLAINTS = frozenset(
    {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized"}
)
_FIELDS = re.compile(rb"^Feedback-Type[ \t]*:", re.IGNORECASE | re.MULTILINE)
_PROOF = re.compile(
    rb"^(?:User-Agent|Version|Original-Rcpt-To|Original-Mail-From|Source-IP)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST = 20_000
_OPERATOR = re.compile(r"\bstaff@hotmail\.|@[\w.-]{0,60}\bemail-abuse\.amazonses\.", re.IGNORECASE)
_ACCUSES = re.compile(r"complaint about (?:a )?message from", re.IGNORECASE)
LONGEST_TYPE = 64
_ADDRESS = re.compile(r"<?([^<>\s;,]+@[^<>\s;,]+)>?")


@dataclass(frozen=True, slots=True)
class Feedback:
    """`type` is the Feedback-Type in lower case; `is_complaint` tells which accuse."""

    type: str
    recipients: tuple[RecipientReport, ...]


def is_complaint(kind: str) -> bool:
    """False for not-spam, auth-failure and types unknown to us: they accuse nobody."""
    return kind in _COMPLAINTS


def read(message: mime.Part, returned: mime.Headers = ()) -> Feedback | None:
    """The feedback report in this message, or None.

    `returned` are the headers of the copy that came back: some leave the reader's address there.
    """
    for part in message.walk():
        if part.content_type == "message/feedback-report":
            return _feedback(mime.read_headers(part.content().lstrip(b"\n"))[0], returned)
    for part in message.walk():
        if part.is_returned:
            break
        if not part.parts and part.content_type in ("text/plain", "message/report"):
            body = part.content()[:_LONGEST].lstrip(b"\n")
            if _FIELDS.search(body) and _PROOF.search(body):
                return _feedback(mime.read_headers(body[_start(body) :])[0], returned)
    if returned and _is_operators_own(message):
        return Feedback("abuse", _recipients(returned, ("x-hmxmroriginalrecipient",)))
    return None


def _is_operators_own(message: mime.Part) -> bool:
    """A complaint in the shape of before the standard: a subject, and the copy attached."""
    sender, subject = message.get("from")[:300], message.get_text("subject")[:300]
    return bool(_OPERATOR.search(sender) and _ACCUSES.search(subject))


def _start(body: bytes) -> int:
    found = _FIELDS.search(body)
    return found.start() if found else 0


def _feedback(fields: mime.Headers, returned: mime.Headers) -> Feedback:
    types = [value for name, value in fields if name == "feedback-type"]
    kind = types[0].split(";")[0].strip().lower()[:LONGEST_TYPE] if types else ""
    named = _recipients(fields, ("original-rcpt-to", "removal-recipient"))
    return Feedback(kind, named or _recipients(returned, ("x-hmxmroriginalrecipient",)))


def _recipients(fields: mime.Headers, names: tuple[str, ...]) -> tuple[RecipientReport, ...]:
    addresses = [value for name, value in fields if name in names]
    found = [match[1] for value in addresses if (match := _ADDRESS.search(value))]
    return tuple(RecipientReport(original=address) for address in dict.fromkeys(found))[:200]
