"""Databases with our schema, made by the migrations once and copied for each test."""

from pathlib import Path

from newsletter_service import schema
from newsletter_service.background import create_background
from newsletter_service.extensions import db
from newsletter_service.settings import Settings


def migrate(url: str, data_dir: Path) -> None:
    """Bring the database of this URL to the newest schema, and let go of it."""
    settings = Settings.from_env(
        {"NEWSLETTER_DATABASE_URL": url, "NEWSLETTER_DATA_DIR": str(data_dir)}
    )
    with create_background(settings).app_context():
        schema.upgrade()
        db.engine.dispose()
