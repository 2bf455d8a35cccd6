"""The house that the drill sets on fire: an installation with its servers and its processes."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.servers import Cluster, free_port
from newsletter_service.embedded.supervise import Child, Supervisor
from newsletter_service.embedded.valkey import EmbeddedValkey
from newsletter_service.witness.ledger import held_by
from newsletter_service.witness.sink import Store

PROGRAM = (sys.executable, "-m", "newsletter_service")
SENDERS = ("send-1", "send-2")
LOOK_S = 0.05
CLOCK_APART_S = 300
_FAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
)


@dataclass(frozen=True)
class Plan:
    """How the house is built. `delay_ms` is what the sink takes to answer for a message."""

    place: Path
    database: str
    lease_s: int
    connections: int
    delay_ms: float


@dataclass
class House:
    """What runs, and how to strike it."""

    plan: Plan
    made: Installation
    store: Store
    queue: EmbeddedValkey
    supervisor: Supervisor
    cluster: Cluster | None
    clock_apart: bool
    arrived: list[tuple[str, str]] = field(default_factory=list)
    newest: float = 0.0

    def look(self) -> int:
        """Read what came to the sink; how many that are by now."""
        for taken in self.store.more():
            self.arrived.append((taken.recipient, taken.message_id))
            self.newest = taken.at
        return len(self.arrived)

    def pid(self, name: str) -> int:
        """A process's id, once it runs."""
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            if name in (found := self.supervisor.pids()):
                return found[name]
            time.sleep(LOOK_S)
        raise RuntimeError(f"{name} does not come up: see {self.supervisor.log_path(name)}.")

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a process a signal; returns the id that it had."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def busy_sender(self, patience_s: float = 30.0) -> str:
        """A send worker that holds claims right now."""
        ends = time.monotonic() + patience_s
        while time.monotonic() < ends:
            for name in SENDERS:
                pid = self.supervisor.pids().get(name)
                if pid and self.holds([pid]):
                    return name
            time.sleep(LOOK_S)
        return SENDERS[0]

    def holds(self, pids: list[int]) -> int:
        """How many claims are held by these processes; those of the dead wait for their lease."""
        return held_by(pids)

    def flush_queue(self) -> None:
        """Empty the queue server."""
        with Redis.from_url(self.queue.url) as client:
            client.flushall()

    def wait(self, seen: Callable[[], bool], seconds: float) -> bool:
        """Whether something is seen in time; what came to the sink is read meanwhile."""
        ends = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > ends:
                return False
            self.look()
            time.sleep(LOOK_S)
        return True


@contextmanager
def house(plan: Plan) -> Iterator[House]:
    """Build it, let everything run, and clear it away."""
    with ExitStack() as stack:
        cluster = _cluster(plan, stack)
        url = cluster.url if cluster else f"sqlite:///{plan.place}/drill.db"
        valkey = stack.enter_context(EmbeddedValkey(plan.place / "queue"))
        port = free_port()
        made = stack.enter_context(
            installation(
                url,
                plan.place / "data",
                smtp_url=f"smtp://127.0.0.1:{port}?tls=none",
                redis_url=valkey.url,
                smtp_connections=plan.connections,
                lease_seconds=plan.lease_s,
                batch_size=200,
                retry_seconds=2,
            )
        )
        # SQLite asks the clock of each process: it is one machine, and that has one.
        library = clock_library() if cluster else ""
        children = _children(plan, made, port, library)
        supervisor = stack.enter_context(Supervisor(children, plan.place / "log"))
        supervisor.wait_ready()
        yield House(plan, made, Store(_stored(plan)), valkey, supervisor, cluster, bool(library))


def clock_library() -> str:
    """Where libfaketime is, or an empty text."""
    return next((path for path in _FAKETIME if Path(path).exists()), "")


def _cluster(plan: Plan, stack: ExitStack) -> Cluster | None:
    if plan.database == "sqlite":
        return None
    cluster = Cluster(plan.place)
    cluster.make()
    cluster.start()
    stack.callback(cluster.stop)
    return cluster


def _stored(plan: Plan) -> Path:
    return plan.place / "sink.tsv"


def _children(plan: Plan, made: Installation, port: int, library: str) -> list[Child]:
    clean = {n: v for n, v in os.environ.items() if not n.startswith("NEWSLETTER_")}
    env = clean | made.env
    apart = {
        "LD_PRELOAD": library,
        "FAKETIME": f"+{CLOCK_APART_S}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    sink = [sys.executable, "-m", "newsletter_service.witness.sink", "--port", str(port)]
    sink += ["--store", str(_stored(plan)), "--delay-ms", str(plan.delay_ms)]
    return [
        Child("sink", sink, env=env),
        Child("default", [*PROGRAM, "worker", "default"], env=env),
        Child("scheduler", [*PROGRAM, "scheduler"], env=env),
        Child("send-1", [*PROGRAM, "worker", "send"], env=env),
        Child("send-2", [*PROGRAM, "worker", "send"], env=env | (apart if library else {})),
    ]
