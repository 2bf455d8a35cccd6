"""The address of a mailbox that bounces are fetched from, as an operator writes it (pure).

`imaps://user:password@mail.example.org/INBOX` and `pops://user:password@mail.example.org` speak TLS
from the first byte, `imap://` and `pop://` after STARTTLS; `?tls=none` only on this machine.
"""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from newsletter_service.mail.smtp.relay_url import Tls, is_loopback

Protocol = Literal["imap", "pop"]

_SCHEMES: dict[str, tuple[Protocol, Tls]] = {
    "imaps": ("imap", Tls.IMPLICIT),
    "imap": ("imap", Tls.STARTTLS),
    "pops": ("pop", Tls.IMPLICIT),
    "pop": ("pop", Tls.STARTTLS),
}
_PORTS = {("imap", True): 993, ("imap", False): 143, ("pop", True): 995, ("pop", False): 110}
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_FOLDER = re.compile(r"[\x20-\x7e]{1,200}")
_ESCAPES = "in a user name or password write / as %2F, ? as %3F, # as %23, @ as %40 and , as %2C."


class BadMailboxUrl(ValueError):
    """The address can't be used; the message says why and never shows a password."""


@dataclass(frozen=True, slots=True)
class MailboxUrl:
    """Where a mailbox is and how to open it; str() and repr() show no password."""

    protocol: Protocol
    host: str
    port: int
    tls: Tls
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    ca_file: str | None = None

    def __str__(self) -> str:
        secure = "s" if self.tls is Tls.IMPLICIT else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        folder = f"/{self.folder}" if self.protocol == "imap" else ""
        return f"{self.protocol}{secure}://{self.user}@{host}:{self.port}{folder}"

    @classmethod
    def parse(cls, text: str) -> "MailboxUrl":
        """Read a mailbox's address. Raises `BadMailboxUrl` with a sentence for the operator."""
        parts = _split(text.strip())
        protocol, tls = _SCHEMES[parts.scheme]
        options = _options(parts.query)
        if options.get("tls") == "none":
            tls = _none(parts)
        port = _port(parts) or _PORTS[protocol, tls is Tls.IMPLICIT]
        return cls(
            protocol,
            parts.hostname or "",
            port,
            tls,
            _credential(parts.username, "user name"),
            _credential(parts.password, "password"),
            _folder(parts, protocol),
            options.get("ca_file"),
        )


def _split(text: str) -> SplitResult:
    if _UNSAFE.search(text):
        raise BadMailboxUrl("The mailbox's address contains a blank or a control character.")
    try:
        parts = urlsplit(text)
        named = parts.hostname
    except ValueError:
        raise BadMailboxUrl("The mailbox's address is not a URL.") from None
    if parts.scheme not in _SCHEMES:
        raise BadMailboxUrl("A mailbox's address begins with imaps://, pops://, imap:// or pop://.")
    if not named or parts.fragment:
        raise BadMailboxUrl(f"The mailbox's address names no host, or goes on after it; {_ESCAPES}")
    return parts


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"tls", "ca_file"})
    if unknown or "" in options.values():
        raise BadMailboxUrl("A mailbox's address knows tls and ca_file, each with a value.")
    if options.get("tls") not in (None, "none", "starttls"):
        raise BadMailboxUrl("tls must be starttls, or none on this machine.")
    return options


def _none(parts: SplitResult) -> Tls:
    if parts.scheme.endswith("s") or not is_loopback(parts.hostname or ""):
        raise BadMailboxUrl("A password leaves this machine under TLS only: leave tls=none out.")
    return Tls.NONE


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise BadMailboxUrl("The mailbox's port must be a number from 1 to 65535.")
    return port


def _credential(value: str | None, name: str) -> str:
    plain = unquote(value or "")
    if not plain or re.search(r"[\x00\r\n]", plain):
        raise BadMailboxUrl(f"The mailbox needs a {name}; {_ESCAPES}")
    return plain


def _folder(parts: SplitResult, protocol: Protocol) -> str:
    folder = unquote(parts.path.strip("/"))
    if folder and protocol == "pop":
        raise BadMailboxUrl("POP knows one mailbox only: leave the folder out.")
    if folder and not _FOLDER.fullmatch(folder):
        raise BadMailboxUrl("The mailbox's folder must be written in plain ASCII.")
    return folder or "INBOX"
