"""Several machines on one: network namespaces with nothing shared but PostgreSQL and Valkey.

The hub has the database, the queue, the scheduler and the gathering of readers. Two machines have a
send worker and a mail server each, their own data directory, and keys and addresses from the
environment alone; the hub's files are hidden from them. One machine's clock is five minutes ahead.
In the middle of a send a machine loses its network for longer than a lease, and gets it back.
"""

import base64
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.servers import Cluster
from newsletter_service.delivery.statement import Statement, statement
from newsletter_service.drill.house import CLOCK_APART_S, PROGRAM, clock_library
from newsletter_service.drill.sends import MESSAGE_BYTES
from newsletter_service.embedded.supervise import Child, Supervisor
from newsletter_service.embedded.valkey import program
from newsletter_service.extensions import db
from newsletter_service.witness.account import Account, compare
from newsletter_service.witness.ledger import held_by, is_sent, states_of
from newsletter_service.witness.sink import Store

HUB = "10.77.0.1"
MACHINES = {"one": "10.77.0.2", "two": "10.77.0.3"}
SMTP_PORT = 2525
ENDS_S = 300.0


class NotHere(Exception):
    """This process may not make network namespaces; the message says what it needs."""


@dataclass(frozen=True)
class Town:
    """The machines, and what their mail servers took."""

    made: Installation
    stores: tuple[Store, ...]
    names: dict[str, str]
    supervisor: Supervisor

    def holds(self, machine: str) -> bool:
        """Whether a machine's worker has claims right now."""
        pid = self.supervisor.pids().get(f"send-{machine}")
        return pid is not None and held_by([pid]) > 0

    def arrived(self) -> list[tuple[str, str]]:
        """What came to any of the mail servers since the last look."""
        return [
            (taken.recipient, taken.message_id) for store in self.stores for taken in store.more()
        ]

    def cut(self, machine: str) -> None:
        """Take a machine's network away."""
        self._link(machine, "down")

    def mend(self, machine: str) -> None:
        """Give it back."""
        self._link(machine, "up")

    def _link(self, machine: str, state: str) -> None:
        _ip("-n", self.names["hub"], "link", "set", f"to-{machine}", state)


@contextmanager
def town(place: Path, lease_s: int, connections: int) -> Iterator[Town]:
    """Build the machines and let everything run. Raises `NotHere`."""
    with ExitStack() as stack:
        names = stack.enter_context(_networks())
        hub = place / "hub"
        hub.mkdir()
        hub.chmod(0o755)
        cluster = _cluster(hub, names["hub"], stack)
        settings = {
            "redis_url": f"redis://{HUB}:6379/0",
            "smtp_url": f"smtp://127.0.0.1:{SMTP_PORT}?tls=none",
            "lease_seconds": lease_s,
            "smtp_connections": connections,
            "batch_size": 200,
            "retry_seconds": 2,
            "secret_key": _key(),
            "address_key": _key(),
            "link_keys": f"1:{_key()}",
        }
        made = stack.enter_context(installation(cluster.url, hub / "data", **settings))
        children = _hub(names["hub"], hub, made)
        stores = []
        for machine in MACHINES:
            children += _machine(machine, names[machine], place, made)
            stores.append(Store(place / machine / "sink.tsv"))
        supervisor = stack.enter_context(Supervisor(children, place / "log"))
        supervisor.wait_ready()
        yield Town(made, tuple(stores), names, supervisor)


def send(built: Town, readers: int, lease_s: int) -> Account:
    """Send to everybody; a machine is cut off in the middle and comes back after its lease."""
    built.made.readers(readers)
    began = time.monotonic()
    issue_id = built.made.issue(MESSAGE_BYTES)
    db.session.rollback()
    arrived: list[tuple[str, str]] = []
    struck = _wait(
        lambda: len(arrived) > readers // 4 and built.holds("two"), built, arrived
    ) and not is_sent(issue_id)
    built.cut("two")
    _wait(lambda: False, built, arrived, lease_s + 5.0)
    built.mend("two")
    mended = time.monotonic()
    finished = _wait(lambda: is_sent(issue_id), built, arrived)
    recovery = time.monotonic() - mended
    _wait(lambda: False, built, arrived, 3.0)
    counted: Statement = statement(db.session(), issue_id)
    found = compare(states_of(issue_id), arrived)
    return Account(
        fault="machine",
        strikes=int(struck),
        audience=counted.audience,
        accepted=counted.accepted,
        lost=found.lost,
        double=found.double,
        in_doubt=counted.in_doubt,
        doubt_allowed=built.made.settings.smtp_connections,
        doubt_arrived=found.doubt_arrived,
        recovery_s=round(recovery, 1),
        stop_s=0.0,
        seconds=round(time.monotonic() - began, 1),
        balances=counted.balances,
        finished=finished,
    )


