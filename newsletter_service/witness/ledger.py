"""What the ledger says of an issue, asked from outside of those who send it."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.exc import OperationalError

from newsletter_service.extensions import db
from newsletter_service.models import Batch, Delivery, Issue, IssueState, Retry, Subscriber


def held_by(pids: Sequence[int]) -> int:
    """How many batches and retries processes with these ids hold."""
    with db.engine.connect() as connection:
        return sum(
            connection.scalar(
                select(func.count())
                .select_from(table)
                .where(or_(*(table.owner.like(f"%-{pid}-%") for pid in pids)))
            )
            or 0
            for table in (Batch, Retry)
        )


def is_sent(issue_id: int) -> bool:
    """Whether an issue is over; not while the database is away."""
    try:
        with db.engine.connect() as connection:
            state = connection.scalar(select(Issue.state).where(Issue.id == issue_id))
    except OperationalError:
        return False
    return state == IssueState.SENT


def states_of(issue_id: int) -> dict[str, str]:
    """What the ledger says of every reader of an issue, by address."""
    rows = db.session.execute(
        select(Subscriber.address, Delivery.state)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id)
    ).all()
    db.session.rollback()
    return {address: str(state) for address, state in rows}
