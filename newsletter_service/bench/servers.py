"""The servers a bench is measured against, on free loopback ports, gone when it ends."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
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


@contextmanager
def sink() -> Iterator[int]:
    """Postfix's smtp-sink, which takes every message and keeps none; yields its port."""
    port = free_port()
    as_nobody = ["-u", "nobody"] if os.getuid() == 0 else []
    command = [program("smtp-sink", "postfix"), *as_nobody, f"127.0.0.1:{port}", "256"]
    process = subprocess.Popen(tethered(command))  # noqa: S603 - our own command line
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postgres(place: Path) -> Iterator[str]:
    """A durable PostgreSQL cluster (fsync and synchronous_commit on); yields its URL."""
    binaries = _postgres_binaries()
    user = "postgres" if os.getuid() == 0 else None
    home = place / "pg"
    home.mkdir()
    if user:
        shutil.chown(home, user)
    made = ["initdb", "-D", str(home / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8"]
    subprocess.run(  # noqa: S603 - our own command line
        [str(binaries / made[0]), *made[1:], "--locale=C.UTF-8"],
        user=user,
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
    )
    settings = {"listen_addresses": "", "unix_socket_directories": home, "shared_buffers": "256MB"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            [str(binaries / "postgres"), "-D", str(home / "data"), *options],
            user=user,
            cwd="/",
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for_postgres(home, process)
        yield f"postgresql+psycopg://postgres@/postgres?host={home}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return found[-1].parent if found else Path(program("initdb", "postgresql")).resolve().parent


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} did not come up.")


def _wait_for_postgres(home: Path, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            psycopg.connect(f"host={home} user=postgres dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("PostgreSQL did not come up:\n" + (home / "log").read_text())
