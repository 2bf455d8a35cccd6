"""Delivery status notifications: RFC 3464, and RFC 6533 for addresses beyond ASCII.

The machine-readable part is found by its type, or by its fields where the MIME around it is
broken. Only the report itself is read, never the message it returns.
"""

from __future__ import annotations

import re
from typing import cast

from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.formats.report import Action, RecipientReport

MAX_RECIPIENTS = 200
_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_FIRST_FIELD = re.compile(
    rb"^(?:Reporting-MTA|Final-Recipient|Original-Recipient)[ \t]*:", re.MULTILINE | re.IGNORECASE
)
_RETURNED_PART = re.compile(
    rb"^Content-Type:[ \t]*(?:message/rfc822|text/rfc822-headers|message/global)",
    re.MULTILINE | re.IGNORECASE,
)
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_ANGLE = re.compile(r"<([^<>\s]+@[^<>\s]+)>")

Fields = dict[str, str]


def read(message: mime.Part) -> tuple[RecipientReport, ...] | None:
    """The recipients of a delivery status notification, or None where this is not one."""
    for part in message.walk():
        if part.content_type in _TYPES:
            recipients = _recipients(part.content())
            if not recipients and part.parts:
                recipients = _recipients(part.body)
            if recipients:
                return recipients
    return _salvage(message)


def _salvage(message: mime.Part) -> tuple[RecipientReport, ...] | None:
    """Find the fields in a report whose types or boundaries are wrong."""
    declared = message.parameters.get("report-type", "").lower()
    if declared not in ("", "delivery-status") or message.is_returned:
        return None
    if not message.content_type.startswith(("multipart/report", "multipart/mixed", "multipart/mx")):
        return None
    body = message.body
    if returned := _RETURNED_PART.search(body):
        body = body[: returned.start()]
    first = _FIRST_FIELD.search(body)
    if first is None:
        return None
    return _recipients(body[first.start() :]) or None


def _recipients(body: bytes) -> tuple[RecipientReport, ...]:
    groups = _groups(body)
    found = [_recipient(group) for group in groups[:MAX_RECIPIENTS]]
    return tuple(report for report in found if report.address)


def _groups(body: bytes) -> list[Fields]:
    """One set of fields per recipient; a blank line too many does not tear one apart."""
    groups: list[Fields] = []
    current: Fields | None = None
    for name, value in _fields(body):
        starts = name in ("final-recipient", "original-recipient")
        if starts and (current is None or name in current):
            current = {}
            groups.append(current)
        if current is None:
            if name not in ("action", "status", "diagnostic-code"):
                continue
            current = {}
            groups.append(current)
        current.setdefault(name, value)
    return groups


def _fields(body: bytes) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for block in re.split(rb"\n[ \t]*\n", body[:200_000].strip()):
        fields.extend(mime.read_headers(block.lstrip(b"\n"))[0])
    return fields


def _recipient(fields: Fields) -> RecipientReport:
    status = _STATUS.search(fields.get("status", ""))
    return RecipientReport(
        original=_address(fields.get("original-recipient", "")),
        final=_address(fields.get("final-recipient", "")),
        action=_action(fields),
        status=status[0] if status else "",
        diagnostic=_diagnostic(fields.get("diagnostic-code", "")),
        remote_mta=fields.get("remote-mta", "").split(";")[-1].strip()[:255],
    )


def _action(fields: Fields) -> Action:
    words = re.split(r"[^a-z]+", fields.get("action", "").strip().lower(), maxsplit=1)
    if words[0] in _ACTIONS:
        return cast("Action", words[0])
    return "delivered" if fields.get("status", "").startswith("2") else "failed"


def _address(value: str) -> str:
    """The address of `rfc822; a@example.org` or `utf-8; \\x{E5}@example.org`."""
    kind, _, address = value.partition(";") if ";" in value else ("", "", value)
    if kind.strip().lower() == "system":
        return ""
    if "@" not in address:  # an encoded word inside an address is part of it (RFC 2047 5)
        address = mime.decode_words(address)
    if match := _ANGLE.search(address):
        address = match[1]
    if kind.strip().lower() == "utf-8":
        address = _UNICODE.sub(_character, address)
    address = address.strip().strip("<>'\"").strip()
    if address.startswith("@"):  # a source route, RFC 5321 appendix C
        address = address.partition(":")[2]
    if "@" not in address or len(address) > 320 or any(c.isspace() for c in address):
        return ""
    return address


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


def _diagnostic(value: str) -> str:
    kind, semicolon, text = value.partition(";")
    text = text if semicolon and re.fullmatch(r"\s*[\w.-]{1,30}\s*", kind) else value
    return mime.decode_words(text).strip()[:2000]
