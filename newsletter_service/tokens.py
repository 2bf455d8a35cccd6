"""Tokens in links and addresses: derived ones that live for ever, random ones that expire.

A derived token is ``version, key id, payload, HMAC`` in lower-case base32. It needs no row of its
own, so an unsubscribe link works after the issue, the worker and the backup are gone. Every
kind has a purpose, which is part of what is authenticated: no token passes for another kind.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from newsletter_service import base32

VERSION = 1
HANDLE_BYTES = 16
LARGEST_ID = 2**63 - 1

_MAC_BYTES = 16
_HEAD_BYTES = 2
_SHORTEST_KEY = 16
_DELIVERY = 1
_NOTICE = 2

Reference = Literal["return-path", "message-id"]
RETURN_PATH: Reference = "return-path"
MESSAGE_ID: Reference = "message-id"

_UNSUBSCRIBE = "unsubscribe"
_PREFERENCES = "preferences"
_SUBMISSION = "submission"


class BadToken(ValueError):
    """The token was not made by us for this purpose, or was damaged on the way."""


@dataclass(frozen=True)
class LinkKeys:
    """The link key ring: key id (0 to 255) to key. It only ever grows; the highest id signs."""

    keys: Mapping[int, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a ring that could not sign or that would sign weakly."""
        if not self.keys:
            raise ValueError("There is no link key in the key ring.")
        for key_id, key in self.keys.items():
            if not 0 <= key_id <= 255:
                raise ValueError(f"Link key id {key_id} is not between 0 and 255.")
            if len(key) < _SHORTEST_KEY:
                raise ValueError(f"Link key {key_id} is shorter than {_SHORTEST_KEY} bytes.")

    def sign(self, purpose: str, payload: bytes) -> str:
        """Return the token for a payload: base32, lower case, no padding."""
        current = max(self.keys)
        signed = bytes((VERSION, current)) + payload
        mac = _mac(self.keys[current], purpose, signed)
        return base32.encode(signed + mac)

    def read(self, purpose: str, token: str) -> bytes:
        """Return the payload of a token in either case; raise BadToken for any other."""
        raw = _decode(token)
        if len(raw) < _HEAD_BYTES + _MAC_BYTES or raw[0] != VERSION:
            raise BadToken("This is no token of ours.")
        key = self.keys.get(raw[1])
        if key is None:
            raise BadToken("The token names a key that is not in the key ring.")
        signed, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(key, purpose, signed)):
            raise BadToken("The token's signature does not match.")
        return signed[_HEAD_BYTES:]


class CopyTokens(NamedTuple):
    """The tokens of one copy of an issue."""

    unsubscribe: str
    preferences: str
    message_id: str
    return_path: str


@dataclass(frozen=True)
class UnsubscribeTarget:
    """Whose subscription a link ends, and the issue it stood in, if any."""

    handle: bytes
    issue_id: int | None


@dataclass(frozen=True)
class DeliveryRef:
    """The key of a delivery."""

    issue_id: int
    n: int


@dataclass(frozen=True)
class NoticeRef:
    """The key of a notice."""

    notice_id: int


@dataclass(frozen=True)
class Secret:
    """A random token: ``raw`` goes into a link once, ``digest`` is what is stored."""

    raw: str = field(repr=False)
    digest: bytes


def unsubscribe_token(keys: LinkKeys, handle: bytes, issue_id: int | None) -> str:
    """Return the token of an unsubscribe link."""
    tail = b"" if issue_id is None else _varint(issue_id)
    return keys.sign(_UNSUBSCRIBE, _checked(handle) + tail)


def read_unsubscribe(keys: LinkKeys, token: str) -> UnsubscribeTarget:
    """Return what an unsubscribe token points at; raise BadToken."""
    payload = keys.read(_UNSUBSCRIBE, token)
    handle, tail = payload[:HANDLE_BYTES], payload[HANDLE_BYTES:]
    if len(handle) != HANDLE_BYTES:
        raise BadToken("The token holds no subscription handle.")
    return UnsubscribeTarget(handle, _only_varint(tail) if tail else None)


def preferences_token(keys: LinkKeys, handle: bytes) -> str:
    """Return the token of a link to a reader's preferences."""
    return keys.sign(_PREFERENCES, _checked(handle))


def read_preferences(keys: LinkKeys, token: str) -> bytes:
    """Return the subscription handle in a preferences token; raise BadToken."""
    handle = keys.read(_PREFERENCES, token)
    if len(handle) != HANDLE_BYTES:
        raise BadToken("The token holds no subscription handle.")
    return handle


def submission_token(keys: LinkKeys, source_id: int) -> str:
    """Return the token of the link by which a company sends in news."""
    return keys.sign(_SUBMISSION, _varint(source_id))


def read_submission(keys: LinkKeys, token: str) -> int:
    """Return the source that a submission token names; raise BadToken."""
    return _only_varint(keys.read(_SUBMISSION, token))


