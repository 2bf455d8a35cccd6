"""What is overdue in sending: the sweep's questions, so that a lost nudge loses nobody (P1)."""

import logging
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError

from newsletter_service.delivery import claims, control
from newsletter_service.delivery.recover import recover
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    Issue,
    IssueState,
    Notice,
    SkipReason,
    db_now_ms,
    ledger,
)
from newsletter_service.models.partitions import make_ahead

log = logging.getLogger(__name__)

Nudges = list[tuple[str, tuple[int, ...]]]


def sweep(now: datetime) -> Nudges:
    """Recover expired leases and say which work waits for a worker."""
    try:
        recover(db.engine)
    except SQLAlchemyError:  # the rest need not wait for it; it is tried again at the next sweep
        log.exception("recovery_failed")
    nudges: Nudges = []
    with db.engine.connect() as connection:
        if claims.work_left(connection):
            nudges.append(("delivery.turn", ()))
        underway = connection.execute(
            select(Issue.id, Issue.expanded_at).where(Issue.state == IssueState.SENDING)
        ).all()
        notices = connection.execute(
            select(Notice.id)
            .where(
                Notice.state.in_(("pending", "deferred", "claimed", "data_started")),
                or_(Notice.due_ms <= db_now_ms(), Notice.owner != ""),
            )
            .limit(1)
        ).first()
        cancelled = connection.scalars(
            select(Issue.id)
            .join(Batch, Batch.issue_id == Issue.id)
            .where(
                Issue.state == IssueState.CANCELLED,
                or_(Batch.pending > 0, Batch.deferred > 0),
            )
            .distinct()
        ).all()
    for issue_id, expanded_at in underway:
        work = "audience.expand" if expanded_at is None else "issue.finish"
        nudges.append((work, (issue_id,)))
    if notices:
        nudges.append(("notices.send", ()))
    for issue_id in cancelled:
        control.skip_rest(issue_id, SkipReason.CANCELLED)
    return nudges


def make_partitions() -> None:
    """Keep the ledger's partitions ahead of the issues."""
    with ledger(db.engine) as connection:
        newest = connection.scalar(select(Issue.id).order_by(Issue.id.desc()).limit(1)) or 0
        make_ahead(connection, newest)
