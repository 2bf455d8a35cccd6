"""Deliveries are kept for thirteen months; their figures for as long as the issue."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from newsletter_service.delivery import audience, overdue, retention
from newsletter_service.delivery.statement import Statement, statement, tallies
from newsletter_service.extensions import db
from newsletter_service.issues import outcome
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Retry,
    SkipReason,
    ledger,
    writing,
)
from newsletter_service.models.partitions import ISSUES_PER_PARTITION
from tests.world import World, world

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=397)
READERS = 12


@pytest.fixture
def kept(any_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> World:  # type: ignore[misc]
    with world(any_database_url, tmp_path_factory.mktemp("kept"), batch_size="5") as made:
        made.readers(READERS)
        yield made


def sent_issue(made: World) -> int:
    """An issue that is over: ten accepted, one skipped, one refused."""
    issue_id = made.issue()
    audience.expand(issue_id, NOW)
    of_issue = Delivery.issue_id == issue_id
    with ledger(db.engine) as connection:
        connection.execute(update(Delivery).where(of_issue).values(state=DeliveryState.ACCEPTED))
        for n, values in (
            (1, {"state": DeliveryState.SKIPPED, "skip_reason": SkipReason.SUPPRESSED}),
            (2, {"state": DeliveryState.REFUSED}),
        ):
            connection.execute(update(Delivery).where(of_issue, Delivery.n == n).values(**values))
        counts = {"accepted": 3, "skipped": 1, "refused": 1}
        for first, values in ((1, counts), (6, {"accepted": 5}), (11, {"accepted": 2})):
            batch = (Batch.issue_id == issue_id) & (Batch.first_n == first)
            connection.execute(update(Batch).where(batch).values(done=True, pending=0, **values))
        connection.execute(
            update(Issue).where(Issue.id == issue_id).values(state=IssueState.SENT, sent_at=NOW)
        )
    return issue_id


def told(issue_id: int) -> tuple[Statement, dict[str, int], dict[str, int], dict[str, int]]:
    """All that pages and commands say of an issue in numbers."""
    db.session.rollback()
    session = db.session()
    return (
        statement(session, issue_id),
        tallies(session, issue_id),
        outcome.skipped(session, session.get_one(Issue, issue_id), 1),
        outcome.came_back(session, issue_id),
    )


def rows(issue_id: int) -> int:
    with db.engine.connect() as connection:
        return sum(
            connection.scalar(
                select(func.count()).select_from(model).where(model.issue_id == issue_id)
            )
            or 0
            for model in (Delivery, Batch, Retry)
        )


def test_r_5_13_after_thirteen_months_the_rows_are_gone_and_every_figure_is_as_before(
    kept: World,
) -> None:
    issue_id = sent_issue(kept)
    before = told(issue_id)
    assert before[0].balances
    assert retention.retain(NOW + timedelta(days=390)) == 0
    assert rows(issue_id) == READERS + 3

    assert retention.retain(LATER) == 1

    assert rows(issue_id) == 0
    assert told(issue_id) == before
    assert retention.retain(LATER) == 0
    issue = db.session.get_one(Issue, issue_id)
    assert outcome.sent_before(db.session(), issue, 5) == [(issue, 10)]


def test_what_still_moves_is_kept_and_a_removal_that_was_stopped_is_finished(kept: World) -> None:
    moving, stopped = sent_issue(kept), sent_issue(kept)
    with ledger(db.engine) as connection:
        one = (Delivery.issue_id == moving) & (Delivery.n == 3)
        connection.execute(update(Delivery).where(one).values(state=DeliveryState.DEFERRED))
        some = (Delivery.issue_id == stopped) & (Delivery.n <= 7)
        connection.execute(
            update(Issue)
            .where(Issue.id == stopped)
            .values(figures=statement(db.session(), stopped).figures())
        )
        connection.execute(Delivery.__table__.delete().where(some))  # type: ignore[attr-defined]
    retention.retain(LATER)
    assert rows(moving) == READERS + 3
    assert rows(stopped) == 0


@pytest.mark.postgres
def test_a_partition_of_old_issues_is_dropped_whole_and_younger_ones_stay(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with world(postgres_url, tmp_path_factory.mktemp("kept"), batch_size="5") as made:
        made.readers(READERS)
        old, draft = sent_issue(made), made.issue(IssueState.DRAFT)
        with writing() as session:
            session.execute(
                text("SELECT setval(pg_get_serial_sequence('issue', 'id'), :id)"),
                {"id": ISSUES_PER_PARTITION + 1},
            )
        young = sent_issue(made)
        with writing() as session:
            session.execute(update(Issue).where(Issue.id == young).values(released_at=LATER))
        before = told(old)

        assert retention.retain(LATER) == 1

        with db.engine.connect() as connection:
            gone = connection.scalar(text("SELECT to_regclass('delivery_p00000') IS NULL"))
        assert gone
        assert told(old) == before
        assert rows(young) == READERS + 3
        overdue.make_partitions()
        with writing() as session:  # an old draft is released all the same
            session.execute(update(Issue).where(Issue.id == draft).values(state=IssueState.SENDING))
        audience.expand(draft, NOW)
        assert statement(db.session(), draft).rows == READERS
