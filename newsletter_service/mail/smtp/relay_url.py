"""The address of a relay as an operator writes it (pure).

`smtps://user:password@mail.example.org` speaks TLS from the first byte,
`smtp://user:password@mail.example.org:587?tls=starttls` after STARTTLS, and
`smtp://127.0.0.1:2525?tls=none` not at all, which only a relay on this machine may (R 2.28).
"""

import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import idna

_PARAMETERS = frozenset({"tls", "ca_file", "dkim", "dkim_without"})
# What a relay replaces or adds itself, and what our signature must leave out for it (R 3.4).
_DKIM = {"all": frozenset[str](), "ses": frozenset({"message-id", "date", "feedback-id"})}
_HEADER_NAME = re.compile(r"[a-z0-9-]{1,60}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")


class Tls(StrEnum):
    """How a session is protected: not, after STARTTLS (never without), from the first byte."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


_DEFAULT_PORT = {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.IMPLICIT: 465}


class BadRelayUrlError(ValueError):
    """The address of a relay can't be used; the message says why and never shows a password."""


@dataclass(frozen=True, slots=True)
class RelayUrl:
    """Where a relay is and how to speak to it; str() and repr() show no credentials."""

    host: str
    port: int
    tls: Tls
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    signed: bool = True
    """Whether we sign with DKIM what leaves through it, where we have a key."""
    unsigned: frozenset[str] = frozenset()
    """Headers that our signature leaves out, since the relay replaces them; lower case."""

    def __str__(self) -> str:
        scheme = "smtps" if self.tls is Tls.IMPLICIT else "smtp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = "" if self.tls is Tls.IMPLICIT else f"?tls={self.tls}"
        return f"{scheme}://{host}:{self.port}{query}"

    @classmethod
    def parse(cls, text: str) -> "RelayUrl":
        """Read a relay's address; raises BadRelayUrlError with a sentence for the operator."""
        parts = _split(text.strip())
        options = _options(parts.query)
        host = _host(parts)
        port = _port(parts)
        tls = _tls(parts.scheme, options.get("tls"), port)
        relay = cls(
            host=host,
            port=port or _DEFAULT_PORT[tls],
            tls=tls,
            user=_credential(parts.username, "user name"),
            password=_credential(parts.password, "password"),
            ca_file=options.get("ca_file"),
            signed=options.get("dkim") != "none",
            unsigned=_unsigned(options),
        )
        relay._check()
        return relay

    def _check(self) -> None:
        if (self.user is None) != (self.password is None):
            raise BadRelayUrlError("Give the relay both a user name and a password, or neither.")
        if self.tls is not Tls.NONE:
            return
        if not is_loopback(self.host):
            raise BadRelayUrlError(
                f"tls=none is for a relay on this machine only, and {self.host} is another; "
                "use smtps://, or tls=starttls."
            )
        if self.user is not None:
            raise BadRelayUrlError(
                "A password is never sent without TLS: use smtps:// or tls=starttls, "
                "or leave user name and password out."
            )
        if self.ca_file is not None:
            raise BadRelayUrlError("ca_file has no meaning with tls=none; leave one of them out.")


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address means this very machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback


def _split(text: str) -> SplitResult:
    if _UNSAFE.search(text):
        raise BadRelayUrlError("The relay's address contains a blank or a control character.")
    try:
        parts = urlsplit(text)
        named = parts.hostname
    except ValueError:
        raise BadRelayUrlError("The relay's address is not a URL.") from None
    if parts.scheme not in ("smtp", "smtps"):
        raise BadRelayUrlError("The relay's address must begin with smtp:// or smtps://.")
    if not named:
        raise BadRelayUrlError("The relay's address names no host.")
    if parts.path not in ("", "/") or parts.fragment:
        raise BadRelayUrlError(
            "The relay's address has more after the host than ?tls=…, &ca_file=… and the like; "
            "in a user name or password write / as %2F, ? as %3F, # as %23 and @ as %40."
        )
    return parts


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    unknown = sorted(options.keys() - _PARAMETERS)
    if unknown:
        known = "tls, ca_file, dkim and dkim_without"
        raise BadRelayUrlError(f"The relay's address knows {known}, not {unknown[0]!r}.")
    if len(options) != len(pairs) or "" in options.values():
        raise BadRelayUrlError("Each parameter of the relay's address wants one value.")
    return options


def _unsigned(options: dict[str, str]) -> frozenset[str]:
    """Which headers the signature leaves out: `dkim=ses`, `dkim_without=message-id:date`."""
    profile, named = options.get("dkim", "all"), options.get("dkim_without", "")
    if profile != "none" and profile not in _DKIM:
        raise BadRelayUrlError(f"dkim must be none, {' or '.join(_DKIM)}.")
    names = named.lower().split(":") if named else []
    if not all(map(_HEADER_NAME.fullmatch, names)) or "from" in names:
        raise BadRelayUrlError("dkim_without takes names of headers but From, with : between them.")
    return _DKIM.get(profile, frozenset()) | frozenset(names)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        return host
    try:
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        ascii_host = ""
    if len(ascii_host) > 253 or not _HOST_NAME.fullmatch(ascii_host):
        raise BadRelayUrlError("The relay's host is not a host name.")
    return ascii_host


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise BadRelayUrlError("The relay's port must be a number from 1 to 65535.")
    return port


def _tls(scheme: str, wanted: str | None, port: int | None) -> Tls:
    if wanted not in (None, "none", "starttls", "required"):
        raise BadRelayUrlError("tls must be none, starttls or required.")
    if scheme == "smtps":
        if wanted in ("none", "starttls"):
            raise BadRelayUrlError(f"smtps:// is TLS from the first byte; leave tls={wanted} out.")
        return Tls.IMPLICIT
    if wanted == "none":
        return Tls.NONE
    if wanted == "starttls":
        return Tls.STARTTLS
    return Tls.IMPLICIT if port == 465 else Tls.STARTTLS


def _credential(value: str | None, name: str) -> str | None:
    if value is None:
        return None
    plain = unquote(value)
    if not plain or re.search(r"[\x00\r\n]", plain):
        raise BadRelayUrlError(f"The relay's {name} is empty or contains a control character.")
    return plain
