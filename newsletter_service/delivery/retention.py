"""Deliveries after their period: their figures stay with the issue, their rows go (R 5.13).

So the ledger holds a year of issues however many were ever sent. On PostgreSQL a partition all of
whose issues are over is dropped whole; rows beside younger issues, and on SQLite, are deleted
by ranges, a commit each. It may be stopped anywhere and run again: the batches go last.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update

from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    BounceEvent,
    Delivery,
    Issue,
    IssueState,
    Retry,
    changed,
    ledger,
    writing,
)
from newsletter_service.models.partitions import drop_finished
from newsletter_service.subscribers import data_protection

ROWS_AT_ONCE = 5000
_OVER = (IssueState.SENT, IssueState.CANCELLED)


def retain(now: datetime) -> int:
    """Note the figures of issues that are old enough and remove their rows; how many issues."""
    old = [issue_id for issue_id in _old(now) if _note_figures(issue_id)]
    waiting = _with_rows_left()
    if waiting:
        with ledger(db.engine) as connection:
            drop_finished(connection)
    for issue_id, last_n in waiting:
        _remove_rows(issue_id, last_n)
    return len(old)


def _old(now: datetime) -> Sequence[int]:
    since = now - data_protection.facts().kept("deliveries")
    found = db.session.scalars(
        select(Issue.id)
        .where(
            Issue.state.in_(_OVER),
            Issue.figures.is_(None),
            Issue.released_at < since,
        )
        .order_by(Issue.id)
    ).all()
    db.session.rollback()
    return found


def _note_figures(issue_id: int) -> bool:
    """Keep what the statement says, about nobody; not while anything of it still moves."""
    with writing() as session:
        counted = statement(session, issue_id)
        if counted.pending or counted.deferred or not counted.balances:
            return False
        figures = counted.figures()
        noted = changed(
            session,
            update(Issue)
            .where(Issue.id == issue_id, Issue.state.in_(_OVER), Issue.figures.is_(None))
            .values(figures=figures)
            .execution_options(synchronize_session=False),
        )
        session.execute(
            update(BounceEvent)
            .where(BounceEvent.issue_id == issue_id)
            .values(address_key=b"", subscriber_id=None, evidence="")
            .execution_options(synchronize_session=False)
        )
        return noted == 1


def _with_rows_left() -> list[tuple[int, int]]:
    rows = db.session.execute(
        select(Issue.id, Issue.last_n)
        .where(
            Issue.figures.is_not(None),
            select(Batch.id).where(Batch.issue_id == Issue.id).exists(),
        )
        .order_by(Issue.id)
    ).all()
    db.session.rollback()
    return [(row.id, row.last_n) for row in rows]


def _remove_rows(issue_id: int, last_n: int) -> None:
    left = select(func.min(Delivery.n)).where(Delivery.issue_id == issue_id)
    with db.engine.connect() as connection:
        first = connection.scalar(left)
    while first is not None and first <= last_n:
        upto = first + ROWS_AT_ONCE
        with ledger(db.engine) as connection:
            connection.execute(
                delete(Delivery).where(Delivery.issue_id == issue_id, Delivery.n < upto)
            )
        first = upto
    with ledger(db.engine) as connection:
        for model in (Retry, Batch):
            connection.execute(delete(model).where(model.issue_id == issue_id))
