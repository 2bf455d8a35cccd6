"""Asking the DNS, with short patience: no answer is an answer, silence is a `DnsSilence`."""

from collections.abc import Sequence
from typing import Any

import dns.exception
import dns.nameserver
import dns.resolver
from dns.rdatatype import RdataType

PATIENCE_S = 4.0
SILENCES = 2


class DnsSilence(Exception):
    """The resolver gave no usable answer for a name: a timeout, SERVFAIL or no network."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The DNS gave no answer about {name}.")


class Dns:
    """A resolver for one run of checks; after `SILENCES` time-outs it asks no more.

    `server` is `host:port`, or empty for the system's resolver.
    """

    def __init__(self, server: str = "", patience_s: float = PATIENCE_S) -> None:
        self._silences = 0
        self._resolver: dns.resolver.Resolver | None = None
        try:
            self._resolver = dns.resolver.Resolver(configure=not server)
        except dns.exception.DNSException:  # a machine without a resolver
            return
        if server:
            host, _, port = server.rpartition(":")
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver((host or port).strip("[]"), int(port) if host else 53)
            ]
        self._resolver.lifetime = patience_s
        self._resolver.timeout = patience_s / 2

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, their strings joined. Raises `DnsSilence`."""
        return [b"".join(r.strings).decode("utf-8", "replace") for r in self._ask(name, "TXT")]

    def exchanges(self, name: str) -> list[str]:
        """The mail exchangers of a name, without the last dot; the null MX is an empty string."""
        records = sorted(self._ask(name, "MX"), key=lambda record: record.preference)
        return [record.exchange.to_text(omit_final_dot=True).strip(".") for record in records]

    def has_address(self, name: str) -> bool:
        """Whether a name leads to a machine. Raises `DnsSilence`."""
        return bool(self._ask(name, "A") or self._ask(name, "AAAA"))

    def _ask(self, name: str, kind: str) -> Sequence[Any]:
        if self._resolver is None or self._silences >= SILENCES:
            raise DnsSilence(name)
        try:
            answer = self._resolver.resolve(name, RdataType[kind], search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError, ValueError) as error:
            self._silences += isinstance(error, dns.resolver.LifetimeTimeout)
            raise DnsSilence(name) from error
        return tuple(answer)
