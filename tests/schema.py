"""Databases with our schema, made by the migrations once and copied for each test."""

from pathlib import Path

import flask_migrate

import newsletter_service
from newsletter_service.app import create_app
from newsletter_service.extensions import db
from newsletter_service.settings import Settings

MIGRATIONS = Path(newsletter_service.__file__).parent / "migrations"


def migrate(url: str, data_dir: Path) -> None:
    """Bring the database of this URL to the newest schema, and let go of it."""
    settings = Settings.from_env(
        {"NEWSLETTER_DATABASE_URL": url, "NEWSLETTER_DATA_DIR": str(data_dir)}
    )
    with create_app(settings).app_context():
        flask_migrate.upgrade(directory=str(MIGRATIONS))
        db.engine.dispose()
