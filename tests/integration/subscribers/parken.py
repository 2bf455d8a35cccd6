"""A service with two lists, and a look into it from the side."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from newsletter_service.address import address_key, parse
from newsletter_service.app import create_app
from newsletter_service.extensions import db
from newsletter_service.models import (
    NewsletterList,
    Notice,
    Organisation,
    SignUp,
    Subscriber,
    Subscription,
    writing,
)
from newsletter_service.settings import Settings
from newsletter_service.subscribers import pressure, sign_ups
from newsletter_service.subscribers.readers import link_keys
from newsletter_service.tokens import preferences_token, unseal, unsubscribe_token

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def add_list(slug: str, name: str) -> NewsletterList:
    """A list of Parken."""
    return NewsletterList(
        slug=slug,
        list_id=f"{slug}.example.org",
        name=name,
        name_en=f"{name} in English",
        sender_name="Parken",
        sender_address=f"{slug}@example.org",
        locales=["sv", "en"],
        created_at=NOW,
    )


@contextmanager
def parken(database_url: str, data_dir: Path, **env: str) -> Iterator[Flask]:
    """The application, with Parken and its lists `nytt` and `jobb`."""
    pressure.forget()
    given = {
        "NEWSLETTER_DATABASE_URL": database_url,
        "NEWSLETTER_DATA_DIR": str(data_dir),
        "NEWSLETTER_DNS_SERVER": "127.0.0.1:1",  # nobody answers there
    }
    made = create_app(Settings.from_env(given | env))
    with made.app_context():
        with writing() as session:
            session.add(
                Organisation(
                    id=1,
                    name="Parken",
                    postal_address="Parkgatan 1, 123 45 Parkstad",
                    contact_email="hej@example.org",
                    created_at=NOW,
                )
            )
            session.add_all([add_list("nytt", "Nytt från Parken"), add_list("jobb", "Jobb")])
        try:
            yield made
        finally:
            db.session.remove()
            db.engine.dispose()


class Visitor(FlaskClient):
    """Asks from outside: nothing of the test's own application context is seen."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return Context().run(super().open, *args, **kwargs)


def visitor(app: Flask) -> FlaskClient:
    """A visitor without cookies."""
    app.test_client_class = Visitor
    return app.test_client(use_cookies=False)


@dataclass
class Desk:
    """Looks into the service from the side, for tests."""

    app: Flask

    @property
    def settings(self) -> Settings:
        settings: Settings = self.app.extensions["newsletter-settings"]
        return settings

    def key(self, address: str) -> bytes:
        return address_key(parse(address).normalised, self.settings.address_key)

    def notices(self, kind: str | None = None) -> list[Notice]:
        db.session.rollback()
        found = db.session.scalars(select(Notice).order_by(Notice.id)).all()
        return [notice for notice in found if kind in {None, notice.kind}]

    def take(self) -> None:
        """A worker takes every sign-up, as if its time had come, in as many turns as it needs."""
        with writing() as session:
            session.execute(update(SignUp).values(due_at=SignUp.asked_at))
        while sign_ups.take(datetime.now(UTC)):
            pass

    def link(self, which: int = -1) -> str:
        """The secret in the confirmation link of a mail."""
        sealed = self.notices("confirmation")[which].sealed
        assert sealed is not None
        return unseal(self.settings.secret_key, sealed)

    def subscription(self, address: str, slug: str = "nytt") -> Subscription:
        db.session.rollback()
        return db.session.scalars(
            select(Subscription)
            .join(Subscriber)
            .join(NewsletterList)
            .where(Subscriber.address_key == self.key(address), NewsletterList.slug == slug)
        ).one()

    def state(self, address: str, slug: str = "nytt") -> str:
        return str(self.subscription(address, slug).state)

    def leave_token(self, address: str, slug: str = "nytt", issue_id: int | None = 7) -> str:
        return unsubscribe_token(link_keys(), self.subscription(address, slug).handle, issue_id)

    def preferences_token(self, address: str, slug: str = "nytt") -> str:
        return preferences_token(link_keys(), self.subscription(address, slug).handle)
