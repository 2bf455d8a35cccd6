"""The guarded client against loopback servers and a resolver that says what the test wants."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from newsletter_service.safe_http import (
    FetchError,
    Refused,
    SafeClient,
    TimedOut,
    TooLarge,
    Unreachable,
    is_public,
    origin_of,
)

BOMB = gzip.compress(b"\0" * 50_000_000)


class Site(BaseHTTPRequestHandler):
    """Answers by path; keeps the requests it saw on the server."""

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        answer = getattr(self, "answer_" + self.path.strip("/").split("/")[0], self.answer_plain)
        answer()

    def say(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_plain(self) -> None:
        if self.headers.get("If-None-Match") == '"v1"':
            self.say(304, {"ETag": '"v1"'})
            return
        self.say(200, {"ETag": '"v1"', "Content-Type": "text/plain"}, "hej å".encode())

    def answer_to(self) -> None:
        self.say(302, {"Location": self.headers.get("X-Never", "") or self.server.location})  # type: ignore[attr-defined]

    def answer_loop(self) -> None:
        self.say(301, {"Location": "/loop"})

    def answer_big(self) -> None:
        self.say(200, {}, b"x" * 20_000)

    def answer_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 4096)
        except OSError:
            return

    def answer_zipped(self) -> None:
        self.say(200, {"Content-Encoding": "gzip"}, gzip.compress(b"packed " * 100))

    def answer_bomb(self) -> None:
        self.say(200, {"Content-Encoding": "gzip"}, BOMB)

    def answer_brotli(self) -> None:
        self.say(200, {"Content-Encoding": "br"}, b"whatever")

    def answer_damaged(self) -> None:
        self.say(200, {"Content-Encoding": "gzip"}, b"this is not gzip")

    def answer_drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    location = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Site)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.origin = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what several tests are about."""


@pytest.fixture
def site() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def raw_server(answer: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that reads a request and says some bytes, one by one when there is a pause."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                try:
                    for byte in [answer] if not pause else [bytes([b]) for b in answer]:
                        connection.sendall(byte)
                        time.sleep(pause)
                except OSError:
                    return

        threading.Thread(target=talk, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def client(site: Server, **options: object) -> SafeClient:
    return SafeClient(allow_origins=frozenset({site.origin}), **options)  # type: ignore[arg-type]


def resolves_to(*addresses: str):  # type: ignore[no-untyped-def]
    return lambda host, port: list(addresses)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "203.0.113.9",
        "192.0.0.8", "192.88.99.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::1", "2001::1",
        "2001:db8::1", "3fff::1", "::7f00:1", "100::1", "5f00::1", "fec0::1", "not an address", "",
    ],
)  # fmt: skip
def test_asvs_1_3_6_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2a00:1450::1",
     "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.5", "::1", "169.254.169.254", "::ffff:127.0.0.1"]
)
def test_asvs_1_3_6_a_name_that_resolves_to_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(Refused) as refused:
        SafeClient(resolver=resolves_to(address)).get("http://feed.example.org/")
    assert refused.value.code == "address"


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(Refused) as refused:
        SafeClient(resolver=resolves_to("8.8.8.8", "127.0.0.1")).get("http://feed.example.org/")
    assert refused.value.code == "address"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "127.1"]
)
def test_every_way_to_write_loopback_is_refused(host: str) -> None:
    with pytest.raises((Refused, Unreachable)) as refused:
        SafeClient().get(f"http://{host}/")
    assert refused.value.code in {"address", "bad_url", "dns"}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.org/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.org/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("", "scheme"),
        ("//example.org/x", "scheme"),
        ("http://", "bad_url"),
        ("http://[::1", "bad_url"),
        ("http://a b/", "bad_url"),
        ("http://example.org:99999/", "port"),
        ("http://example.org/\r\nX: y", "bad_url"),
        ("http://user:secret@example.org/", "credentials"),
        ("http://user@example.org/", "credentials"),
        ("http://example.org:22/", "port"),
        ("https://example.org:8443/", "port"),
    ],
)
def test_an_address_we_do_not_fetch_is_refused_with_its_reason(url: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        SafeClient(resolver=resolves_to("127.0.0.1")).get(url)
    assert refused.value.code == code
    assert str(refused.value).endswith(".")


def test_an_allowed_origin_is_fetched_with_its_headers(site: Server) -> None:
    answer = client(site).get(site.origin + "/plain")
    assert (answer.status, answer.body.decode()) == (200, "hej å")
    assert answer.headers["etag"] == '"v1"'
    assert answer.final_url == site.origin + "/plain"


def test_an_unchanged_answer_is_304_without_a_body(site: Server) -> None:
    answer = client(site).get(site.origin + "/plain", etag='"v1"', last_modified="Sun, 22 Nov 2026")
    assert (answer.status, answer.body) == (304, b"")
    assert site.seen[0][1]["If-Modified-Since"] == "Sun, 22 Nov 2026"


def test_a_hostile_etag_is_not_sent_back(site: Server) -> None:
    client(site).get(site.origin + "/plain", etag='"a"\r\nX-Evil: 1', last_modified="ö")
    assert not {"If-None-Match", "If-Modified-Since", "X-Evil"} & set(site.seen[0][1])


def test_only_the_exact_origin_is_allowed(site: Server) -> None:
    with Server() as other:
        with pytest.raises(Refused) as refused:
            client(site).get(other.origin + "/")
        assert refused.value.code == "port"
        assert other.seen == []
    with pytest.raises(Refused):
        client(site).get(site.origin.replace("127.0.0.1", "localhost") + "/")


def test_the_name_stays_in_host_while_the_checked_address_is_used(site: Server) -> None:
    origin = f"http://feed.example.org:{site.server_port}"
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    answer = SafeClient(allow_origins=frozenset({origin}), resolver=resolver).get(origin + "/x")
    assert answer.status == 200
    assert asked == ["feed.example.org"]
    assert site.seen[0][1]["Host"] == f"feed.example.org:{site.server_port}"


def test_a_redirect_is_followed_and_the_last_address_told(site: Server) -> None:
    site.location = "/plain"
    assert client(site).get(site.origin + "/to").final_url == site.origin + "/plain"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data", "address"),
        ("http://127.0.0.1/", "address"),
        ("http://[::1]/", "address"),
        ("http://127.0.0.1:6379/", "port"),
        ("file:///etc/passwd", "scheme"),
        ("http://u:p@example.org/", "credentials"),
    ],
)
def test_asvs_1_3_6_a_redirect_is_checked_like_the_first_address(
    site: Server, location: str, code: str
) -> None:
    site.location = location
    with pytest.raises(Refused) as refused:
        client(site).get(site.origin + "/to")
    assert refused.value.code == code


