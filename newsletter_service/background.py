"""The application of what works without pages: workers, the scheduler, the listener, commands."""

from flask import Flask
from flask_babel import Babel

from newsletter_service.core import DEFAULT_LOCALE, create_core
from newsletter_service.settings import Settings


def create_background(settings: Settings | None = None) -> Flask:
    """The core, speaking both languages; it takes half the time of `app.create_app`."""
    app = create_core(settings)
    Babel(app, locale_selector=lambda: DEFAULT_LOCALE)
    return app
