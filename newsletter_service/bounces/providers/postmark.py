"""Postmark: one event, not signed: a password in the address or a header proves it."""

from collections.abc import Mapping
from typing import Any

from newsletter_service.bounces.providers import incoming
from newsletter_service.bounces.providers.incoming import Provider, prove_by_password
from newsletter_service.bounces.providers.said import Said, failure, other
from newsletter_service.verdict_rules import Meaning

# Postmark's types of bounce; those that are not here are no failures.
_TYPES = {
    "HardBounce": Meaning.HARD,
    "BadEmailAddress": Meaning.HARD,
    "SoftBounce": Meaning.TRANSIENT,
    "Transient": Meaning.TRANSIENT,
    "DnsError": Meaning.TRANSIENT,
    "Unknown": Meaning.UNKNOWN,
    "SpamNotification": Meaning.SENDER,
    "Blocked": Meaning.SENDER,
    "DMARCPolicy": Meaning.SENDER,
    "VirusNotification": Meaning.MESSAGE,
    "TemplateRenderingFailed": Meaning.CONFIG,
    "SMTPApiError": Meaning.CONFIG,
}
_STILL_TRYING = {"Transient", "DnsError"}
_OF_REASON = {"HardBounce": Meaning.HARD}


def _split(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    event = incoming.mapping(incoming.parsed(body))
    kind = incoming.words(event.get("RecordType"), 32)
    parts = [kind, *(incoming.words(event.get(n), 64) for n in ("ID", "MessageID", "ChangedAt"))]
    return [("/".join(parts)[: incoming.LONGEST_KEY], event)]


def _read(event: Mapping[str, Any]) -> Said:
    kind = incoming.words(event.get("RecordType"), 64)
    if kind == "Bounce":
        return _bounce(event, incoming.words(event.get("Type"), 64))
    if kind == "SpamComplaint":
        return Said("complaint", kind, incoming.iso_moment(event.get("BouncedAt")))
    if kind == "Delivery":
        return Said("delivered", kind, incoming.iso_moment(event.get("DeliveredAt")))
    if kind == "SubscriptionChange" and event.get("SuppressSending") is True:
        return _suppressed(event, incoming.iso_moment(event.get("ChangedAt")))
    return other(kind)


def _bounce(event: Mapping[str, Any], name: str) -> Said:
    at = incoming.iso_moment(event.get("BouncedAt"))
    if name == "SpamComplaint":
        return Said("complaint", name, at)
    if name not in _TYPES:
        return other(name)
    text = incoming.words(event.get("Details")) or incoming.words(event.get("Description"))
    return failure(name, at, text=text, says=_TYPES[name], final=name not in _STILL_TRYING)


def _suppressed(event: Mapping[str, Any], at: Any) -> Said:
    reason = incoming.words(event.get("SuppressionReason"), 64)
    if reason == "SpamComplaint":
        return Said("complaint", reason, at)
    if reason in _OF_REASON:
        return failure(reason, at, says=_OF_REASON[reason], sure=True)
    by_reader = event.get("Origin") == "Recipient"
    return Said("unsubscribed", reason, at) if by_reader else other(reason)


PROVIDER = Provider(prove_by_password, _split, _read)