def delivery_token(keys: LinkKeys, issue_id: int, n: int, purpose: Reference = RETURN_PATH) -> str:
    """Return the token of a delivery for its return path or its Message-ID.

    At most 60 characters, so that ``b+<token>`` keeps within the 64 octets of a local part
    (RFC 5321 section 4.5.3.1.1) for every 63-bit id.
    """
    return keys.sign(purpose, bytes((_DELIVERY,)) + _varint(issue_id) + _varint(n))


def of_copies(
    keys: LinkKeys, issue_id: int, copies: Iterable[tuple[int, bytes]]
) -> list[CopyTokens]:
    """The tokens of many copies, given as `n` and handle: the same as one by one, much cheaper."""
    current = max(keys.keys)
    macs = [
        _begun(keys.keys[current], purpose, current)
        for purpose in (_UNSUBSCRIBE, _PREFERENCES, MESSAGE_ID, RETURN_PATH)
    ]
    head, issue = bytes((VERSION, current)), _varint(issue_id)
    delivery = bytes((_DELIVERY,)) + issue
    signed = []
    for n, handle in copies:
        reference = delivery + _varint(n)
        payloads = (_checked(handle) + issue, handle, reference, reference)
        for begun, payload in zip(macs, payloads, strict=True):
            mac = begun.copy()
            mac.update(payload)
            signed.append(head + payload + mac.finalize()[:_MAC_BYTES])
    texts = iter(base32.encode_many(signed))
    return [CopyTokens(*four) for four in zip(texts, texts, texts, texts, strict=True)]


def notice_token(keys: LinkKeys, notice_id: int, purpose: Reference = RETURN_PATH) -> str:
    """Return the token of a notice for its return path or its Message-ID."""
    return keys.sign(purpose, bytes((_NOTICE,)) + _varint(notice_id))


def read_reference(
    keys: LinkKeys, token: str, purpose: Reference = RETURN_PATH
) -> DeliveryRef | NoticeRef:
    """Return the delivery or notice that a return-path or Message-ID token names."""
    payload = keys.read(purpose, token)
    if payload[:1] == bytes((_DELIVERY,)):
        issue_id, rest = _read_varint(payload[1:])
        return DeliveryRef(issue_id, _only_varint(rest))
    if payload[:1] == bytes((_NOTICE,)):
        return NoticeRef(_only_varint(payload[1:]))
    raise BadToken("The token names neither a delivery nor a notice.")


def new_secret() -> Secret:
    """Return a new random token of 256 bits and the digest to store for it."""
    raw = secrets.token_urlsafe(32)
    return Secret(raw, digest_of(raw))


def digest_of(raw: str) -> bytes:
    """Return the SHA-256 under which a random token is stored and looked up."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).digest()


def seal(key: bytes, raw: str) -> bytes:
    """Encrypt a value that a notice must hold until it is sent."""
    return _fernet(key).encrypt(raw.encode())


def unseal(key: bytes, sealed: bytes) -> str:
    """Return what was sealed; raise BadToken if it was damaged or sealed under another key."""
    try:
        return _fernet(key).decrypt(sealed).decode()
    except InvalidToken:
        raise BadToken("The sealed value was damaged or sealed under another key.") from None


def _fernet(key: bytes) -> Fernet:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"newsletter/seal/1").derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))


def _mac(key: bytes, purpose: str, signed: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + signed, "sha256")[:_MAC_BYTES]


@lru_cache(maxsize=64)
def _begun(key: bytes, purpose: str, key_id: int) -> HMAC:
    """What all tokens of a purpose have in common."""
    mac = HMAC(key, hashes.SHA256())
    mac.update(purpose.encode() + b"\0" + bytes((VERSION, key_id)))
    return mac


def _decode(token: str) -> bytes:
    """Decode one spelling only: whatever else would decode to the same bytes is refused."""
    if not token.isascii():
        raise BadToken("The token holds characters that no token has.")
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except binascii.Error:
        raise BadToken("The token holds characters that no token has.") from None
    if base32.encode(raw) != token.lower():
        raise BadToken("The token was damaged.")
    return raw


def _checked(handle: bytes) -> bytes:
    if len(handle) != HANDLE_BYTES:
        raise ValueError(f"A subscription handle is {HANDLE_BYTES} bytes, not {len(handle)}.")
    return handle


def _varint(number: int) -> bytes:
    """Encode seven bits a byte, low bits first."""
    if not 0 <= number <= LARGEST_ID:
        raise ValueError(f"The id {number} is not between 0 and 2**63 - 1.")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes) -> tuple[int, bytes]:
    number = 0
    for place, byte in enumerate(data):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, data[place + 1 :]
    raise BadToken("The token ends in the middle of a number.")


def _only_varint(data: bytes) -> int:
    number, rest = _read_varint(data)
    if rest:
        raise BadToken("The token holds more than it should.")
    return number
