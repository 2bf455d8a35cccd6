"""Amazon SES through SNS: a signed notification whose message is SES's own JSON.

The certificate is the caller's to fetch; `signed_by` says whether it signed. A genuine signature
is not enough, since anybody may point a topic of theirs here: the topic must be one of ours.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newsletter_service.bounces.providers import incoming
from newsletter_service.bounces.providers.incoming import Incoming, NotGenuine, Provider
from newsletter_service.bounces.providers.said import Said, failure, other
from newsletter_service.verdict_rules import Meaning

OLDEST = timedelta(hours=1)
LONGEST_MESSAGE = 1_000_000
CONFIRMATION = "SubscriptionConfirmation"
_HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED[CONFIRMATION]
# What SES itself knows of an address, whatever the far server said.
_OWN_WORD = {
    ("Permanent", "NoEmail"): Meaning.HARD,
    ("Permanent", "Suppressed"): Meaning.HARD,
    ("Permanent", "OnAccountSuppressionList"): Meaning.HARD,
    ("Transient", "MailboxFull"): Meaning.FULL,
    ("Transient", "MessageTooLarge"): Meaning.MESSAGE,
    ("Transient", "ContentRejected"): Meaning.MESSAGE,
    ("Transient", "AttachmentRejected"): Meaning.MESSAGE,
}
_CLASS = {"Permanent": Meaning.HARD_TWICE, "Transient": Meaning.TRANSIENT}


def _prove(request: Incoming, topics: tuple[str, ...]) -> None:
    """All but the signature, which needs the certificate: the topic, the time, the form."""
    envelope = _envelope(request.body)
    if not any(incoming.same(topic, incoming.words(envelope.get("TopicArn"))) for topic in topics):
        raise NotGenuine("another topic than ours")
    if envelope.get("Type") not in _SIGNED:
        raise NotGenuine("no kind of SNS message")
    if envelope.get("SignatureVersion") != "2":
        raise NotGenuine("the topic must sign with SHA-256 (SignatureVersion 2)")
    claimed = incoming.iso_moment(envelope.get("Timestamp"))
    if not incoming.is_fresh(claimed, request.at, OLDEST):
        raise NotGenuine("the notification is older than an hour")
    certificate_url(request.body)


def certificate_url(body: bytes) -> str:
    """Where the signer's certificate is, if that is at Amazon. Raises `NotGenuine`."""
    url = incoming.words(_envelope(body).get("SigningCertURL"))
    if not _is_amazons(url) or not urlsplit(url).path.endswith(".pem"):
        raise NotGenuine("the certificate is not Amazon's")
    return url


def subscribe_url(body: bytes) -> str:
    """What must be fetched to confirm a topic; empty for any other message."""
    envelope = _envelope(body)
    url = incoming.words(envelope.get("SubscribeURL"))
    return url if envelope.get("Type") == CONFIRMATION and _is_amazons(url) else ""


def signed_by(body: bytes, pem: bytes) -> bool:
    """Whether the certificate's key signed the message."""
    envelope = _envelope(body)
    names = _SIGNED.get(str(envelope.get("Type")), ())
    lines = [f"{name}\n{envelope[name]}\n" for name in names if isinstance(envelope.get(name), str)]
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
        signature = base64.b64decode(incoming.words(envelope.get("Signature")), validate=True)
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        key.verify(signature, "".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _is_amazons(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = parts.username is None and parts.port in (None, 443)
    except ValueError:
        return False
    return parts.scheme == "https" and plain and bool(_HOST.fullmatch(parts.hostname or ""))


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        return incoming.mapping(incoming.parsed(body))
    except ValueError:
        raise NotGenuine("no JSON") from None


def _split(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    envelope = _envelope(body)
    if envelope.get("Type") != "Notification":
        return []
    message = incoming.mapping(
        incoming.parsed(incoming.words(envelope.get("Message"), 10**6).encode())
    )
    key = incoming.words(envelope.get("MessageId"))
    bounced = incoming.mapping(message.get("bounce")).get("bouncedRecipients")
    if not isinstance(bounced, list) or len(bounced) < 2:
        return [(key, message)]
    return [
        (f"{key}/{n}", message | {"bounce": message["bounce"] | {"bouncedRecipients": [one]}})
        for n, one in enumerate(bounced[:50])
    ]


def _read(event: Mapping[str, Any]) -> Said:
    name = incoming.words(event.get("eventType") or event.get("notificationType"), 64)
    told = incoming.mapping(event.get(name.lower()))
    at = incoming.iso_moment(told.get("timestamp"))
    if name == "Bounce":
        return _bounce(told)
    if name == "Complaint":
        not_spam = told.get("complaintFeedbackType") == "not-spam"
        return other("not-spam") if not_spam else Said("complaint", name, at)
    if name == "Delivery":
        return Said("delivered", name, at)
    if name == "DeliveryDelay":
        return failure(name, at, says=Meaning.TRANSIENT, final=False)
    return other(name)


def _bounce(told: Mapping[str, Any]) -> Said:
    recipients = told.get("bouncedRecipients")
    first = incoming.mapping(recipients[0]) if isinstance(recipients, list) and recipients else {}
    kind, subkind = (
        incoming.words(told.get("bounceType")),
        incoming.words(told.get("bounceSubType")),
    )
    status, text = (
        incoming.words(first.get("status"), 16),
        incoming.words(first.get("diagnosticCode")),
    )
    at = incoming.iso_moment(told.get("timestamp"))
    name = f"Bounce/{kind}/{subkind}"
    if (kind, subkind) == ("Transient", "General") and not (status or text):
        return other(name)  # so SES reports automatic replies (R 4.4)
    own = _OWN_WORD.get((kind, subkind))
    return failure(
        name, at, status=status, text=text, says=own or _CLASS.get(kind), sure=own is not None
    )


PROVIDER = Provider(_prove, _split, _read)
