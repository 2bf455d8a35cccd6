"""Brevo: one event, not signed and without an id: what it says of which mail is its key."""

from collections.abc import Mapping
from typing import Any

from newsletter_service.bounces.providers import incoming
from newsletter_service.bounces.providers.incoming import Provider, prove_by_password
from newsletter_service.bounces.providers.said import Said, failure, other
from newsletter_service.verdict_rules import Meaning

_FAILURES = {
    "hard_bounce": Meaning.HARD,
    "invalid_email": Meaning.HARD,
    "soft_bounce": Meaning.TRANSIENT,
    "blocked": Meaning.SENDER,
    "error": Meaning.CONFIG,
    "deferred": Meaning.TRANSIENT,
}
_KEY = ("message-id", "event", "ts_epoch", "email")


def _split(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    event = incoming.mapping(incoming.parsed(body))
    key = "/".join(incoming.words(event.get(name), 90) for name in _KEY)
    return [(key[: incoming.LONGEST_KEY], event)]


def _read(event: Mapping[str, Any]) -> Said:
    name = incoming.words(event.get("event"), 64)
    at = incoming.moment(event.get("ts_epoch"), per_second=1000)
    if name in _FAILURES:
        text = incoming.words(event.get("reason"))
        says, final = _FAILURES[name], name != "deferred"
        return failure(name, at, text=text, says=says, final=final)
    if name in ("spam", "complaint"):
        return Said("complaint", name, at)
    if name == "delivered":
        return Said("delivered", name, at)
    return Said("unsubscribed", name, at) if name == "unsubscribed" else other(name)


PROVIDER = Provider(prove_by_password, _split, _read)
