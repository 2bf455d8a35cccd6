"""What strikes the house. Each strike returns the processes it ended and how long stopping took."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from newsletter_service.drill.house import SENDERS, House
from newsletter_service.witness.account import STOP_ALLOWED_S

OUT_S = 1.0


@dataclass(frozen=True)
class Struck:
    """The processes whose claims must be free again, and how long those took that were asked."""

    pids: tuple[int, ...] = ()
    stop_s: float = 0.0


@dataclass(frozen=True)
class Fault:
    """A way to strike; `workers` says how many workers' connections may be left in doubt."""

    name: str
    about: str
    strike: Callable[[House], Struck]
    workers: int = 0
    needs_postgresql: bool = False


def _worker(house: House) -> Struck:
    return Struck((house.signal(house.busy_sender(), signal.SIGKILL),))


def _stop(house: House) -> Struck:
    pid = house.signal(house.busy_sender(), signal.SIGTERM)
    began = time.monotonic()
    house.wait(lambda: not _runs(pid), STOP_ALLOWED_S * 3)
    return Struck((pid,), time.monotonic() - began)


def _sleep(house: House) -> Struck:
    name = house.busy_sender()
    pid = house.signal(name, signal.SIGSTOP)
    try:
        house.wait(lambda: False, house.plan.lease_s + 4.0)
    finally:
        os.kill(pid, signal.SIGCONT)
    return Struck()


def _scheduler(house: House) -> Struck:
    house.signal("scheduler", signal.SIGKILL)
    return Struck()


def _queue(house: House) -> Struck:
    if house.queue.pid:
        os.kill(house.queue.pid, signal.SIGKILL)
    return Struck()


def _flush(house: House) -> Struck:
    house.flush_queue()
    return Struck()


def _relay(house: House) -> Struck:
    house.signal("sink", signal.SIGKILL)
    return Struck()


def _database(house: House) -> Struck:
    if house.cluster is not None:
        house.cluster.kill()
        time.sleep(OUT_S)
        house.cluster.start()
    return Struck()


def _everything(house: House) -> Struck:
    senders = tuple(house.signal(name, signal.SIGKILL) for name in SENDERS)
    for name in ("default", "scheduler", "sink"):
        house.signal(name, signal.SIGKILL)
    _queue(house)
    _database(house)
    return Struck(senders)


def _runs(pid: int) -> bool:
    """Whether it runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


ALL = len(SENDERS)
FAULTS = {
    fault.name: fault
    for fault in (
        Fault("worker", "SIGKILL to a worker that sends", _worker, workers=1),
        Fault("stop", "SIGTERM to a worker that sends", _stop),
        Fault("sleep", "a worker is stopped past its lease and wakes", _sleep, workers=1),
        Fault("scheduler", "SIGKILL to the scheduler", _scheduler),
        Fault("queue", "SIGKILL to Valkey", _queue),
        Fault("flush", "Valkey is emptied", _flush),
        Fault("relay", "SIGKILL to the mail server", _relay, workers=ALL),
        Fault("database", "SIGKILL to PostgreSQL", _database, workers=ALL, needs_postgresql=True),
        Fault("everything", "SIGKILL to all of them at once", _everything, workers=ALL),
    )
}
