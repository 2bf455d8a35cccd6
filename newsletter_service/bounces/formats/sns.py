"""What Amazon SES tells by mail, through an SNS topic: its JSON as the text of the message.

The forms are those of SES's developer guide, "Amazon SNS notification contents".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from newsletter_service.bounces.formats.report import Action, RecipientReport

_START = re.compile(r"\{\s*\"[A-Za-z]{1,30}\"\s*:")
_MARK = re.compile(r"\"(?:notificationType|eventType)\"")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
# What SES itself says where it gives no status.
_STATUS_OF = {
    "NoEmail": "5.1.1",
    "Suppressed": "5.1.1",
    "OnAccountSuppressionList": "5.1.1",
    "MailboxFull": "5.2.2",
    "MessageTooLarge": "5.3.4",
    "ContentRejected": "5.6.0",
    "AttachmentRejected": "5.6.0",
}
_MOST = 200


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification; `feedback_type` is set for complaints only."""

    kind: Literal["bounce", "complaint", "other"]
    recipients: tuple[RecipientReport, ...] = ()
    feedback_type: str = ""


def read(text: str) -> Notification | None:
    """The notification in this text, or None where there is none."""
    if not _MARK.search(text):
        return None
    told = _json(text)
    name = str(told.get("notificationType") or told.get("eventType") or "")
    if name == "Bounce":
        bounce = _mapping(told.get("bounce"))
        return Notification("bounce", tuple(_bounced(bounce)))
    if name == "Complaint":
        complaint = _mapping(told.get("complaint"))
        addresses = _addresses(complaint.get("complainedRecipients"))
        kind = str(complaint.get("complaintFeedbackType") or "abuse").lower()[:64]
        return Notification(
            "complaint", tuple(RecipientReport(original=a) for a in addresses), kind
        )
    return Notification("other") if name else None


def _json(text: str) -> Mapping[str, Any]:
    """The object that begins in the text, also where lines were broken inside its words."""
    begun = _START.search(text)
    if begun is None:
        return {}
    for candidate in (text[begun.start() :], text[begun.start() :].replace("\n", "")):
        try:
            return _mapping(json.JSONDecoder(strict=False).raw_decode(candidate)[0])
        except (ValueError, RecursionError):
            continue
    return {}


def _bounced(bounce: Mapping[str, Any]) -> list[RecipientReport]:
    kind, subkind = str(bounce.get("bounceType")), str(bounce.get("bounceSubType"))
    return [
        _recipient(each, kind, subkind)
        for each in _list(bounce.get("bouncedRecipients"))
        if _address(each)
    ]


def _recipient(told: Mapping[str, Any], kind: str, subkind: str) -> RecipientReport:
    """One recipient; where SES says "transient" and no more, an automatic reply may have come."""
    said = str(told.get("diagnosticCode") or "")
    kept, _, words = said.partition(";")
    words = words if kept.strip().lower() in ("smtp", "x-unix", "dns") else said
    status = _STATUS.search(str(told.get("status") or ""))
    known = status[0] if status else _STATUS_OF.get(subkind, "")
    if not (known or words):
        known = "5.2.1" if kind == "Permanent" else ""
    waits = told.get("action") == "delayed" or (kind == "Transient" and not (known or words))
    action: Action = "delayed" if waits else "failed"
    return RecipientReport(
        final=_address(told), action=action, status=known, diagnostic=words.strip()[:2000]
    )


def _addresses(value: object) -> list[str]:
    return [address for each in _list(value) if (address := _address(each))]


def _address(told: Mapping[str, Any]) -> str:
    address = str(told.get("emailAddress") or "").strip()
    return address if "@" in address and len(address) <= 320 else ""


def _list(value: object) -> list[Mapping[str, Any]]:
    return [_mapping(each) for each in value[:_MOST]] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
