"""Does a signature of ours hold? Read back from the finished message, as a receiver would. Pure.

It shares nothing with the code that signs but the key, so that a fault there is seen here.
"""

import base64
import binascii
import re
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from newsletter_service.mail.dkim import DkimKey

ONE_CLICK = frozenset({"list-unsubscribe", "list-unsubscribe-post"})

_FIELD = re.compile(r"^([!-9;-~]+):(.*(?:\r\n[ \t].*)*)\r\n", re.M)
_BLANKS = re.compile(r"[ \t]+")


def fault(message: bytes, key: DkimKey) -> str:
    """What is wrong with the key's signature: missing, body, uncovered or signature; empty if none.

    `uncovered` means that it does not cover what the message has of one-click unsubscribing
    (RFC 8058).
    """
    fields, body = _parted(message)
    signed = [value for name, value in fields if name == "dkim-signature"]
    mine = [value for value in signed if _tags(value).get("s") == key.selector]
    if not mine:
        return "missing"
    tags = _tags(mine[0])
    names = tags.get("h", "").lower().split(":")
    if not set(names) >= ONE_CLICK & {name for name, _ in fields}:
        return "uncovered"
    digest = base64.b64encode(sha256(_body(body).encode("utf-8", "surrogateescape")).digest())
    if digest.decode() != tags.get("bh"):
        return "body"
    return (
        "" if _holds(key, _signed_part(fields, names, mine[0]), tags.get("b", "")) else "signature"
    )


def signers(message: bytes) -> list[tuple[str, str]]:
    """Whose signatures a message carries: domain and selector, from the top."""
    tags = [_tags(value) for name, value in _parted(message)[0] if name == "dkim-signature"]
    return [(each.get("d", "").lower(), each.get("s", "")) for each in tags]


def changed_headers(sent: bytes, received: bytes) -> list[str]:
    """The signed headers that are others, or more, than they were when they left; lower case."""
    before, after = _parted(sent)[0], _parted(received)[0]
    signature = next(value for name, value in before if name == "dkim-signature")
    names = dict.fromkeys(_tags(signature).get("h", "").lower().split(":"))

    def values(fields: list[tuple[str, str]], wanted: str) -> list[str]:
        return [_relaxed(value) for name, value in fields if name == wanted]

    return [name for name in names if values(before, name) != values(after, name)]


def with_crlf(raw: bytes) -> bytes:
    """A message as it was on the wire, where a file or a mailbox keeps it with LF."""
    return re.sub(rb"\r?\n", b"\r\n", raw)


def _parted(message: bytes) -> tuple[list[tuple[str, str]], str]:
    """The header fields, names in lower case, and the body."""
    head, _blank, body = message.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
    return [(m[1].lower(), m[2]) for m in _FIELD.finditer(head + "\r\n")], body


def _signed_part(fields: list[tuple[str, str]], names: list[str], own: str) -> bytes:
    """The header lines in the order of `h=`, each name taken from the bottom (RFC 6376 5.4.2)."""
    left = {name: [value for known, value in fields if known == name] for name in names}
    lines = [f"{name}:{_relaxed(left[name].pop())}\r\n" for name in names if left[name]]
    without = re.sub(r"(;\s*b=)[^;]*", r"\1", own)
    return ("".join(lines) + f"dkim-signature:{_relaxed(without)}").encode()


def _holds(key: DkimKey, signed: bytes, signature: str) -> bool:
    public = key.private.public_key()
    try:
        raw = base64.b64decode(signature)
        if isinstance(public, RSAPublicKey):
            public.verify(raw, signed, PKCS1v15(), SHA256())
        else:
            public.verify(raw, sha256(signed).digest())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _tags(value: str) -> dict[str, str]:
    parts = (part.partition("=") for part in value.split(";"))
    return {name.strip(): re.sub(r"\s", "", given) for name, _equals, given in parts}


def _relaxed(value: str) -> str:
    return _BLANKS.sub(" ", value.replace("\r\n", "")).strip(" ")


def _body(body: str) -> str:
    lines = [_BLANKS.sub(" ", line).rstrip(" ") for line in body.split("\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return "\r\n".join(lines) + "\r\n" if lines else ""
