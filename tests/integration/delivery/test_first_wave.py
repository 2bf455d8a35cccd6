"""A first wave: a few get it, it is watched, and everybody else follows or nobody does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask_babel import force_locale
from sqlalchemy import func, select, update

from newsletter_service.accounts import people
from newsletter_service.cli.statement import written
from newsletter_service.delivery import audience, canary, control
from newsletter_service.delivery.statement import statement, tallies
from newsletter_service.extensions import db
from newsletter_service.issues import recipients
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Role,
    writing,
)
from newsletter_service.operations import alarms
from newsletter_service.web.desk.account import Account, rest_of
from tests.world import World, world

READERS = 400
MINUTE = timedelta(minutes=1)


@pytest.fixture
def many(any_database_url: str, tmp_path: Path) -> Iterator[World]:
    with world(any_database_url, tmp_path) as made:
        made.readers(READERS)
        people.create("reader7@reader.test", "", [Role.OPERATOR])
        yield made


@pytest.fixture
def issue(many: World) -> Issue:
    """An issue whose first wave has been given its deliveries."""
    issue_id = many.issue(IssueState.SENDING)
    with writing() as session:
        session.get_one(Issue, issue_id).canary = True
    audience.expand(issue_id, datetime.now(UTC))
    return db.session.get_one(Issue, issue_id)


def _settle(issue: Issue, *, refused: int = 0) -> None:
    """All of the wave has been accepted, but for some that were refused."""
    with writing() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.issue_id == issue.id)
            .values(state=DeliveryState.ACCEPTED)
        )
        session.execute(
            update(Delivery)
            .where(Delivery.issue_id == issue.id, Delivery.n <= refused)
            .values(state=DeliveryState.REFUSED)
        )
        batch = session.scalars(select(Batch).where(Batch.issue_id == issue.id)).one()
        batch.accepted, batch.refused, batch.pending = batch.pending - refused, refused, 0
        batch.done = True


def _deliveries(issue: Issue) -> tuple[int, int]:
    """How many there are, and to how many readers."""
    readers = func.count(func.distinct(Delivery.subscriber_id))
    query = select(func.count(), readers).where(Delivery.issue_id == issue.id)
    row = db.session.execute(query).one()
    db.session.rollback()
    return row[0], row[1]


def test_the_account_of_a_wave_counts_everybody_who_waits_for_it(issue: Issue) -> None:
    db.session.refresh(issue)
    _settle(issue)
    assert issue.audience < READERS
    assert recipients.meant(db.session(), issue, datetime.now(UTC)) == READERS
    rest = canary.rest(db.session(), issue, datetime.now(UTC))
    assert rest == READERS - issue.audience
    lines = written(statement(db.session(), issue.id), rest)
    assert f"Meant for {READERS}: the rest waits for the first wave." in lines

    with force_locale("en"):
        waiting = rest_of(issue)
        told = Account(issue, tallies(db.session(), issue.id), rest=waiting)
        table, sentence = told.lines({}), told.sentence()

    assert waiting == READERS - issue.audience
    assert {line["label"]: line["count"] for line in table}["After the first wave"] == waiting
    assert sum(line["count"] for line in table) == told.audience == READERS
    assert f"{issue.audience} of {READERS} are accounted for so far" in sentence


def test_staff_and_one_in_a_hundred_come_first(issue: Issue) -> None:
    readers = set(
        db.session.scalars(select(Delivery.subscriber_id).where(Delivery.issue_id == issue.id))
    )
    spread = {one for one in readers if one % 100 == issue.id % 100}
    assert len(spread) == READERS // 100
    assert len(readers - spread) == 1
    assert issue.expanded_at is None
    assert statement(db.session(), issue.id).balances


def test_a_quiet_wave_goes_on_by_itself_after_a_while_and_nobody_gets_two(issue: Issue) -> None:
    now = datetime.now(UTC)
    assert canary.judge_all(now) == []
    _settle(issue)
    canary.judge_all(now)
    canary.judge_all(now + 29 * MINUTE)
    audience.expand(issue.id, now)
    assert _deliveries(issue)[0] < 10

    canary.judge_all(now + 31 * MINUTE)
    audience.expand(issue.id, now)
    assert _deliveries(issue) == (READERS, READERS)
    assert db.session.get_one(Issue, issue.id).expanded_at is not None


def test_a_wave_that_comes_back_halts_and_the_operators_are_told(issue: Issue) -> None:
    now = datetime.now(UTC)
    _settle(issue, refused=3)
    canary.judge_all(now)

    halted = db.session.get_one(Issue, issue.id)
    assert halted.state == IssueState.PAUSED
    assert "3 of 5 did not arrive" in halted.paused_reason
    assert alarms.tell(now) == 1
    with pytest.raises(control.NotPossible):
        control.pause(issue.id, "anna", "", now)

    canary.go_on(issue.id, actor="anna", now=now)
    audience.expand(issue.id, now)
    assert canary.judge_all(now + 60 * MINUTE) == []
    assert _deliveries(issue) == (READERS, READERS)


def test_somebody_may_let_it_go_on_at_once_but_only_while_it_waits(issue: Issue) -> None:
    now = datetime.now(UTC)
    canary.go_on(issue.id, actor="anna", now=now)
    with pytest.raises(canary.NotWaiting):
        canary.go_on(issue.id, actor="anna", now=now)


def test_a_halted_wave_that_is_resumed_is_not_halted_by_the_same_numbers(issue: Issue) -> None:
    now = datetime.now(UTC)
    _settle(issue, refused=3)
    canary.judge_all(now)
    control.resume(issue.id, "anna", now)
    canary.judge_all(now)

    resumed = db.session.get_one(Issue, issue.id)
    assert (resumed.state, resumed.canary_until) == (IssueState.SENDING, now + 30 * MINUTE)


def test_with_nobody_for_a_first_wave_everybody_gets_it_at_once(many: World) -> None:
    issue_id = many.issue(IssueState.SENDING)
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        issue.canary, issue.expanded_to = True, READERS - 3
    with writing() as session:
        person = people.find("reader7@reader.test")
        assert person
        session.merge(person).disabled_at = datetime.now(UTC)
    audience.expand(issue_id, datetime.now(UTC))

    assert db.session.get_one(Issue, issue_id).expanded_at is not None
