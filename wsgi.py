"""The web process: `gunicorn wsgi:app`."""

from newsletter_service.app import create_app

app = create_app()
