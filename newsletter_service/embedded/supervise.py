"""Keeps a few named programs running beside us and ends them with us.

One thread starts, watches, restarts and stops all children of a supervisor, and lives longer than
each of them: a child's death signal hangs on the thread that started it (see `tether`).
"""

import contextlib
import http.client
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from newsletter_service.embedded.tether import tethered

log = logging.getLogger(__name__)

LOOK_EVERY = 0.05
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STEADY_AFTER = 30.0
LOG_BYTES = 10_000_000


class ChildNotReadyError(Exception):
    """A child did not come up; the message names it and ends with the last lines of its log."""


@dataclass(frozen=True)
class Child:
    """A program to keep running. `ready` says whether it serves; without it, running is enough."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: Callable[[], bool] | None = None
    cwd: Path | None = None
    pass_fds: tuple[int, ...] = ()


@dataclass
class _Run:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    pause: float = FIRST_PAUSE
    deaths: int = 0
    failure: str = ""
    known_ready: bool = field(default=False)


class Supervisor:
    """Runs children until `stop`, restarting those that end, with a growing pause between tries.

    What a child prints goes to `<log_dir>/<name>.log`.
    """

    def __init__(self, children: Sequence[Child], log_dir: Path) -> None:
        self._runs = {child.name: _Run(child) for child in children}
        self._log_dir = log_dir
        self._stopping = threading.Event()
        self._first_round = threading.Event()
        self._grace = 10.0
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start every child; does not wait until they are ready."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._first_round.wait()

    def stop(self, grace: float = 10.0) -> None:
        """Send SIGTERM to every child, wait at most `grace` seconds, then kill what is left."""
        self._grace = grace
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def pids(self) -> dict[str, int]:
        """The process ids of the children running now, by name."""
        return {name: run.process.pid for name, run in self._runs.items() if run.process}

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Return when every child serves. Raises `ChildNotReadyError` when one does not."""
        deadline = time.monotonic() + timeout
        for run in self._runs.values():
            while not self._is_ready(run):
                if run.failure or run.deaths >= 3 or time.monotonic() > deadline:
                    raise ChildNotReadyError(self._why_not(run))
                time.sleep(LOOK_EVERY)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self.stop()

    def log_path(self, name: str) -> Path:
        """Where the child of this name writes."""
        return self._log_dir / f"{name}.log"

    # -- the supervising thread ------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopping.is_set():
            for run in self._runs.values():
                self._tend(run)
            self._first_round.set()
            self._stopping.wait(LOOK_EVERY)
        self._end_all()

    def _tend(self, run: _Run) -> None:
        now = time.monotonic()
        if run.process is None:
            if now >= run.start_at:
                self._launch(run, now)
            return
        if not _has_ended(run.process):
            return
        code = _reap(run.process)
        run.process = None
        run.known_ready = False
        run.deaths += 1
        if now - run.started > STEADY_AFTER:
            run.pause, run.deaths = FIRST_PAUSE, 1
        run.start_at = now + run.pause
        log.warning("%s ended with code %s; restart in %.1f s", run.child.name, code, run.pause)
        run.pause = min(run.pause * 2, LONGEST_PAUSE)

    def _launch(self, run: _Run, now: float) -> None:
        child = run.child
        path = self.log_path(child.name)
        _turn_over(path)
        try:
            with path.open("ab") as output:
                run.process = subprocess.Popen(  # noqa: S603 - the caller names the program
                    tethered(list(child.argv)),
                    env=None if child.env is None else dict(child.env),
                    cwd=child.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=child.pass_fds,
                )
            run.started = now
        except OSError as error:
            run.failure = str(error)
            run.start_at = now + run.pause
            run.pause = min(run.pause * 2, LONGEST_PAUSE)
            log.warning("%s did not start: %s", child.name, error)

    def _end_all(self) -> None:
        running = [run.process for run in self._runs.values() if run.process]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while time.monotonic() < deadline and not all(map(_has_ended, running)):
            time.sleep(LOOK_EVERY)
        for process in running:
            _reap(process)
        for run in self._runs.values():
            run.process = None

    def _is_ready(self, run: _Run) -> bool:
        if run.process is None:
            run.known_ready = False
        elif not run.known_ready:
            run.known_ready = run.child.ready is None or run.child.ready()
        return run.known_ready

    def _why_not(self, run: _Run) -> str:
        path = self.log_path(run.child.name)
        tail = path.read_text(errors="replace").splitlines()[-8:] if path.exists() else []
        said = "\n".join(["", *tail]) if tail else " It printed nothing."
        cause = f" {run.failure}." if run.failure else ""
        return f"{run.child.name} did not come up.{cause} The end of {path}:{said}"


def http_ready(url: str) -> Callable[[], bool]:
    """A readiness check: true once a GET of `url` answers with a status below 400."""
    parts = urlsplit(url)

    def ready() -> bool:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
        try:
            connection.request("GET", parts.path or "/")
            return connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended. Leaves it unreaped, so that its id still is nobody else's."""
    seen = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return seen is not None


def _reap(process: subprocess.Popen[bytes]) -> int:
    """Kill the child with whatever it started in its session, and return its exit code."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _turn_over(path: Path) -> None:
    """Keep one older log file, so that logs cannot fill the disk."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
