"""Read any message that came back: one door, the formats behind it."""

from __future__ import annotations

import re
from dataclasses import replace

from newsletter_service.bounces.formats import (
    arf,
    autoreply,
    exim,
    fml,
    forwarded,
    mime,
    plain,
    prose,
    qmail,
    rfc3464,
    sns,
)
from newsletter_service.bounces.formats.report import RecipientReport, Report

__all__ = ["RecipientReport", "Report", "parse"]

_ENVELOPE = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_LOCAL_PART = re.compile(r"([A-Za-z0-9+=._-]{1,64})@[A-Za-z0-9.-]")
_MAX_TOKENS = 40


def parse(raw: bytes) -> Report:
    """What this message reports.

    Time and memory are bounded whatever the bytes are, and nothing is raised: what cannot be
    read is `not-a-bounce`. A report whose recipients all got the message is that too.
    """
    message = mime.read(raw)
    headers = prose.returned(message)
    report = _recognise(message, headers)
    return replace(
        report,
        returned_message_id=prose.message_id(message, headers),
        returned_headers=headers,
        tokens=_tokens(message),
        auto_submitted=message.get("auto-submitted").strip().lower()[:80],
    )


def _recognise(
    message: mime.Part, returned: mime.Headers, *, may_be_forwarded: bool = True
) -> Report:
    """The formats in order: the machine-readable first, plain words last."""
    feedback = arf.read(message, returned)
    if feedback is not None:
        return _of_feedback(feedback.type, feedback.recipients, "arf")
    text = prose.of(message)
    notified = sns.read(text)
    if notified is not None:
        return _of_notification(notified, text)
    recipients = rfc3464.read(message)
    if recipients is not None:
        return _of_recipients(recipients, text, "rfc3464")
    recipients = qmail.read(text)
    if recipients is not None:
        return _of_recipients(recipients, text, "qmail")
    by_daemon = bool(message.get("x-failed-recipients")) or plain.is_from_daemon(message)
    if autoreply.is_auto_reply(message) and not by_daemon:
        return Report("auto-reply", explanation=text[:500], format="autoreply")
    recipients = exim.read(message, text) if by_daemon else None
    if recipients is not None:
        return _of_recipients(recipients, text, "exim")
    recipients = fml.read(message, text)
    if recipients is not None:
        return _of_recipients(recipients, text, "fml")
    inner = forwarded.unwrapped(message) if may_be_forwarded and not by_daemon else None
    if inner is not None:
        return _of_forwarded(inner)
    recipients = plain.read(message, text, returned)
    if recipients is not None:
        return _of_recipients(recipients, text, "plain")
    if autoreply.is_auto_reply(message):
        return Report("auto-reply", explanation=text[:500], format="autoreply")
    return Report("not-a-bounce")


def _of_recipients(recipients: tuple[RecipientReport, ...], text: str, name: str) -> Report:
    troubled = any(recipient.is_trouble for recipient in recipients) or not recipients
    return Report(
        "bounce" if troubled else "not-a-bounce", recipients, text[:6000].strip(), format=name
    )


def _tokens(message: mime.Part) -> tuple[str, ...]:
    found = [
        match[1].lower()
        for name in _ENVELOPE
        for value in message.get_all(name)[:10]
        for match in _LOCAL_PART.finditer(value[:2000])
    ]
    return tuple(dict.fromkeys(found))[:_MAX_TOKENS]


def _of_feedback(kind: str, recipients: tuple[RecipientReport, ...], name: str) -> Report:
    complains = arf.is_complaint(kind)
    return Report(
        "complaint" if complains else "not-a-bounce", recipients, feedback_type=kind, format=name
    )


def _of_notification(notified: sns.Notification, text: str) -> Report:
    if notified.kind == "complaint":
        return _of_feedback(notified.feedback_type, notified.recipients, "sns")
    if notified.kind == "bounce":
        return _of_recipients(notified.recipients, "", "sns")
    return Report("not-a-bounce", explanation=text[:500], format="sns")


def _of_forwarded(inner: mime.Part) -> Report:
    """The report that a person sent on, if it is one that names somebody."""
    found = _recognise(inner, prose.returned(inner), may_be_forwarded=False)
    is_report = found.kind == "bounce" and found.recipients
    return replace(found, format="forwarded") if is_report else Report("not-a-bounce")
