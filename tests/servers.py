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


@dataclass
class Postgres:
    """A running cluster; databases are copies of templates and cost some 50 ms."""

    sockets: Path
    process: subprocess.Popen[bytes]
    templates: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.sockets}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(
            f"host={self.sockets} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A fresh database, dropped afterwards; yields its URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """A template database, filled at first use by `fill(url)`."""
        if name not in self.templates:
            self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            fill(self.url(name))
            self.templates.add(name)
        return name


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
