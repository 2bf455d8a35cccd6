"""What operators stop stands still within seconds, however fast the workers run (R 9.10)."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter_service import jobs, notices
from newsletter_service.delivery import audience, control, turn
from newsletter_service.delivery import notices as sending_notices
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import AuditEvent, Notice, writing
from newsletter_service.operations import relay_desk, stops
from tests.servers import eventually
from tests.smtp_sink import Behaviour, Sink
from tests.workers import workers
from tests.world import World, world

READERS = 1200
SILENCE_S = 0.6


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def running(postgres_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    smtp_sink.behave(Behaviour(bodies=False))
    with world(postgres_url, tmp_path, smtp_url=smtp_sink.url, batch_size="500") as made:
        yield made


Act = Callable[[int], object]
STOPS: dict[str, tuple[Act, Act]] = {
    "everything": (
        lambda _: stops.stop_everything("anna", "a wrong link", now()),
        lambda _: stops.go_on("anna"),
    ),
    "queue": (
        lambda _: stops.pause_queue("send", "anna", "a wrong link", now()),
        lambda _: stops.resume_queue("send", "anna"),
    ),
    "issue": (
        lambda issue_id: control.pause(issue_id, "anna", "a wrong link", now()),
        lambda issue_id: control.resume(issue_id, "anna", now()),
    ),
    "relay": (
        lambda _: relay_desk.pause(relay_desk.name_of(1), "anna", "a wrong link", now()),
        lambda _: relay_desk.resume(relay_desk.name_of(1), "anna", now()),
    ),
}


def silent_after(sink: Sink) -> tuple[float, int]:
    """Seconds until nothing more came, and how many messages there were then."""
    began = last = time.monotonic()
    seen = len(sink.messages)
    while time.monotonic() < last + SILENCE_S:
        if len(sink.messages) > seen:
            last, seen = time.monotonic(), len(sink.messages)
        time.sleep(0.02)
    return last - began, seen


@pytest.mark.postgres
def test_r_9_10_two_workers_stop_within_five_seconds_and_lose_nobody(
    running: World, smtp_sink: Sink
) -> None:
    running.readers(READERS)
    issue_id = running.issue()
    audience.expand(issue_id, now())
    with workers(running, 2):
        seen = 0
        for what, (stop, go_on) in STOPS.items():
            wanted = seen + 25
            assert eventually(lambda wanted=wanted: len(smtp_sink.messages) > wanted), what
            stop(issue_id)
            seconds, seen = silent_after(smtp_sink)
            assert seconds < 5, what
            assert seen < READERS, what
            go_on(issue_id)
        assert eventually(lambda: len(smtp_sink.messages) >= READERS, 60)
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert counted.accepted == READERS
    assert max(Counter(message.rcpt_to[0] for message in smtp_sink.messages).values()) == 1


def ask_for_a_confirmation(made: World) -> None:
    with writing() as session:
        notices.ask(
            session,
            "confirmation",
            subject="subscription:1",
            purpose_key="first",
            address="anna@reader.test",
            locale="sv",
            now=now(),
            values={},
            list_id=made.list_id,
            secret="secret",
            expires_at=now() + timedelta(days=7),
        )


@pytest.mark.parametrize("hold", ["everything", "confirm"])
def test_confirmations_wait_too_when_everything_or_their_queue_is_stopped(
    sqlite_url: str, tmp_path: Path, smtp_sink: Sink, hold: str
) -> None:
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url) as made:
        if hold == "everything":
            stops.stop_everything("anna", "a wrong link", now())
        else:
            stops.pause_queue("confirm", "anna", "a wrong link", now())
        ask_for_a_confirmation(made)
        sending_notices.send_due()
        assert not smtp_sink.messages
        assert db.session.scalars(select(Notice.state)).one() == "pending"
        stops.go_on("anna")
        stops.resume_queue("confirm", "anna")
        sending_notices.send_due()
        assert len(smtp_sink.messages) == 1


def test_a_stop_says_who_and_why_and_a_second_one_changes_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    with world(sqlite_url, tmp_path):
        assert stops.stop_everything("anna", "a wrong link", now())
        assert not stops.stop_everything("kalle", "again", now())
        assert stops.holds()["everything"].actor == "anna"
        assert stops.go_on("kalle")
        assert not stops.go_on("kalle")
        acts = db.session.execute(select(AuditEvent.actor, AuditEvent.act)).all()
        assert [tuple(act) for act in acts] == [
            ("anna", "sending.stopped"),
            ("kalle", "sending.resumed"),
        ]


def test_work_of_a_paused_queue_is_left_undone(
    sqlite_url: str, tmp_path: Path, smtp_sink: Sink
) -> None:
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url) as made:
        made.readers(3)
        issue_id = made.issue()
        expand = jobs.unless_paused("audience.expand", lambda one: audience.expand(one, now()))
        stops.pause_queue("default", "anna", "maintenance", now())
        expand(issue_id)
        assert statement(db.session(), issue_id).audience == 0
        stops.resume_queue("default", "anna")
        expand(issue_id)
        turn.take()
        assert len(smtp_sink.messages) == 3
