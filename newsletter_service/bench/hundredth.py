"""What the hundredth issue costs beside the first: a ledger of millions beside an empty one.

Two databases of one PostgreSQL are sent from in turns. In one nothing was sent before. The other
has an issue that the service sent, and its rows again under so many other ids that the issues
sent now are the last ones of a partition: none is fuller (`models.partitions`).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, func, insert, literal, select, text, update

from newsletter_service.bench import crowd, processor_time
from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting, ratio
from newsletter_service.bench.sending import SESSIONS, worker
from newsletter_service.bench.servers import postgres, sink
from newsletter_service.delivery import audience, finish, overdue
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import Batch, Delivery, Issue, writing
from newsletter_service.models.partitions import ISSUES_PER_PARTITION

READERS = 100_000
MESSAGE_BYTES = 5_000
# Whatever sends an issue looks at that issue's rows alone, so only the depth of two indexes may
# grow; two medians of the same sends differ by as much as a tenth.
BAR = 0.9
_ID = Batch.__table__.c.id
NOTED = ("state", "expanded_to", "expanded_at", "audience", "last_n", "sent_at", "released_at")


@dataclass(frozen=True)
class Sent:
    """One issue from its gathering to its end; processor time in µs a message."""

    rate: float
    worker_us: float
    database_us: float


@dataclass(frozen=True)
class _House:
    """One of the two installations, and the PostgreSQL that both are on."""

    url: str
    place: Path
    readers: int
    postgres_pid: int
    settings: dict[str, object]

    def send(self) -> Sent:
        """Send the next issue to everybody."""
        with installation(self.url, self.place, **self.settings) as made:
            made.readers(self.readers)
            return self._send(made, made.issue(MESSAGE_BYTES))

    def _send(self, made: Installation, issue_id: int) -> Sent:
        used, began = processor_time.used_by(self.postgres_pid), time.perf_counter()
        audience.expand(issue_id, datetime.now(UTC))
        seconds = time.perf_counter() - began
        used = processor_time.used_by(self.postgres_pid) - used
        crowd.settle()  # also for the first issue: its plans must not be worse than the later ones'
        used = processor_time.used_by(self.postgres_pid) - used
        got = worker(made)
        ended = time.perf_counter()
        finish.finish(issue_id, datetime.now(UTC))
        seconds += got["seconds"] + time.perf_counter() - ended
        used = processor_time.used_by(self.postgres_pid) - used
        counted = statement(db.session(), issue_id)
        if counted.accepted != self.readers or not counted.balances:
            raise RuntimeError(f"The worker did not send to everybody: {counted}")
        each = 1e6 / self.readers
        return Sent(self.readers / seconds, got["cpu"] * each, used * each)

    def fill(self, copies: int) -> None:
        """Make the rows of the first issue again, as if as many had been sent."""
        with installation(self.url, self.place, **self.settings) as made:
            [first_id] = db.session.scalars(select(Issue.id))
            for _ in range(copies):
                sent_again(first_id, made.issue(MESSAGE_BYTES))
            overdue.make_partitions()
            crowd.settle()
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("CHECKPOINT"))

    def rows(self) -> tuple[int, float]:
        """How many deliveries there are, and how many MB the database takes."""
        with installation(self.url, self.place, **self.settings):
            number = db.session.scalar(select(func.count()).select_from(Delivery)) or 0
            size = db.session.scalar(text("SELECT pg_database_size(current_database())")) or 0
            return number, size / 1e6


def run(setting: Setting) -> Iterator[Line]:
    """The two in turns, so that a busy minute falls on both."""
    number = setting.audience(READERS)
    copies = 10 if setting.quick else ISSUES_PER_PARTITION - 2 - setting.rounds
    with postgres(setting.place) as url, sink() as port:
        few, many = _houses(setting, url, number, port)
        many.send()
        began = time.monotonic()
        many.fill(copies)
        setting.tell(f"  {copies} issues made in {time.monotonic() - began:.0f} s")
        firsts, laters = [], []
        for turn in range(setting.rounds):
            firsts.append(few.send())
            laters.append(many.send())
            setting.tell(
                f"  round {turn + 1}: first {firsts[-1].rate:.0f}/s, later {laters[-1].rate:.0f}/s"
            )
        yield from _lines(number, firsts, laters, many.rows())


def _houses(setting: Setting, url: str, readers: int, port: int) -> Iterator[_House]:
    pid = int((setting.place / "pg/data/postmaster.pid").read_text().split()[0])
    settings = {
        "smtp_url": f"smtp://127.0.0.1:{port}?tls=none",
        "smtp_connections": SESSIONS,
        "smtp_messages_per_connection": 10_000,
        "turn_seconds": 600,
    }
    for name in ("few", "many"):
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        own = url.replace("/postgres?", f"/{name}?")
        yield _House(own, setting.place / name, readers, pid, settings)


def sent_again(first_id: int, issue_id: int) -> None:
    """Give an issue the deliveries, the batches and the end of the first one."""
    with writing() as session:
        for table, order in ((Delivery.__table__.c, Delivery.n), (Batch.__table__.c, Batch.id)):
            row: dict[str, ColumnElement[Any]] = {one.name: one for one in table if one is not _ID}
            row["issue_id"] = literal(issue_id)
            wanted = select(*row.values()).where(table.issue_id == first_id).order_by(order)
            session.execute(insert(order.class_).from_select(list(row), wanted))
        first = session.get_one(Issue, first_id)
        noted = {name: getattr(first, name) for name in NOTED}
        session.execute(update(Issue).where(Issue.id == issue_id).values(noted))


def _lines(
    number: int, firsts: list[Sent], laters: list[Sent], held: tuple[int, float]
) -> Iterator[Line]:
    name = f"to {number:_} readers".replace("_", " ")
    rates = [tuple(one.rate for one in sent) for sent in (firsts, laters)]
    first = f"the first, {name}"
    yield Line("hundredth", first, "msg/s", rates[0], detail=_detail(firsts))
    yield Line(
        "hundredth",
        f"the hundredth, {name}",
        "msg/s",
        rates[1],
        against=first,
        ratio=ratio(rates[1], rates[0]),
        bar=BAR,
        detail=_detail(laters) | {"deliveries": held[0], "database MB": held[1]},
    )


def _detail(sent: list[Sent]) -> dict[str, float | str]:
    return {
        "worker's CPU µs a message": median(one.worker_us for one in sent),
        "PostgreSQL's": median(one.database_us for one in sent),
    }


BENCH = Bench("hundredth", "the hundredth issue beside the first: a ledger of millions", run)
