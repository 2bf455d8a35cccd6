"""Sockets that go only where they may, and only as long as they may."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from newsletter_service.safe_http.addresses import is_public
from newsletter_service.safe_http.errors import Refused, Unreachable, too_slow

Resolver = Callable[[str, int], list[str]]


def system_resolver(host: str, port: int) -> list[str]:
    """Every address of a host, in the order the system prefers; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Clock:
    """What is left of the time of one fetch."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise too_slow()
        return left


class GuardedSockets(httpcore.NetworkBackend):
    """Resolves, checks and connects to what was checked. `allowed` is set for each request."""

    def __init__(self, resolver: Resolver, clock: Clock) -> None:
        self.allowed = False
        self._resolver = resolver
        self._clock = clock
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port)
        for address in addresses[:-1]:
            try:
                return self._connect(address, port, self._clock.left() / 2)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port, self._clock.left())

    def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses to connect to; all must be public, or none is used."""
        found = _resolved(self._resolver, host, port, self._clock)
        if not found:
            raise Unreachable("dns", "There is no site at that address.")
        if not self.allowed and not all(is_public(address) for address in found):
            raise Refused("address", "The address leads to a private network and is not fetched.")
        return found

    def _connect(self, address: str, port: int, timeout: float) -> httpcore.NetworkStream:
        return _TimedStream(self._plain.connect_tcp(address, port, timeout), self._clock)


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every read and write has only what is left of the whole fetch."""

    def __init__(self, inner: httpcore.NetworkStream, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._clock.left())
        return _TimedStream(inner, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _resolved(resolver: Resolver, host: str, port: int, clock: Clock) -> list[str]:
    """Ask the resolver in a thread of its own, since the system's knows no time limit."""
    found: list[str] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            found.extend(resolver(host, port))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(clock.left())
    if thread.is_alive():
        raise too_slow()
    if failed:
        raise Unreachable("dns", "There is no site at that address.") from failed[0]
    return found
