"""The servers of the tests, started when first asked for, once per test process.

A program that is missing fails the test with one sentence; nothing is skipped.
"""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import settings
from jinja2.bccache import Bucket, BytecodeCache
from playwright.sync_api import Browser, sync_playwright
from redis import Redis

from newsletter_service.embedded.valkey import EmbeddedValkey
from tests import dovecot_server, exim_server, network_guard, postfix_server, schema, servers
from tests.smtp_sink import Sink

UNIT = Path(__file__).parent / "unit"

network_guard.install()


class Compiled(BytecodeCache):
    """Templates compiled once for all the applications that a test process makes."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what an earlier application compiled from the same source."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Compiled()}

# What takes longest begins first, so that no process ends long after the others.
FIRST = (
    "tests/journeys/test_crashes.py",
    "tests/journeys/",
    "tests/integration/delivery/",
    "tests/integration/attacks/",
    "tests/integration/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules in the order of `FIRST`, each with its tests together."""
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """The collector of cycles need not walk over all modules again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _turn(item: pytest.Item) -> int:
    named = (at for at, start in enumerate(FIRST) if item.nodeid.startswith(start))
    return next(named, len(FIRST))


if "CI" not in os.environ:  # there Hypothesis brings a profile of its own
    settings.register_profile("noisy machine", deadline=None)
    settings.load_profile("noisy machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Unit tests reach nothing outside the process."""
    if not item.path.is_relative_to(UNIT):
        return (yield)
    with network_guard.purity():
        return (yield)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    """A PostgreSQL cluster of this test process."""
    with servers.postgres() as cluster:
        yield cluster


@pytest.fixture
def empty_postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """A fresh database without tables."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def postgres_url(
    postgres_server: servers.Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A PostgreSQL database with our schema and no rows."""
    template = postgres_server.template(
        "with_schema", lambda url: schema.migrate(url, tmp_path_factory.mktemp("postgres"))
    )
    with postgres_server.emptied_database(template) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with our schema, to be copied."""
    place = tmp_path_factory.mktemp("sqlite")
    template = place / "template.db"
    schema.migrate(f"sqlite:///{template}", place)
    return template


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database with our schema."""
    target = tmp_path / "newsletter.db"
    target.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{target}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with our schema, once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey of this test process."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def valkey_url(valkey_server: EmbeddedValkey) -> str:
    """An empty Valkey."""
    with Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture
def smtp_sink() -> Iterator[Sink]:
    """An SMTP server that takes everything and remembers it."""
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless browser; per module, since its event loop would stand in others' way."""
    program = servers.chromium_program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=servers.CHROMIUM_FLAGS, headless=True
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postfix() -> Iterator[postfix_server.Postfix]:
    """A real relay that accepts everything and bounces unknown users of reader.test."""
    with postfix_server.postfix() as server:
        yield server


@pytest.fixture(scope="session")
def exim() -> Iterator[exim_server.Exim]:
    """Another real relay that accepts everything and returns what it cannot deliver."""
    with exim_server.exim() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot() -> Iterator[dovecot_server.Dovecot]:
    """Real mailboxes over IMAP and POP."""
    with dovecot_server.dovecot() as server:
        yield server
