"""From a thousand readers to a million: time, memory, and how soon the first has the mail."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, text

from newsletter_service import queue
from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting
from newsletter_service.bench.servers import postgres, sink
from newsletter_service.embedded.supervise import Child, Supervisor
from newsletter_service.embedded.valkey import EmbeddedValkey
from newsletter_service.extensions import db
from newsletter_service.models import Batch, Delivery, Issue, IssueState, utc_of_ms

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SIDE_BY_SIDE = 100_000
# SQLite is for one machine; more when `--readers` says so.
SQLITE_MOST = 100_000
MESSAGE_BYTES = 5_000
FIRST_ALLOWED_S = 5.0
MEMORY_ALLOWED_MB = 100.0
PATIENCE_S = 3 * 3600
PROGRAM = (sys.executable, "-m", "newsletter_service")


@dataclass(frozen=True)
class Sent:
    """One issue: seconds from its release to the first taken copy and to the end; memory in MB."""

    seconds: float
    first_s: float
    sender_mb: float
    gatherer_mb: float


@dataclass(frozen=True)
class _Place:
    """An installation that is sent from, where its processes write, and who wants to know."""

    made: Installation
    log_dir: Path
    tell: Callable[[str], None]


def run(setting: Setting) -> Iterator[Line]:
    """Every size once, by the service's own processes; on PostgreSQL with two workers, too."""
    most = min(10_000 if setting.quick else SIZES[-1], setting.readers or SIZES[-1])
    with sink() as port:
        with postgres(setting.place) as url:
            yield from _on("PostgreSQL", url, setting, most, port)
        most = most if setting.readers else min(most, SQLITE_MOST)
        yield from _on("SQLite", f"sqlite:///{setting.place}/scale.db", setting, most, port)


def _on(database: str, url: str, setting: Setting, most: int, port: int) -> Iterator[Line]:
    place = setting.place / database
    sizes = [size for size in SIZES if size <= most]
    with (
        EmbeddedValkey(place / "queue") as valkey,
        installation(
            url,
            place / "data",
            smtp_url=f"smtp://127.0.0.1:{port}?tls=none",
            smtp_connections=10,
            smtp_messages_per_connection=10_000,
            redis_url=valkey.url,
        ) as made,
    ):
        on = _Place(made, place / "log", setting.tell)
        for number in sizes:
            name = f"{database}, {number:_} readers".replace("_", " ")
            yield from _lines(name, number, _send(on, number, workers=1))
            if database == "PostgreSQL" and number == min(SIDE_BY_SIDE, sizes[-1]):
                yield _rate(f"{name}, two workers", number, _send(on, number, workers=2))


def _lines(name: str, number: int, sent: Sent) -> Iterator[Line]:
    yield _rate(name, number, sent)
    yield Line("scale", f"{name}, first mail", "s", (sent.first_s,), most=FIRST_ALLOWED_S)
    yield Line("scale", f"{name}, worker", "MB", (sent.sender_mb,), most=MEMORY_ALLOWED_MB)


def _rate(name: str, number: int, sent: Sent) -> Line:
    detail: dict[str, float | str] = {
        "seconds": sent.seconds,
        "gathering MB": sent.gatherer_mb,
    }
    return Line("scale", name, "msg/s", (number / sent.seconds,), detail=detail)


def _send(on: _Place, number: int, workers: int) -> Sent:
    made = on.made
    made.readers(number)
    _analyze()
    with _processes(on, workers) as supervisor:
        issue_id = made.issue(MESSAGE_BYTES)
        db.session.rollback()  # no transaction stays open while we wait
        queue.nudge_now([("audience.expand", (issue_id,))])
        ends = time.monotonic() + PATIENCE_S
        while (state := _state(issue_id)) != IssueState.SENT and time.monotonic() < ends:
            time.sleep(0.2)
        if state != IssueState.SENT:
            raise RuntimeError(f"Issue {issue_id} was not sent in time.")
        peaks = {name: _peak_mb(pid) for name, pid in supervisor.pids().items()}
    seconds, first = _times(issue_id)
    database = db.engine.dialect.name
    on.tell(
        f"  {database}, {number} readers, {workers} workers: {seconds:.1f} s, first {first:.2f} s"
    )
    senders = [peak for name, peak in peaks.items() if name.startswith("send")]
    return Sent(seconds, first, max(senders), peaks["default"])


@contextmanager
def _processes(on: _Place, workers: int) -> Iterator[Supervisor]:
    clean = {n: v for n, v in os.environ.items() if not n.startswith("NEWSLETTER_")}
    env = clean | on.made.env
    children = [
        Child("default", [*PROGRAM, "worker", "default"], env=env),
        Child("scheduler", [*PROGRAM, "scheduler"], env=env),
    ]
    children += [Child(f"send-{n}", [*PROGRAM, "worker", "send"], env=env) for n in range(workers)]
    with Supervisor(children, on.log_dir) as supervisor:
        supervisor.wait_ready()
        _wait_for_workers({"default": 1, "send": workers})
        yield supervisor


def _wait_for_workers(wanted: dict[str, int]) -> None:
    ends = time.monotonic() + 120
    while any(queue.live_workers(queue.queue(name)) < wanted[name] for name in wanted):
        if time.monotonic() > ends:
            raise RuntimeError("The workers did not come up.")
        time.sleep(0.1)


def _state(issue_id: int) -> IssueState:
    with db.engine.connect() as connection:
        return connection.execute(select(Issue.state).where(Issue.id == issue_id)).scalar_one()


def _times(issue_id: int) -> tuple[float, float]:
    """Seconds from the release to the last and to the first taken copy."""
    with db.engine.connect() as connection:
        released = connection.scalar(select(Issue.released_at).where(Issue.id == issue_id))
        first, last = connection.execute(
            select(func.min(Delivery.settled_ms), func.max(Delivery.settled_ms)).where(
                Delivery.issue_id == issue_id
            )
        ).one()
    since = released or datetime.now(UTC)
    seconds, first_s = ((utc_of_ms(at or 0) - since).total_seconds() for at in (last, first))
    return seconds, first_s


def _analyze() -> None:
    """As autovacuum would have done by the time of an issue; SQLite has none."""
    if db.engine.dialect.name == "sqlite":
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("subscriber", "subscription", Batch.__tablename__):
            connection.execute(text(f"VACUUM ANALYZE {table}"))


def _peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


BENCH = Bench(
    "scale", "a thousand to a million readers, both databases: time, memory, first mail", run
)