def test_redirects_without_end_are_refused(site: Server) -> None:
    with pytest.raises(Refused) as refused:
        client(site, max_redirects=3).get(site.origin + "/loop")
    assert refused.value.code == "redirects"
    assert len(site.seen) == 4


def test_an_answer_over_the_limit_is_dropped(site: Server) -> None:
    for path in ("/big", "/endless"):
        with pytest.raises(TooLarge):
            client(site, max_bytes=10_000).get(site.origin + path)
    assert len(client(site, max_bytes=20_000).get(site.origin + "/big").body) == 20_000


def test_a_packed_answer_is_unpacked_and_a_bomb_counted_by_what_it_unpacks_to(
    site: Server,
) -> None:
    assert client(site).get(site.origin + "/zipped").body == b"packed " * 100
    with pytest.raises(TooLarge):
        client(site, max_bytes=1_000_000).get(site.origin + "/bomb")


@pytest.mark.parametrize(("path", "code"), [("/brotli", "encoding"), ("/damaged", "protocol")])
def test_a_packing_we_cannot_open_is_an_error_and_not_garbage(
    site: Server, path: str, code: str
) -> None:
    with pytest.raises(FetchError) as error:
        client(site).get(site.origin + path)
    assert error.value.code == code


def test_a_dripping_body_ends_when_the_time_is_up(site: Server) -> None:
    started = time.monotonic()
    with pytest.raises(TimedOut):
        client(site, timeout_s=0.4).get(site.origin + "/drip")
    assert time.monotonic() - started < 2


def test_dripping_headers_end_when_the_time_is_up() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 100, pause=0.02) as origin:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            SafeClient(allow_origins=frozenset({origin}), timeout_s=0.4).get(origin + "/")
        assert time.monotonic() - started < 2


def test_a_resolver_that_hangs_ends_when_the_time_is_up() -> None:
    def hangs(host: str, port: int) -> list[str]:
        time.sleep(3)
        return []

    with pytest.raises(TimedOut):
        SafeClient(resolver=hangs, timeout_s=0.2).get("http://example.org/")


def test_a_name_without_an_address_and_a_closed_port_are_unreachable() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(Unreachable) as nowhere:
        SafeClient(resolver=unknown).get("http://nowhere.invalid/")
    assert nowhere.value.code == "dns"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Unreachable) as closed:
        SafeClient(allow_origins=frozenset({origin})).get(origin)
    assert closed.value.code == "connect"


def test_what_is_not_http_is_unreachable() -> None:
    with raw_server(b"220 mail.example.org ESMTP\r\n") as origin:
        with pytest.raises(Unreachable) as error:
            SafeClient(allow_origins=frozenset({origin})).get(origin + "/")
        assert error.value.code == "protocol"


def test_https_to_a_server_without_tls_is_told_as_such(site: Server) -> None:
    origin = site.origin.replace("http://", "https://")
    with pytest.raises(Unreachable) as error:
        SafeClient(allow_origins=frozenset({origin}), timeout_s=2).get(origin + "/")
    assert error.value.code == "tls"


def test_the_environment_names_no_proxy(site: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert client(site).get(site.origin + "/plain").status == 200


def test_an_origin_is_written_with_its_port() -> None:
    assert origin_of("https://Example.org/x?y") == "https://example.org:443"
    assert origin_of("http://[2001:db8::1]:81/") == "http://[2001:db8::1]:81"
