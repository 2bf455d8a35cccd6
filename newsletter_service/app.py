"""The only wiring: read it as a table of contents."""

from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from newsletter_service import web
from newsletter_service.core import create_core
from newsletter_service.extensions import db
from newsletter_service.settings import Settings
from newsletter_service.web import security

migrate = Migrate(directory=str(Path(__file__).parent / "migrations"))


def create_app(settings: Settings | None = None) -> Flask:
    """The application of the pages and the commands."""
    settings = settings or Settings.from_env()
    app = create_core(settings, security.flask_config(settings))
    migrate.init_app(app, db)
    web.init_app(app, settings)
    return app
