"""The schema's versions: bringing a database to the newest, in the current app's context."""

from pathlib import Path

import flask_migrate
from flask import current_app

from newsletter_service.extensions import db

MIGRATIONS = Path(__file__).parent / "migrations"
_migrate = flask_migrate.Migrate(directory=str(MIGRATIONS))


def upgrade() -> None:
    """Bring the database to the newest schema; harmless when it is there."""
    _bind()
    flask_migrate.upgrade()


def check() -> None:
    """Compare the models with the newest schema; ends the process where they differ."""
    _bind()
    flask_migrate.check()


def _bind() -> None:
    if "migrate" not in current_app.extensions:
        _migrate.init_app(current_app, db)
