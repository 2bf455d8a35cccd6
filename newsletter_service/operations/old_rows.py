"""Removing rows whose time is up, some at a time, each in a transaction of its own."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from newsletter_service.extensions import Base, db
from newsletter_service.models import writing

ROWS_AT_ONCE = 500


def remove(model: type[Base], condition: ColumnElement[bool]) -> int:
    """Delete rows by condition; how many went."""
    total = 0
    while ids := some(model, condition):
        with writing() as session:
            # asked again: what became young meanwhile stays
            erase(session, model, id_of(model).in_(ids) & condition)
        total += len(ids)
    return total


def some(model: type[Base], condition: ColumnElement[bool]) -> Sequence[int]:
    """The ids of the first rows that a condition holds for; no transaction stays open."""
    found = db.session.scalars(
        select(id_of(model)).where(condition).order_by(id_of(model)).limit(ROWS_AT_ONCE)
    ).all()
    db.session.rollback()
    return found


def erase(session: Session, model: type[Base], condition: ColumnElement[bool]) -> None:
    """Within a transaction: delete rows by condition."""
    session.execute(delete(model).where(condition).execution_options(synchronize_session=False))


def id_of(model: type[Base]) -> ColumnElement[int]:
    """A model's id as a column."""
    column: ColumnElement[int] = model.__table__.c.id
    return column
