"""A worker is killed in the middle of a send, another goes on: who has the mail (P3)."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Line, Setting
from newsletter_service.bench.servers import free_port, postgres, wait_for
from newsletter_service.delivery import audience, finish, overdue
from newsletter_service.delivery.statement import statement
from newsletter_service.embedded.tether import tethered
from newsletter_service.extensions import db
from newsletter_service.witness.account import RECOVERY_ALLOWED_S, Account, compare
from newsletter_service.witness.ledger import held_by, is_sent, states_of
from newsletter_service.witness.sink import Store

READERS = 3000
MESSAGE_BYTES = 5000
LEASE_S = 5
DELAY_MS = 20.0  # so that there is a middle to strike in
LOOK_S = 0.05
PATIENCE_S = 120.0


@dataclass
class _Scene:
    """An installation, how a worker of it is started, and what its mail server wrote down."""

    made: Installation
    sender: Sequence[str]
    store: Store
    arrived: list[tuple[str, str]]

    def look(self) -> int:
        """Read what came since; how much that is by now."""
        self.arrived += [(one.recipient, one.message_id) for one in self.store.more()]
        return len(self.arrived)

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A worker that takes turns until nothing can be claimed."""
        argv, env = tethered(list(self.sender)), self.made.env | {"PATH": "/usr/bin:/bin"}
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe) as process:  # noqa: S603
            if process.stdin is not None:
                process.stdin.write(b"\n")
                process.stdin.flush()
            try:
                yield process
            finally:
                process.kill()


def lines(setting: Setting, database: str, sender: Sequence[str], sessions: int) -> Iterator[Line]:
    """The account of a send whose worker was killed. They must hold however few the readers are."""
    account = account_of(setting, database, sender, sessions)
    name = f"{database}, a worker killed"
    setting.tell(
        f"  {name}: {account.lost} lost, {account.double} double, {account.in_doubt} in doubt"
    )
    if not (account.balances and account.finished):
        raise RuntimeError("; ".join(account.broken))
    wrong = (float(account.lost + account.double),)
    detail: dict[str, float | str] = {
        "readers": account.audience,
        "in doubt that arrived": account.doubt_arrived,
        "recovery s": account.recovery_s,
    }
    yield Line("send", f"{name}, lost or double", "readers", wrong, most=0, exact=True)
    yield Line(
        "send",
        f"{name}, in doubt",
        "readers",
        (float(account.in_doubt),),
        most=sessions,
        exact=True,
        detail=detail,
    )
    yield Line("send", f"{name}, recovery", "s", (account.recovery_s,), most=RECOVERY_ALLOWED_S)


def account_of(setting: Setting, database: str, sender: Sequence[str], sessions: int) -> Account:
    """Send with one worker, kill it, let another one go on; compare ledger and mail server."""
    number = min(READERS, setting.readers or READERS)
    place = setting.place / f"killed-{database}"
    place.mkdir()
    with ExitStack() as stack:
        port = stack.enter_context(_remembering(place / "sink.tsv"))
        url = f"sqlite:///{place}/killed.db"
        if database == "PostgreSQL":
            url = stack.enter_context(postgres(place))
        made = stack.enter_context(
            installation(
                url,
                place / "data",
                smtp_url=f"smtp://127.0.0.1:{port}?tls=none",
                smtp_connections=sessions,
                lease_seconds=LEASE_S,
                batch_size=200,
                retry_seconds=2,
            )
        )
        made.readers(number)
        return _kill(_Scene(made, sender, Store(place / "sink.tsv"), []), number, sessions)


def _kill(scene: _Scene, number: int, sessions: int) -> Account:
    began, pid = time.monotonic(), 0
    while not pid:  # it may be over before we look, where the machine is very busy
        scene.arrived.clear()
        issue_id = scene.made.issue(MESSAGE_BYTES)
        audience.expand(issue_id, datetime.now(UTC))
        pid = _strike(scene, number)
        if not pid and not finish.finish(issue_id, datetime.now(UTC)):
            raise RuntimeError("The worker ended before it was killed; its log is above.")
    killed = time.monotonic()
    recovered = _go_on(scene, issue_id, pid)
    scene.look()
    db.session.rollback()
    counted, found = statement(db.session(), issue_id), compare(states_of(issue_id), scene.arrived)
    return Account(
        fault="worker",
        strikes=1,
        audience=counted.audience,
        accepted=counted.accepted,
        lost=found.lost,
        double=found.double,
        in_doubt=counted.in_doubt,
        doubt_allowed=sessions,
        doubt_arrived=found.doubt_arrived,
        recovery_s=round(recovered - killed, 1),
        stop_s=0.0,
        seconds=round(time.monotonic() - began, 1),
        balances=counted.balances,
        finished=is_sent(issue_id),
    )


def _strike(scene: _Scene, number: int) -> int:
    """Kill a worker in the middle of its sending; the id that it had, or 0 if it was through."""
    moment = round(number * random.uniform(0.2, 0.5))  # noqa: S311 - when to strike is no secret
    ends = time.monotonic() + PATIENCE_S
    with scene.worker() as process:
        while process.poll() is None and time.monotonic() < ends:
            if scene.look() >= moment and held_by([process.pid]):
                process.kill()
                process.wait()
                return process.pid
            time.sleep(LOOK_S)
    scene.look()
    return 0


def _go_on(scene: _Scene, issue_id: int, dead: int) -> float:
    """Sweep as the scheduler does, with one worker at a time, until the issue is over.

    Returns when the dead one's claims were free.
    """
    free_at, ends = 0.0, time.monotonic() + PATIENCE_S
    while not is_sent(issue_id) and time.monotonic() < ends:
        with scene.worker() as process:
            while process.poll() is None and time.monotonic() < ends:
                overdue.sweep(datetime.now(UTC))
                if not free_at and not held_by([dead]):
                    free_at = time.monotonic()
                time.sleep(LOOK_S)
        finish.finish(issue_id, datetime.now(UTC))
    return free_at or time.monotonic()


@contextmanager
def _remembering(store: Path) -> Iterator[int]:
    """The drill's mail server, which writes every Message-ID down; yields its port."""
    port = free_port()
    argv = [sys.executable, "-m", "newsletter_service.witness.sink", "--port", str(port)]
    argv += ["--store", str(store), "--delay-ms", str(DELAY_MS)]
    with subprocess.Popen(tethered(argv)) as process:  # noqa: S603 - our own command line
        try:
            wait_for(port, process)
            yield port
        finally:
            process.kill()
