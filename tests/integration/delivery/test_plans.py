"""Warm-up plans and send windows: what exceeds them waits, is shown why, and is lost to nobody."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from newsletter_service.delivery import audience, finish, turn, warm_up
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import AuditEvent, Batch, Issue, WarmUp, ledger, writing
from newsletter_service.operations import sending_plans, waiting
from newsletter_service.send_windows import DAYS, SendWindow
from tests.smtp_sink import Sink
from tests.workers import workers
from tests.world import World, world

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    return now().astimezone(STOCKHOLM).date()


@pytest.fixture
def sending(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, batch_size="20") as made:
        yield made


@pytest.fixture
def shared(any_database_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    with world(any_database_url, tmp_path, smtp_url=smtp_sink.url, batch_size="20") as made:
        yield made


@pytest.fixture
def relay(smtp_sink: Sink) -> str:
    return f"127.0.0.1:{smtp_sink.port}"


def released(made: World, readers: int) -> int:
    made.readers(readers)
    issue_id = made.issue()
    audience.expand(issue_id, now())
    return issue_id


def codes(issue_id: int) -> list[str]:
    db.session.rollback()
    issue = db.session.get_one(Issue, issue_id)
    left = issue.audience - statement(db.session(), issue_id).accepted
    return [why.code for why in waiting.reasons(db.session(), issue, left)]


def tomorrow() -> None:
    """Let the plan's days and the waiting batches be a day older."""
    with writing() as session:
        for plan in session.scalars(select(WarmUp)):
            plan.first_day -= timedelta(days=1)
            plan.day = plan.day - timedelta(days=1) if plan.day else None
        session.execute(update(Batch).values(not_before_ms=0))


def test_two_workers_send_no_more_than_the_days_number_and_the_rest_the_next_day(
    shared: World, smtp_sink: Sink, relay: str
) -> None:
    sending_plans.begin_warm_up(relay, [30, 60], "anna", now())
    issue_id = released(shared, 100)
    with workers(shared, 2):
        assert smtp_sink.wait_until(lambda sink: len(sink.messages) >= 30, timeout=20)
        assert not smtp_sink.wait_until(lambda sink: len(sink.messages) > 30, timeout=0.5)
    counted = statement(db.session(), issue_id)
    assert counted.balances
    assert (counted.accepted, counted.pending) == (30, 70)
    (why,) = waiting.reasons(db.session(), db.session.get_one(Issue, issue_id), 70)
    assert (why.code, why.values["done_on"]) == ("relay_warm_up", today() + timedelta(days=2))
    assert why.until is not None
    assert why.until.astimezone(STOCKHOLM).date() == today() + timedelta(days=1)
    tomorrow()
    turn.take()
    assert len(smtp_sink.messages) == 90
    tomorrow()  # the plan is over
    turn.take()
    finish.finish(issue_id, now())
    assert statement(db.session(), issue_id).accepted == 100
    assert len({m.rcpt_to[0] for m in smtp_sink.messages}) == 100


def test_a_senders_domain_is_warmed_up_too_and_ending_the_plan_lets_all_go(
    sending: World, smtp_sink: Sink
) -> None:
    sending_plans.begin_warm_up("domain:park.example.org", [7], "anna", now())
    issue_id = released(sending, 20)
    turn.take()
    assert len(smtp_sink.messages) == 7
    assert codes(issue_id) == ["sender_warm_up"]
    assert sending_plans.end_warm_up("domain:park.example.org", "anna")
    assert codes(issue_id) == []
    turn.take()
    assert len(smtp_sink.messages) == 20
    acts = db.session.scalars(select(AuditEvent.act)).all()
    assert acts == ["warm_up.begun", "warm_up.ended"]


def test_what_a_worker_does_not_need_of_the_days_number_is_given_back(
    sending: World, relay: str
) -> None:
    sending_plans.begin_warm_up(relay, [1000], "anna", now())
    released(sending, 3)
    turn.take()
    assert db.session.scalars(select(WarmUp.taken)).one() == 3


def test_blocks_of_a_day_never_exceed_its_number(sending: World, relay: str) -> None:
    sending_plans.begin_warm_up(relay, [25], "anna", now())
    (plan,) = warm_up.today(db.session(), STOCKHOLM)
    db.session.rollback()
    given = []
    for _ in range(4):
        with ledger(db.engine) as connection:
            given.append(warm_up.take(connection, plan, 10))
    assert given == [10, 10, 5, 0]


def shut_now() -> SendWindow:
    """A window that is shut for the rest of today."""
    other = DAYS[(today().weekday() + 3) % 7]
    return SendWindow.parse(f"{other} 07:00-20:00")


def test_an_issue_waits_for_its_lists_window_and_others_do_not(
    sending: World, smtp_sink: Sink
) -> None:
    issue_id = released(sending, 10)
    sending_plans.set_list_window(sending.list_id, shut_now(), "anna")
    turn.take()
    assert not smtp_sink.messages
    assert codes(issue_id) == ["list_window"]
    sending_plans.set_list_window(sending.list_id, None, "anna")
    turn.take()
    assert len(smtp_sink.messages) == 10


def test_a_relays_window_that_shuts_in_the_middle_stops_it_within_seconds(
    sending: World, smtp_sink: Sink, relay: str
) -> None:
    issue_id = released(sending, 1500)
    with workers(sending, 1):
        assert smtp_sink.wait_until(lambda sink: len(sink.messages) > 20)
        sending_plans.set_relay_window(relay, shut_now(), "anna")
        began, seen = time.monotonic(), 0
        while seen < len(smtp_sink.messages):
            seen = len(smtp_sink.messages)
            time.sleep(0.5)
    assert time.monotonic() - began < 5
    seen = len(smtp_sink.messages)  # a slow machine may have rested for so long, and gone on
    assert seen < 1500
    turn.take()
    assert len(smtp_sink.messages) == seen
    assert codes(issue_id) == ["relay_window"]


@pytest.mark.parametrize("name", ["domain:", "domain:anna@park.example.org", "domain:localhost"])
def test_a_plan_for_no_domain_is_refused(sending: World, name: str) -> None:
    with pytest.raises(sending_plans.NotPossible):
        sending_plans.begin_warm_up(name, [5], "anna", now())
