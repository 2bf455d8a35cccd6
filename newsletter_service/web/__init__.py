"""The pages: translate a request, call one verb, answer. Knows no SMTP and no feed."""

from typing import Any

from flask import Flask

from newsletter_service.settings import Settings


def flask_config(settings: Settings) -> dict[str, Any]:
    """Flask's own configuration, out of our settings."""
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True},
        "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,
        "BABEL_DEFAULT_LOCALE": "sv",
        "BABEL_DEFAULT_TIMEZONE": settings.timezone,
        "BABEL_TRANSLATION_DIRECTORIES": "translations",
    }


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the pages to the app."""
