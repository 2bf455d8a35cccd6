"""Real servers for tests, on unix sockets and free loopback ports, gone with the test process."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
INITDB_OPTIONS = [
    "--auth=trust",
    "--no-sync",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
]


class MissingProgramError(Exception):
    """A program of the system is missing; the message says what to install."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"{program} is missing: run scripts/need_system.sh, or install {package} by hand."
        )


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(seen: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether `seen` becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if seen():
            return True
        time.sleep(0.02)
    return seen()


def listens(port: int) -> bool:
    """Whether a loopback port accepts connections."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def short_directory(owner: str | None = None) -> Iterator[Path]:
    """A private directory with a path short enough for unix sockets."""
    place = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    try:
        if owner:
            shutil.chown(place, owner)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


# What a test may have made or changed besides rows: a database with more than at first is dropped.
_SHAPE = """
    SELECT md5(string_agg(concat(relname, relkind, relnatts), ',' ORDER BY relname))
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND relname <> 'alembic_version'
"""
_SEQUENCES = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""
_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass
class Postgres:
    """A running cluster; databases are copies of templates."""

    sockets: Path
    process: subprocess.Popen[bytes]
    templates: dict[str, str] = field(default_factory=dict)
    clean: dict[str, list[str]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.sockets}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with self.connected("postgres") as connection:
            connection.execute(statement.encode())

    def connected(self, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection of the superuser, each statement its own transaction."""
        return psycopg.connect(
            f"host={self.sockets} user=postgres dbname={database}", autocommit=True
        )

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A fresh database, dropped afterwards; yields its URL."""
        name = self._created(template)
        try:
            yield self.url(name)
        finally:
            self._drop(name)

    @contextmanager
    def emptied_database(self, template: str) -> Iterator[str]:
        """A database like the template, made clean again afterwards for the next who asks.

        That takes a tenth of making another; yields its URL.
        """
        clean = self.clean.setdefault(template, [])
        name = clean.pop() if clean else self._created(template)
        yield self.url(name)
        if self._emptied(name, self.templates[template]):
            clean.append(name)
        else:
            self._drop(name)

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """A template database, filled at first use by `fill(url)`."""
        if name not in self.templates:
            self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            fill(self.url(name))
            with self.connected(name) as connection:
                self.templates[name] = _one(connection, _SHAPE)
        return name

    def _created(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _emptied(self, name: str, shape: str) -> bool:
        """Whether a database could be made as its template is, which holds no rows."""
        with self.connected(name) as connection:
            connection.execute(_OTHERS)
            if _one(connection, _SHAPE) != shape:
                return False
            tables = [row[0] for row in connection.execute(_TABLES)]
            filled = " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in tables
            )
            connection.execute("SET session_replication_role = replica")  # no triggers, no keys
            for (table,) in connection.execute(filled.encode()).fetchall():
                connection.execute(f'DELETE FROM "{table}"'.encode())
            connection.execute(_SEQUENCES)
            connection.execute("SELECT pg_stat_reset()")
        return True


def _one(connection: "psycopg.Connection[tuple[Any, ...]]", query: LiteralString) -> str:
    row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0])


@contextmanager
def postgres(durable: bool = False) -> Iterator[Postgres]:
    """A cluster of our own on a unix socket; `durable` keeps fsync on, for tests that kill it."""
    binaries = _postgres_binaries()
    user = "postgres" if os.getuid() == 0 else None
    with short_directory(owner=user) as place:
        data = place / "data"
        _run_as(
            user,
            [str(binaries / "initdb"), "--pgdata", str(data), *INITDB_OPTIONS],
        )
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(place),
            "fsync": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off",
            "max_connections": "100",
            "timezone": "UTC",
        }
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        # setpriv, since the user postgres may not be able to run our Python.
        command = ["setpriv", "--pdeathsig", "KILL", str(binaries / "postgres"), "-D", str(data)]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, *settings], user=user, cwd=place, stdout=log, stderr=log
            )
        cluster = Postgres(place, process)
        try:
            if not eventually(lambda: process.poll() is not None or _accepts(cluster)):
                raise RuntimeError("PostgreSQL did not come up:\n" + (place / "log").read_text())
            yield cluster
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait()


def chromium_program() -> str:
    """Where the browser is. Raises `MissingProgramError`."""
    program = shutil.which("chromium")
    if program is None:
        raise MissingProgramError("chromium", "Debian's package chromium")
    return program


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise MissingProgramError("PostgreSQL's initdb", "Debian's package postgresql")
    return Path(on_path).resolve().parent


def _run_as(user: str | None, command: list[str]) -> None:
    if user is not None and user not in {entry.pw_name for entry in pwd.getpwall()}:
        raise MissingProgramError("the user postgres", "Debian's package postgresql")
    subprocess.run(command, user=user, check=True, cwd="/", stdout=subprocess.DEVNULL)


def _accepts(cluster: Postgres) -> bool:
    try:
        cluster.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
