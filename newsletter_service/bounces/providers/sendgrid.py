"""SendGrid: an array of events, signed with ECDSA over the timestamp and the raw body."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter_service.bounces.providers import incoming
from newsletter_service.bounces.providers.incoming import Incoming, NotGenuine, Provider
from newsletter_service.bounces.providers.said import Said, failure, other
from newsletter_service.verdict_rules import Meaning

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_UNSUBSCRIBED = {"unsubscribe", "group_unsubscribe"}
# Why SendGrid did not even try: what it knows of the address from before.
_DROPPED = {
    "bounced address": Meaning.HARD,
    "invalid": Meaning.HARD,
    "invalid smtpapi header": Meaning.CONFIG,
    "spam content": Meaning.MESSAGE,
    "recipient list over package quota": Meaning.CONFIG,
}


def _prove(request: Incoming, keys: tuple[str, ...]) -> None:
    timestamp = request.headers.get(_TIMESTAMP, "")
    if not incoming.is_fresh(incoming.moment(timestamp), request.at):
        raise NotGenuine("the signature is too old")
    try:
        signature = base64.b64decode(request.headers.get(_SIGNATURE, ""), validate=True)
    except binascii.Error:
        raise NotGenuine("the signature cannot be read") from None
    if not any(_signed(key, signature, timestamp.encode() + request.body) for key in keys):
        raise NotGenuine("no key of ours signed this")


def _signed(key_text: str, signature: bytes, message: bytes) -> bool:
    try:
        key = load_der_public_key(base64.b64decode(key_text))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _split(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    events = incoming.parsed(body)
    if not isinstance(events, list):
        raise ValueError("an array of events was expected")
    found = [event for event in events if isinstance(event, dict)]
    return [
        (incoming.words(event.get("sg_event_id"), incoming.LONGEST_KEY), event) for event in found
    ]


def _read(event: Mapping[str, Any]) -> Said:
    name = incoming.words(event.get("event"), 64)
    at = incoming.moment(event.get("timestamp"))
    status, text = incoming.words(event.get("status"), 16), incoming.words(event.get("reason"))
    if name == "bounce":
        blocked = event.get("type") == "blocked"
        says = Meaning.SENDER if blocked else Meaning.HARD
        return failure(name, at, status=status, text=text, says=says)
    if name == "dropped":
        return _dropped(at, text)
    if name == "deferred":
        text = incoming.words(event.get("response"))
        return failure(name, at, status=status, text=text, says=Meaning.TRANSIENT, final=False)
    if name == "spamreport":
        return Said("complaint", name, at)
    if name == "delivered":
        return Said("delivered", name, at)
    return Said("unsubscribed", name, at) if name in _UNSUBSCRIBED else other(name)


def _dropped(at: Any, reason: str) -> Said:
    if reason.lower() == "spam reporting address":
        return Said("complaint", "dropped", at)
    if reason.lower() == "unsubscribed address":
        return Said("unsubscribed", "dropped", at)
    says = _DROPPED.get(reason.lower())
    return failure("dropped", at, text=reason, says=says, sure=says is not None)


PROVIDER = Provider(_prove, _split, _read)
