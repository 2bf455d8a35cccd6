"""What staff stopped: everything that leaves, or the work of one queue. Looked up in every gate."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, exists, select
from sqlalchemy.orm import Session

from newsletter_service.models import EVERYTHING, Hold, queue_hold

ISSUES = (EVERYTHING, queue_hold("send"))
NOTICES = (EVERYTHING, queue_hold("confirm"))


def none_of(names: Sequence[str]) -> ColumnElement[bool]:
    """That nothing of this is stopped, as a condition."""
    return ~exists().where(Hold.what.in_(names))


def stopped(executor: Session | Connection, names: Sequence[str]) -> Hold | None:
    """The hold that stops this kind of mail, if any."""
    row = executor.execute(
        select(Hold.what, Hold.at, Hold.actor, Hold.reason)
        .where(Hold.what.in_(names))
        .order_by(Hold.what)
        .limit(1)
    ).one_or_none()
    return Hold(**row._mapping) if row else None
