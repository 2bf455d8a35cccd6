"""Supervised programs come back when they die and never outlive us."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter_service.embedded.supervise import (
    Child,
    ChildNotReadyError,
    Supervisor,
    http_ready,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)",
]
OWNER = """
import signal, sys
from pathlib import Path
from newsletter_service.embedded.supervise import Child, Supervisor
supervisor = Supervisor([Child("one", sys.argv[2:]), Child("two", sys.argv[2:])], Path(sys.argv[1]))
supervisor.start()
print(*supervisor.pids().values(), flush=True)
signal.pause()
"""


def eventually(seen: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if seen():
            return True
        time.sleep(0.02)
    return seen()


def never() -> bool:
    return False


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def owner_of_two(log_dir: Path) -> tuple[subprocess.Popen[str], list[int]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(log_dir), *SLEEP], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, [int(pid) for pid in owner.stdout.readline().split()]


def test_a_child_that_is_killed_comes_back(tmp_path: Path) -> None:
    with Supervisor([Child("sleeper", SLEEP)], tmp_path) as supervisor:
        first = supervisor.pids()["sleeper"]
        os.kill(first, signal.SIGKILL)

        assert eventually(lambda: supervisor.pids().get("sleeper", first) != first)


def test_stop_ends_every_child(tmp_path: Path) -> None:
    with Supervisor([Child("one", SLEEP), Child("two", SLEEP)], tmp_path) as supervisor:
        pids = list(supervisor.pids().values())

    assert len(pids) == 2
    assert not any(map(alive, pids))
    assert supervisor.pids() == {}


def test_a_child_deaf_to_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    supervisor = Supervisor([Child("stubborn", STUBBORN)], tmp_path)
    supervisor.start()
    pid = supervisor.pids()["stubborn"]
    assert eventually(lambda: b"deaf" in supervisor.log_path("stubborn").read_bytes())

    supervisor.stop(grace=0.2)

    assert not alive(pid)


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    parent = (
        f"import subprocess; p = subprocess.Popen({SLEEP!r}); print(p.pid, flush=True); p.wait()"
    )
    child = Child("parent", [sys.executable, "-c", parent])
    with Supervisor([child], tmp_path) as supervisor:
        said = supervisor.log_path("parent")
        assert eventually(lambda: said.read_bytes().endswith(b"\n"))
        grandchild = int(said.read_text())

    assert eventually(lambda: not alive(grandchild))


def test_no_orphan_is_left_when_the_owner_is_killed(tmp_path: Path) -> None:
    owner, pids = owner_of_two(tmp_path)
    assert len(pids) == 2

    owner.kill()
    owner.wait()

    assert eventually(lambda: not any(map(alive, pids)))


def test_a_child_that_cannot_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = Child(
        "broken", [sys.executable, "-c", "raise SystemExit('the port is taken')"], ready=never
    )
    with (
        Supervisor([broken], tmp_path) as supervisor,
        pytest.raises(ChildNotReadyError, match=r"(?s)broken did not come up.*the port is taken"),
    ):
        supervisor.wait_ready(timeout=10)


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with (
        Supervisor([Child("ghost", ["/nowhere/ghost"], ready=never)], tmp_path) as supervisor,
        pytest.raises(ChildNotReadyError, match="ghost"),
    ):
        supervisor.wait_ready(timeout=10)


def test_a_web_child_is_ready_once_it_answers(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    web = Child("web", argv, ready=http_ready(f"http://127.0.0.1:{port}/"), cwd=tmp_path)
    with Supervisor([web], tmp_path / "log") as supervisor:
        supervisor.wait_ready(timeout=20)

        assert alive(supervisor.pids()["web"])