def _wait(
    seen: Callable[[], bool],
    built: Town,
    arrived: list[tuple[str, str]],
    seconds: float = ENDS_S,
) -> bool:
    ends = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > ends:
            return False
        arrived += built.arrived()
        time.sleep(0.1)
    arrived += built.arrived()
    return True


@contextmanager
def _networks() -> Iterator[dict[str, str]]:
    """A hub with a bridge, and the machines on it; nothing else can reach them."""
    if shutil.which("ip") is None:
        raise NotHere("The program ip is missing: install iproute2 (Debian's name).")
    if os.getuid() != 0:
        raise NotHere("Only root may make network namespaces: run it as root.")
    mark = f"nl{os.getpid()}"
    names = {name: f"{mark}-{name}" for name in ("hub", *MACHINES)}
    try:
        for name in names.values():
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", names["hub"], "link", "add", "town", "type", "bridge")
        _ip("-n", names["hub"], "addr", "add", f"{HUB}/24", "dev", "town")
        _ip("-n", names["hub"], "link", "set", "town", "up")
        for machine, address in MACHINES.items():
            here, there = f"to-{machine}", "eth0"
            peer = ("peer", "name", there, "netns", names[machine])
            _ip("-n", names["hub"], "link", "add", here, "type", "veth", *peer)
            _ip("-n", names["hub"], "link", "set", here, "master", "town", "up")
            _ip("-n", names[machine], "addr", "add", f"{address}/24", "dev", there)
            _ip("-n", names[machine], "link", "set", there, "up")
        yield names
    finally:
        for name in names.values():
            subprocess.run(  # noqa: S603 - our own command line
                [_where(), "netns", "del", name], check=False, stderr=subprocess.DEVNULL
            )


def _ip(*words: str) -> None:
    ran = subprocess.run(  # noqa: S603 - our own command line
        [_where(), *words], check=False, capture_output=True, text=True
    )
    if ran.returncode:
        raise NotHere(f"Network namespaces cannot be made here: {ran.stderr.strip()}")


def _where() -> str:
    return shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "ip"


def _within(name: str) -> list[str]:
    return [_where(), "netns", "exec", name]


def _cluster(hub: Path, name: str, stack: ExitStack) -> Cluster:
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    cluster = Cluster(hub, [*_within(name), *as_user], listen_addresses=HUB)
    cluster.make()
    with (cluster.home / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.77.0.0/24 trust\n")
    cluster.start()
    stack.callback(cluster.stop)
    return cluster


def _hub(name: str, hub: Path, made: Installation) -> list[Child]:
    env = _clean() | made.env
    valkey = [program(), "--bind", HUB, "--port", "6379", "--protected-mode", "no", "--save", ""]
    within = _within(name)
    return [
        Child("valkey", [*within, *valkey, "--dir", str(hub)], env=env),
        Child("default", [*within, *PROGRAM, "worker", "default"], env=env),
        Child("scheduler", [*within, *PROGRAM, "scheduler"], env=env),
    ]


def _machine(machine: str, name: str, place: Path, made: Installation) -> list[Child]:
    """A mail server and a worker; all that it knows of the hub comes by its environment."""
    home = place / machine
    home.mkdir()
    env = _clean() | made.env
    env |= {
        "NEWSLETTER_DATABASE_URL": f"postgresql+psycopg://postgres@{HUB}/postgres",
        "NEWSLETTER_DATA_DIR": str(home / "data"),
    }
    library = clock_library()
    if machine == "two" and library:
        env |= {
            "LD_PRELOAD": library,
            "FAKETIME": f"+{CLOCK_APART_S}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
    hide = ["sh", "-c", f'mount -t tmpfs none {place / "hub"} && exec "$@"', "machine"]
    within = [*_within(name), *hide]
    sink = [sys.executable, "-m", "newsletter_service.witness.sink", "--port", str(SMTP_PORT)]
    sink += ["--store", str(home / "sink.tsv"), "--delay-ms", "15"]
    return [
        Child(f"mail-{machine}", [*_within(name), *sink], env=_clean()),
        Child(f"send-{machine}", [*within, *PROGRAM, "worker", "send"], env=env),
    ]


def _clean() -> dict[str, str]:
    return {n: v for n, v in os.environ.items() if not n.startswith("NEWSLETTER_")}


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
