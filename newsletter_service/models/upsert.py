"""Adding rows that may be there already, on both databases."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter_service.extensions import Base


def insert_new(session: Session, model: type[Base]) -> Any:
    """INSERT … ON CONFLICT DO NOTHING into a model's table; with `returning`, only new rows."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model.__table__).on_conflict_do_nothing()  # type: ignore[arg-type]
    return sqlite.insert(model.__table__).on_conflict_do_nothing()  # type: ignore[arg-type]
