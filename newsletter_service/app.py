"""The only wiring: read it as a table of contents."""

from flask import Flask

from newsletter_service import web
from newsletter_service.core import create_core
from newsletter_service.settings import Settings
from newsletter_service.web import security


def create_app(settings: Settings | None = None) -> Flask:
    """The application of the pages."""
    settings = settings or Settings.from_env()
    app = create_core(settings, security.flask_config(settings))
    web.init_app(app, settings)
    return app
