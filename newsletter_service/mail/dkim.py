"""DKIM signatures over prepared bytes (RFC 6376, 8301, 8463). Pure, and fast on purpose.

What the copies of an edition have in common is canonicalised and hashed once, in a `Seal`; a
copy costs its own few lines, one hash of its body from the first slot on, and the signature.
Nothing in a signature depends on the moment (no `t=`, no `x=`): a retry is the same bytes (P4).
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# Each is named twice in every signature, so that none can be added or changed (R 3.3).
SIGNED = (
    *("from", "to", "cc", "subject", "date", "reply-to", "sender", "message-id", "in-reply-to"),
    *("references", "mime-version", "content-type", "content-transfer-encoding"),
    *("list-unsubscribe", "list-unsubscribe-post", "list-id", "list-help", "list-owner"),
    *("list-archive", "list-post", "list-subscribe", "feedback-id", "auto-submitted"),
)
LONGEST_TXT = 255

_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r\n]++|\r\n[ \t])*+)\r\n")
_BLANKS = re.compile(rb"[ \t]+")
_PADDING = PKCS1v15()
_ALREADY_HASHED = Prehashed(SHA256())
_LINE = 72


@dataclass(frozen=True)
class DkimKey:
    """A private key and where its public half is published; `domain` is in A-labels."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def kind(self) -> str:
        """rsa or ed25519, as in the record's `k=`."""
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"

    @property
    def name(self) -> str:
        """Where in the DNS the record stands."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def public(self) -> str:
        """The public half as in the record's `p=`."""
        public = self.private.public_key()
        if self.kind == "rsa":
            raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    @property
    def record(self) -> str:
        """The text of the TXT record."""
        return f"v=DKIM1; k={self.kind}; p={self.public}"

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 (RFC 8463 section 3: Ed25519 signs the hash, too)."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(digest, _PADDING, _ALREADY_HASHED)
        return self.private.sign(digest)


def txt_strings(record: str) -> list[str]:
    """A record cut into the strings of at most 255 octets that a TXT record is made of."""
    return [record[at : at + LONGEST_TXT] for at in range(0, len(record), LONGEST_TXT)]


def zone_line(name: str, record: str) -> str:
    """The record as a line of a zone file."""
    strings = " ".join(f'"{part}"' for part in txt_strings(record))
    return f"{name}. 3600 IN TXT ( {strings} )"


class Seal:
    """What the signatures of an edition's copies have in common, for some keys.

    `head` is the fixed header lines, `personal` an example of those that differ, `body` its
    pieces, empty where a copy has its own; none begins or ends with a blank. `without` names
    headers that a relay replaces (R 3.4).
    """

    def __init__(
        self,
        keys: Sequence[DkimKey],
        head: bytes,
        personal: bytes,
        body: Sequence[bytes],
        without: Iterable[str] = (),
    ) -> None:
        names = [name for name in SIGNED if name not in set(without) or name == "from"]
        fixed, own = relaxed_headers(head), relaxed_headers(personal)
        first = [name for name in names if name in fixed]
        self._own = [name for name in names if name in own]
        self._headers = sha256(b"".join(fixed[name] for name in first))
        absent = [name for name in names if name not in fixed and name not in own]
        listed = [*first, *self._own, *first, *self._own, *absent, *absent]
        self._keys = [(key, *_tags(key, listed)) for key in keys]
        self._body = [relaxed_body(piece) for piece in body]
        self._places = [at for at, piece in enumerate(body) if not piece]
        self._shared = self._places[0] if self._places else len(body)
        self._body_hash = sha256(b"".join(self._body[: self._shared]))

    def lines(self, personal: bytes, body: Sequence[bytes]) -> bytes:
        """The DKIM-Signature lines for one copy."""
        canonical = self._body.copy()
        for at in self._places:
            canonical[at] = relaxed_body(body[at])
        whole = self._body_hash.copy()
        whole.update(b"".join(canonical[self._shared :]))
        body_hash = base64.b64encode(whole.digest())
        own = relaxed_headers(personal)
        headers = self._headers.copy()
        headers.update(b"".join([own[name] for name in self._own]))
        return b"".join(_signature(entry, headers, body_hash) for entry in self._keys)


def relaxed_headers(lines: bytes) -> dict[str, bytes]:
    """Header lines in relaxed form by lower-case name (RFC 6376 section 3.4.2)."""
    found = {}
    for name, value in _HEADER.findall(lines):
        lower, text = name.lower(), value.replace(b"\r\n", b"")
        if b"  " in text or b"\t" in text:
            text = _BLANKS.sub(b" ", text)
        found[lower.decode()] = b"%b:%b\r\n" % (lower, text.strip(b" "))
    return found


def relaxed_body(piece: bytes) -> bytes:
    """A piece of a body in relaxed form (RFC 6376 section 3.4.4).

    The end of the last piece must be a line that is not empty, as a multipart's is.
    """
    if b"  " in piece or b"\t" in piece:
        piece = _BLANKS.sub(b" ", piece)
    return piece.replace(b" \r\n", b"\r\n") if b" \r\n" in piece else piece


def _tags(key: DkimKey, listed: list[str]) -> tuple[bytes, bytes]:
    """The signature's field up to the body hash: as it is sent, and in relaxed form."""
    value = (
        f"v=1; a={key.kind}-sha256; c=relaxed/relaxed; d={key.domain};\r\n"
        f" s={key.selector}; h={_folded(listed)};\r\n bh="
    ).encode()
    relaxed = b"dkim-signature:" + value.replace(b"\r\n ", b" ")
    return b"DKIM-Signature: " + value, relaxed


def _folded(names: list[str]) -> str:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _LINE:
            lines.append("")
        lines[-1] += name + ":"
    return "\r\n ".join(lines)[:-1]


def _signature(entry: tuple[DkimKey, bytes, bytes], headers: Any, body_hash: bytes) -> bytes:
    key, sent, relaxed = entry
    whole = headers.copy()
    whole.update(relaxed + body_hash + b"; b=")
    signed = base64.b64encode(key.sign(whole.digest()))
    cut = [signed[at : at + _LINE] for at in range(0, len(signed), _LINE)]
    return sent + body_hash + b";\r\n b=" + b"\r\n ".join(cut) + b"\r\n"
