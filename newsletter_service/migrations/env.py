"""Alembic's entry: migrates the database of the current Flask application."""

from typing import Literal

from alembic import context
from flask import current_app

import newsletter_service.models  # noqa: F401 - fills the metadata
from newsletter_service.extensions import Base, db
from newsletter_service.models.base import UtcDateTime


def _is_ours(
    _object: object, name: str | None, kind: str, _reflected: bool, _other: object
) -> bool:
    """Partitions of the ledger are made by the migration and the scheduler, not by the models."""
    return not (kind == "table" and (name or "").startswith("delivery_p"))


def _render(kind: str, thing: object, _context: object) -> str | Literal[False]:
    """Migrations name SQLAlchemy's types, so that they outlive ours."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Upgrade within one transaction on the application's engine."""
    with current_app.app_context(), db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            include_object=_is_ours,
            render_item=_render,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
