"""An app context on a fresh database of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from newsletter_service.app import create_app
from newsletter_service.extensions import db
from newsletter_service.settings import Settings


@pytest.fixture
def app(any_database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application, in whose context the test runs."""
    settings = Settings.from_env(
        {
            "NEWSLETTER_DATABASE_URL": any_database_url,
            "NEWSLETTER_DATA_DIR": str(tmp_path),
            "NEWSLETTER_BASE_URL": "https://brev.example.org",
        }
    )
    made = create_app(settings)
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()
