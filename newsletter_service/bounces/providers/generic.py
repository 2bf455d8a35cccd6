"""Anybody else: our own small form, signed with HMAC-SHA256 over the time and the raw body.

The headers are `X-Newsletter-Timestamp` (seconds since 1970) and `X-Newsletter-Signature` (hex,
over the timestamp, a full stop and the body). The body is an object or an array of them, with
`id`, `event` (bounce, delayed, complaint, delivered, unsubscribed), `reference` (anything that
holds our Message-ID or return address), `at` (ISO 8601), `status`, `diagnostic`.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from newsletter_service.bounces.providers import incoming
from newsletter_service.bounces.providers.incoming import Incoming, NotGenuine, Provider
from newsletter_service.bounces.providers.said import Said, failure, other
from newsletter_service.verdict_rules import Meaning

SIGNATURE, TIMESTAMP = "x-newsletter-signature", "x-newsletter-timestamp"


def sign(key: str, timestamp: str, body: bytes) -> str:
    """The signature of a body at a time."""
    message = timestamp.encode("utf-8", "surrogatepass") + b"." + body
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def _prove(request: Incoming, keys: tuple[str, ...]) -> None:
    timestamp = request.headers.get(TIMESTAMP, "")
    if not incoming.is_fresh(incoming.moment(timestamp), request.at):
        raise NotGenuine("the signature is too old")
    given = request.headers.get(SIGNATURE, "").lower()
    if not incoming.any_same((sign(key, timestamp, request.body) for key in keys), given):
        raise NotGenuine("no key of ours signed this")


def _split(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    whole = incoming.parsed(body)
    events = whole if isinstance(whole, list) else [whole]
    found = [event for event in events if isinstance(event, dict)]
    return [(incoming.words(event.get("id"), incoming.LONGEST_KEY), event) for event in found]


def _read(event: Mapping[str, Any]) -> Said:
    name = incoming.words(event.get("event"), 64)
    at = incoming.iso_moment(event.get("at"))
    if name in ("bounce", "delayed"):
        final = name == "bounce"
        return failure(
            name,
            at,
            status=incoming.words(event.get("status"), 16),
            text=incoming.words(event.get("diagnostic")),
            says=None if final else Meaning.TRANSIENT,
            final=final,
        )
    if name == "complaint":
        return Said("complaint", name, at)
    if name == "delivered":
        return Said("delivered", name, at)
    return Said("unsubscribed", name, at) if name == "unsubscribed" else other(name)


PROVIDER = Provider(_prove, _split, _read)
