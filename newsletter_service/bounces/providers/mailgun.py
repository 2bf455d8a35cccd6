"""Mailgun: one event, with a signature over a timestamp and a token, but not over the event.

So a captured signature could carry another event: the token is the event's key, and is used once.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from newsletter_service.bounces.providers import incoming
from newsletter_service.bounces.providers.incoming import Incoming, NotGenuine, Provider
from newsletter_service.bounces.providers.said import Said, failure, other
from newsletter_service.verdict_rules import Meaning

# Why Mailgun itself gave up, whatever the far server said.
_OWN_WORD = {
    "suppress-bounce": Meaning.HARD,
    "old": Meaning.TRANSIENT,
    "espblock": Meaning.SENDER,
}


def _prove(request: Incoming, keys: tuple[str, ...]) -> None:
    try:
        proof = incoming.mapping(incoming.mapping(incoming.parsed(request.body)).get("signature"))
    except ValueError:
        raise NotGenuine("no JSON") from None
    timestamp, token = incoming.words(proof.get("timestamp")), incoming.words(proof.get("token"))
    if not token or not incoming.is_fresh(incoming.moment(timestamp), request.at):
        raise NotGenuine("the signature is too old")
    message = (timestamp + token).encode()
    made = (hmac.new(key.encode(), message, hashlib.sha256).hexdigest() for key in keys)
    given = incoming.words(proof.get("signature"))
    if not incoming.any_same(made, given):
        raise NotGenuine("no key of ours signed this")


def _split(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    whole = incoming.mapping(incoming.parsed(body))
    token = incoming.words(incoming.mapping(whole.get("signature")).get("token"))
    return [(token[: incoming.LONGEST_KEY], incoming.mapping(whole.get("event-data")))]


def _read(event: Mapping[str, Any]) -> Said:
    name = incoming.words(event.get("event"), 64)
    at = incoming.moment(event.get("timestamp"))
    if name == "failed":
        return _failed(event, at)
    if name == "complained":
        return Said("complaint", name, at)
    if name == "delivered":
        return Said("delivered", name, at)
    return Said("unsubscribed", name, at) if name == "unsubscribed" else other(name)


def _failed(event: Mapping[str, Any], at: Any) -> Said:
    reason, final = incoming.words(event.get("reason"), 64), event.get("severity") == "permanent"
    if reason == "suppress-complaint":
        return Said("complaint", reason, at)
    if reason == "suppress-unsubscribe":
        return Said("unsubscribed", reason, at)
    status = incoming.mapping(event.get("delivery-status"))
    text = incoming.words(status.get("message") or status.get("description"))
    code = incoming.words(status.get("code"), 4)
    own = _OWN_WORD.get(reason)
    says = own or (Meaning.UNKNOWN if final else Meaning.TRANSIENT)
    return failure(
        f"failed/{reason}"[:64],
        at,
        status=incoming.words(status.get("enhanced-code"), 16),
        text=f"{code} {text}".strip(),
        says=says,
        sure=own is not None,
        final=final,
    )


PROVIDER = Provider(_prove, _split, _read)
