"""A world whose relay and DNS are real servers on loopback."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter_service.models import NewsletterList, Organisation, writing
from tests.dns_server import DnsServer
from tests.smtp_sink import Behaviour, Sink
from tests.world import World, world

SENDER = "fjallangen.se"
BOUNCE = "bounce.fjallangen.se"
USERS = {"park": "hemligt"}
Make = Callable[..., World]


def dkim_record(bits: int = 2048, more: str = "") -> str:
    """A key as it is published."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; {more}p={base64.b64encode(der).decode()}"


@pytest.fixture(scope="session")
def good_key() -> str:
    return dkim_record()


@pytest.fixture
def dns(good_key: str) -> Iterator[DnsServer]:
    """All that a sender needs, published."""
    with DnsServer() as server:
        server.text(BOUNCE, "v=spf1 include:spf.relay.se -all")
        server.text("spf.relay.se", "v=spf1 ip4:192.0.2.1 -all")
        server.records[BOUNCE, "MX"] = ["10 in.fjallangen.se."]
        server.text(f"s1._domainkey.{SENDER}", good_key)
        server.text(f"_dmarc.{SENDER}", f"v=DMARC1; p=none; rua=mailto:dmarc@{SENDER}")
        yield server


@pytest.fixture
def relay() -> Iterator[Sink]:
    with Sink(Behaviour(tls="starttls", users=USERS)) as sink:
        yield sink


@pytest.fixture
def make(sqlite_url: str, tmp_path: Path, dns: DnsServer, relay: Sink) -> Iterator[Make]:
    """Make an installation in trial mode; keyword arguments change its settings."""
    with ExitStack() as stack:

        def act(sender: str = f"nyhetsbrev@{SENDER}", **settings: str) -> World:
            defaults = {
                "smtp_url": relay.url,
                "dns_server": dns.address,
                "base_url": f"https://nyhetsbrev.{SENDER}",
                "bounce_domain": BOUNCE,
                "dkim_selectors": "s1",
            }
            made = stack.enter_context(world(sqlite_url, tmp_path, **{**defaults, **settings}))
            with writing() as session:
                session.get_one(Organisation, 1).live_at = None
                session.get_one(NewsletterList, made.list_id).sender_address = sender
            return made

        yield act


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)
