"""Anything may be killed at any moment: nobody is lost, nobody gets two, the statement balances.

Real processes: workers, scheduler, an SMTP server that remembers, a Valkey of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import update

from newsletter_service import notices
from newsletter_service.delivery.statement import Statement, statement
from newsletter_service.embedded.valkey import EmbeddedValkey
from newsletter_service.extensions import db
from newsletter_service.models import Batch, Issue, IssueState, writing
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World, world

READERS = 600
CONNECTIONS = 5
PATIENCE_S = 90


@dataclass
class Service:
    """A world with processes; `start` and `kill` act on them by name."""

    world: World
    sink: Sink
    valkey: EmbeddedValkey
    log_dir: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        for name in names:
            argv = [
                sys.executable,
                "-m",
                "newsletter_service",
                *name.split("#", maxsplit=1)[0].split(),
            ]
            with (self.log_dir / f"{name.replace(' ', '-')}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    argv, env=os.environ | self.world.env, stdout=log, stderr=log
                )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.running.pop(name) if number != signal.SIGSTOP else self.running[name]
        process.send_signal(number)
        if number not in (signal.SIGSTOP, signal.SIGCONT):
            process.wait(20)

    def stop(self) -> None:
        for name in list(self.running):
            self.running[name].send_signal(signal.SIGCONT)
            self.kill(name)

    def received(self) -> Counter[str]:
        return Counter(message.rcpt_to[0] for message in self.sink)

    def wait(self, seen: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        ends = time.monotonic() + seconds
        while not seen():
            ended = [name for name, one in self.running.items() if one.poll() not in (None, 0)]
            if time.monotonic() > ends or ended:
                logs = "\n".join(p.read_text()[-1500:] for p in self.log_dir.glob("*.log"))
                pytest.fail(f"waited for {what}; ended: {ended}\n{logs}")
            time.sleep(0.05)

    def counted(self, issue_id: int) -> Statement:
        db.session.rollback()
        return statement(db.session(), issue_id)

    def wait_over(self, issue_id: int) -> Statement:
        self.wait(lambda: self.counted(issue_id).state == IssueState.SENT, "the issue to be sent")
        return self.counted(issue_id)


@contextmanager
def service(url: str, tmp_path: Path, stack: ExitStack) -> Iterator[Service]:
    sink = stack.enter_context(Sink(Behaviour(bodies=False, rules=[Rule("dot", delay=0.004)])))
    valkey = stack.enter_context(EmbeddedValkey(tmp_path / "valkey"))
    made = stack.enter_context(
        world(
            url,
            tmp_path,
            smtp_url=sink.url,
            redis_url=valkey.url,
            lease_seconds="5",
            batch_size="100",
            retry_seconds="1",
            turn_seconds="5",
            smtp_connections=str(CONNECTIONS),
        )
    )
    running = Service(made, sink, valkey, tmp_path)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def crashing(any_database_url: str, tmp_path: Path) -> Iterator[Service]:
    with ExitStack() as stack, service(any_database_url, tmp_path, stack) as running:
        yield running


@pytest.fixture
def on_sqlite(sqlite_url: str, tmp_path: Path) -> Iterator[Service]:
    with ExitStack() as stack, service(sqlite_url, tmp_path, stack) as running:
        yield running


def begin(crashing: Service) -> int:
    """Everything runs and about a sixth of the issue has left."""
    crashing.world.readers(READERS)
    issue_id = crashing.world.issue()
    crashing.start("worker default", "worker send", "scheduler")
    crashing.wait(lambda: len(crashing.sink.messages) > READERS // 6, "the first hundred mails")
    return issue_id


def nobody_lost_nobody_twice(crashing: Service, counted: Statement, doubt: int) -> None:
    received = crashing.received()
    assert counted.balances
    assert counted.in_doubt <= doubt
    assert counted.accepted + counted.in_doubt == counted.audience == READERS
    assert set(received.values()) == {1}
    assert len(received) >= counted.accepted
    assert not crashing.sink.faults


def test_p3_the_drill_kills_workers_the_database_and_everything_and_finds_nothing_broken() -> None:
    argv = [sys.executable, "-m", "newsletter_service", "drill", "crash", "worker", "database"]
    argv += ["everything", "--database", "postgresql", "--readers", str(READERS)]
    ran = subprocess.run(
        [*argv, "--strikes", "1", "--lease", "5", "--connections", str(CONNECTIONS), "--json"],
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for account in json.loads(ran.stdout):
        assert account["strikes"] == 1
        assert account["accepted"] + account["in_doubt"] == account["audience"] == READERS
        assert (account["lost"], account["double"]) == (0, 0)
        assert account["in_doubt"] <= account["doubt_allowed"]


def test_p3_a_killed_worker_leaves_at_most_one_doubt_a_connection(on_sqlite: Service) -> None:
    issue_id = begin(on_sqlite)
    on_sqlite.kill("worker send")
    on_sqlite.start("worker send#2")
    counted = on_sqlite.wait_over(issue_id)
    nobody_lost_nobody_twice(on_sqlite, counted, CONNECTIONS)


def test_p3_a_worker_told_to_stop_leaves_nothing_in_doubt(crashing: Service) -> None:
    issue_id = begin(crashing)
    began = time.monotonic()
    crashing.kill("worker send", signal.SIGTERM)
    assert time.monotonic() - began < 10
    assert crashing.counted(issue_id).in_doubt == 0
    crashing.start("worker send#2")
    nobody_lost_nobody_twice(crashing, crashing.wait_over(issue_id), 0)


def test_p3_a_worker_that_sleeps_past_its_lease_doubles_nobody_when_it_wakes(
    crashing: Service,
) -> None:
    issue_id = begin(crashing)
    crashing.kill("worker send", signal.SIGSTOP)
    crashing.start("worker send#2")
    time.sleep(12)  # the lease is five seconds; the second worker has taken over where it could
    crashing.running["worker send"].send_signal(signal.SIGCONT)
    nobody_lost_nobody_twice(crashing, crashing.wait_over(issue_id), CONNECTIONS)


@pytest.mark.postgres
def test_p3_others_go_on_while_a_worker_sleeps(postgres_url: str, tmp_path: Path) -> None:
    """On SQLite a process stopped inside a transaction keeps the only write lock: see the docs."""
    with ExitStack() as stack, service(postgres_url, tmp_path, stack) as sleeping:
        issue_id = begin(sleeping)
        sleeping.kill("worker send", signal.SIGSTOP)
        sleeping.start("worker send#2")
        counted = sleeping.wait_over(issue_id)
        sleeping.running["worker send"].send_signal(signal.SIGCONT)
        time.sleep(3)
        counted = sleeping.counted(issue_id)
        nobody_lost_nobody_twice(sleeping, counted, CONNECTIONS)


def test_p1_flushing_the_queue_loses_nobody_and_doubles_nobody(crashing: Service) -> None:
    issue_id = begin(crashing)
    with Redis.from_url(crashing.valkey.url) as client:
        for _ in range(3):
            client.flushall()
            time.sleep(0.3)
    nobody_lost_nobody_twice(crashing, crashing.wait_over(issue_id), 0)


def test_p1_a_killed_queue_server_loses_nobody(crashing: Service) -> None:
    issue_id = begin(crashing)
    assert crashing.valkey.pid is not None
    os.kill(crashing.valkey.pid, signal.SIGKILL)
    time.sleep(2)
    assert [one.poll() for one in crashing.running.values()] == [None] * len(crashing.running)
    nobody_lost_nobody_twice(crashing, crashing.wait_over(issue_id), 0)


def test_p3_everything_killed_at_once_goes_on(on_sqlite: Service) -> None:
    issue_id = begin(on_sqlite)
    for name in list(on_sqlite.running):
        on_sqlite.kill(name)
    on_sqlite.start("worker default", "worker send", "scheduler", "scheduler#2", "worker send#2")
    nobody_lost_nobody_twice(on_sqlite, on_sqlite.wait_over(issue_id), CONNECTIONS)


def test_pausing_stops_within_five_seconds(crashing: Service) -> None:
    issue_id = begin(crashing)
    with writing() as session:
        session.execute(update(Issue).where(Issue.id == issue_id).values(state=IssueState.PAUSED))
    time.sleep(1)
    before = len(crashing.sink.messages)
    time.sleep(2)
    assert len(crashing.sink.messages) == before
    counted = crashing.counted(issue_id)
    assert counted.balances
    assert counted.accepted == before
    with writing() as session:
        session.execute(update(Batch).values(not_before_ms=0))
        session.execute(update(Issue).where(Issue.id == issue_id).values(state=IssueState.SENDING))
    nobody_lost_nobody_twice(crashing, crashing.wait_over(issue_id), 0)


@pytest.mark.postgres
def test_p6_a_confirmation_does_not_wait_behind_a_bulk_send(
    postgres_url: str, tmp_path: Path
) -> None:
    with ExitStack() as stack, service(postgres_url, tmp_path, stack) as busy:
        busy.world.readers(5000)
        issue_id = busy.world.issue()
        busy.start("worker default", "worker send", "worker confirm", "scheduler")
        busy.wait(lambda: len(busy.sink.messages) > 50, "the send to begin")
        delays = []
        for number in range(20):
            address = f"visitor{number}@visitors.test"
            asked = time.time()
            ask_for_confirmation(busy.world, address)
            busy.wait(lambda to=address: to in busy.received(), "the confirmation", 30)
            [came] = [mail.received for mail in busy.sink if mail.rcpt_to == [address]]
            delays.append(came - asked)
        assert busy.counted(issue_id).pending > 0, "the send was over too soon to be in the way"
    print(f"confirmation delays: median {sorted(delays)[10]:.2f} s, longest {max(delays):.2f} s")
    assert max(delays) < 5


def ask_for_confirmation(made: World, address: str) -> None:
    now = datetime.now(UTC)
    with writing() as session:
        notices.ask(
            session,
            "confirmation",
            subject=address,
            purpose_key="first",
            address=address,
            locale="sv",
            now=now,
            expires_at=now + timedelta(days=7),
            values={"block_link": True},
            list_id=made.list_id,
            secret="a" * 43,
        )
