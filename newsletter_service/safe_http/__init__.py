"""Fetch what others name: the guard against requests to places that are none of their business.

Addresses of feeds, sites and pictures come from people and from other people's pages. Each one is
resolved here, every address it resolves to must be public, and the connection goes to the address
that was checked (so that a second answer of the name server changes nothing), while Host and SNI
keep the name. Redirects are followed by hand under the same rules. Time and bytes are limited in
total, bytes after unpacking. (OWASP ASVS 5.0 1.3.6)
"""

import re
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpcore
import httpx

from newsletter_service.safe_http.addresses import is_public
from newsletter_service.safe_http.errors import (
    FetchError,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
    too_slow,
)
from newsletter_service.safe_http.sockets import Clock, GuardedSockets, Resolver, system_resolver

__all__ = [
    "FetchError",
    "Refused",
    "Resolver",
    "Response",
    "SafeClient",
    "TimedOut",
    "TooLarge",
    "Unreachable",
    "is_public",
    "origin_of",
]

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(rb"[a-z0-9._:-]{1,255}", re.IGNORECASE)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "newsletter-service (reads feeds; conditional requests)"


@dataclass(frozen=True)
class Response:
    """What came back. `headers` have lower-case names; `body` is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    final_url: str


def origin_of(url: str) -> str:
    """`scheme://host:port`, with the port always written, for the list of allowed origins."""
    return _origin(_parsed(url))


@dataclass(frozen=True)
class SafeClient:
    """A getter that can be handed any URL. Holds no connection open between two fetches.

    `allow_origins` holds exact origins (`http://127.0.0.1:8081`) that may be fetched in spite of
    their address and port; the trial mode lets its own sample feed through with it.
    """

    allow_origins: frozenset[str] = frozenset()
    max_bytes: int = 5_000_000
    timeout_s: float = 20.0
    max_redirects: int = 5
    resolver: Resolver = system_resolver
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    def get(
        self,
        url: str,
        etag: str | None = None,
        last_modified: str | None = None,
        accept: str = "*/*",
    ) -> Response:
        """Fetch a URL, conditionally when given what was said last time; 304 has no body.

        Raises Refused, TooLarge, TimedOut or Unreachable; any HTTP status is an answer.
        """
        headers = {"User-Agent": USER_AGENT, "Accept": accept, "Accept-Encoding": "gzip"}
        headers |= _conditional(etag, last_modified)
        clock = Clock(self.timeout_s)
        with httpx.Client(
            transport=_GuardedTransport(self, clock), trust_env=False, timeout=self.timeout_s
        ) as client:
            return self._follow(client, url, headers, clock)

    def _follow(
        self, client: httpx.Client, url: str, headers: dict[str, str], clock: Clock
    ) -> Response:
        target = self._checked(url)
        for _ in range(self.max_redirects + 1):
            answer = self._one(client, target, headers, clock)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or not location:
                return answer
            target = self._checked(_joined(target, location))
        raise Refused("redirects", "The address leads from one redirect to the next without end.")

    def _one(
        self, client: httpx.Client, url: httpx.URL, headers: dict[str, str], clock: Clock
    ) -> Response:
        try:
            with client.stream("GET", url, headers=headers) as answer:
                found = {name.lower(): value for name, value in answer.headers.items()}
                redirected = answer.status_code in REDIRECTS and "location" in found
                body = b"" if redirected else self._body(answer, clock)
                return Response(answer.status_code, found, body, str(url))
        except httpx.TimeoutException as error:
            raise too_slow() from error
        except httpx.HTTPError as error:
            raise _unreachable(error) from error

    def _body(self, answer: httpx.Response, clock: Clock) -> bytes:
        said = answer.headers.get("content-length", "")
        if said.isascii() and said.isdigit() and int(said[:19]) > self.max_bytes:
            raise _too_large(self.max_bytes)
        parts: list[bytes] = []
        left = self.max_bytes
        encoding = answer.headers.get("content-encoding", "").strip().lower()
        for part in _unpacked(answer.iter_raw(), encoding, self.max_bytes):
            clock.left()
            left -= len(part)
            if left < 0:
                raise _too_large(self.max_bytes)
            parts.append(part)
        return b"".join(parts)

    def _checked(self, url: str) -> httpx.URL:
        target = _parsed(url)
        if target.userinfo:
            raise Refused("credentials", "An address with a user name or password is not fetched.")
        if _origin(target) not in self.allow_origins and _port(target) not in (80, 443):
            raise Refused("port", "Only addresses on the ordinary web ports are fetched.")
        return target


class _GuardedTransport(httpx.HTTPTransport):
    """httpx's own transport over sockets that are opened by `_GuardedSockets`."""

    def __init__(self, client: SafeClient, clock: Clock) -> None:
        super().__init__(verify=client.tls, trust_env=False)
        self._origins = client.allow_origins
        self._sockets = GuardedSockets(client.resolver, clock)
        self._pool = httpcore.ConnectionPool(
            ssl_context=client.tls, max_connections=1, network_backend=self._sockets
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._sockets.allowed = _origin(request.url) in self._origins
        return super().handle_request(request)


def _parsed(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Refused("bad_url", "That is not a web address.") from error
    if target.scheme not in DEFAULT_PORTS:
        raise Refused("scheme", "Only addresses that begin with http:// or https:// are fetched.")
    if not _HOST.fullmatch(target.raw_host):
        raise Refused("bad_url", "The address names no site.")
    return target


def _port(url: httpx.URL) -> int:
    return url.port or DEFAULT_PORTS[url.scheme]


def _origin(url: httpx.URL) -> str:
    host = url.raw_host.decode("ascii")
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}:{_port(url)}"


def _joined(base: httpx.URL, location: str) -> str:
    try:
        return str(base.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused("bad_url", "The address redirects to something that is none.") from error


def _conditional(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """The conditional headers; what a server told us goes back only as plain printable ASCII."""
    wanted = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {
        name: value
        for name, value in wanted.items()
        if value and len(value) <= 1000 and value.isascii() and value.isprintable()
    }


def _unpacked(raw: Iterator[bytes], encoding: str, limit: int) -> Iterator[bytes]:
    """The body without its packing, never more than 64 kB at a time, so that a bomb stays small."""
    if encoding in ("", "identity"):
        yield from raw
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Refused("encoding", "The site answers in a packing that nobody asked for.")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for chunk in raw:
        rest = chunk
        while rest and not unpacker.eof:
            try:
                yield unpacker.decompress(rest, min(65_536, limit + 1))
            except zlib.error as error:
                raise Unreachable("protocol", "The site's answer is damaged.") from error
            rest = unpacker.unconsumed_tail


def _too_large(limit: int) -> TooLarge:
    return TooLarge("too_large", f"The answer is larger than {limit:,} bytes and was dropped.")


def _unreachable(error: httpx.HTTPError) -> Unreachable:
    if isinstance(error, httpx.ConnectError):
        if "CERTIFICATE" in str(error).upper() or "SSL" in str(error).upper():
            return Unreachable("tls", "The site's certificate could not be verified.")
        return Unreachable("connect", "The site could not be reached.")
    return Unreachable("protocol", "The site did not answer as a web site does.")
