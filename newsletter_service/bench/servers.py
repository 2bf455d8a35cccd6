"""The servers a bench is measured against, on free loopback ports, gone when it ends."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from newsletter_service.embedded.tether import tethered

PATIENCE_S = 30.0


class MissingProgram(Exception):
    """A program that the bench measures with is not installed; the message says which package."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"{program} is missing: install {package} (Debian's name), then try again."
        )


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, package: str) -> str:
    """Where a program is, also outside the PATH. Raises `MissingProgram`."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingProgram(name, package)
    return found


def _ending_with_us(command: list[str], user: str) -> list[str]:
    """The command line for a server that ends when we do, run by `user` where we are root.

    Who changes its user is no longer tied: so it changes first.
    """
    if os.getuid() != 0:
        return tethered(command, signal.SIGINT)
    group = pwd.getpwnam(user).pw_gid
    become = [f"--reuid={user}", f"--regid={group}", "--clear-groups", "--pdeathsig=INT"]
    return [program("setpriv", "util-linux"), *become, "--", *command]


@contextmanager
def sink() -> Iterator[int]:
    """Postfix's smtp-sink, which takes every message and keeps none; yields its port."""
    port = free_port()
    command = [program("smtp-sink", "postfix"), f"127.0.0.1:{port}", "256"]
    process = subprocess.Popen(_ending_with_us(command, "nobody"))  # noqa: S603 - our own
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


class Cluster:
    """A durable PostgreSQL cluster (fsync and synchronous_commit on) that can be killed.

    `options` are settings of the server; without `listen_addresses` it has a unix socket only.
    `within` is a command that starts it somewhere else, as the user that may run it.
    """

    def __init__(self, place: Path, within: Sequence[str] = (), **options: object) -> None:
        self._within = list(within)
        self.home = place / "pg"
        self._user = "postgres" if os.getuid() == 0 else None
        self._binaries = _postgres_binaries()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.home,
            "shared_buffers": "256MB",
        } | options
        self._options = [
            part for name, value in settings.items() for part in ("-c", f"{name}={value}")
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.home}"

    def make(self) -> None:
        """Lay out the cluster's files."""
        self.home.mkdir()
        if self._user:
            shutil.chown(self.home, self._user)
        made = ["-D", str(self.home / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8"]
        subprocess.run(  # noqa: S603 - our own command line
            [str(self._binaries / "initdb"), *made, "--locale=C.UTF-8"],
            user=self._user,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Start it and wait until it answers; after a kill its last children must have gone."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            self._launch()
            try:
                _wait_for_postgres(self.home, self._process)
            except RuntimeError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.2)
            else:
                return

    def _launch(self) -> None:
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [*self._within, *self._command()] if self._within else self._tied(),
                cwd="/",
                stdout=log,
                stderr=log,
            )

    def _tied(self) -> list[str]:
        return _ending_with_us(self._command(), "postgres")

    def _command(self) -> list[str]:
        return [str(self._binaries / "postgres"), "-D", str(self.home / "data"), *self._options]

    def kill(self) -> None:
        """End it as a power cut does; its children see that and end, too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Shut it down."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def postgres(place: Path) -> Iterator[str]:
    """A durable cluster; yields its URL."""
    cluster = Cluster(place)
    cluster.make()
    cluster.start()
    try:
        yield cluster.url
    finally:
        cluster.stop()


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return found[-1].parent if found else Path(program("initdb", "postgresql")).resolve().parent


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process listens. Raises RuntimeError when it does not come up."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} did not come up.")


def _wait_for_postgres(home: Path, process: subprocess.Popen[bytes] | None) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends and process is not None and process.poll() is None:
        try:
            psycopg.connect(f"host={home} user=postgres dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("PostgreSQL did not come up:\n" + (home / "log").read_text())
