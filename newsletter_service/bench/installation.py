"""A live installation to measure: a migrated database, a list, readers, issues of a wanted size."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from flask import Flask
from sqlalchemy import insert, select

from newsletter_service import relays, schema
from newsletter_service.address import address_key, parse
from newsletter_service.app import create_app
from newsletter_service.extensions import db
from newsletter_service.issues import editions
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.message import Letter, Prepared
from newsletter_service.models import (
    Block,
    Edition,
    Issue,
    IssueState,
    IssueText,
    NewsletterList,
    Organisation,
    Subscriber,
    Subscription,
    SubscriptionState,
    writing,
)
from newsletter_service.settings import Settings

_AT_ONCE = 10_000
_LETTER = ("subject", "html", "text", "locale", "slots")
_PROSE = "Tre bolag i parken bygger ett mikroskop tillsammans och visar det i höst. "


@dataclass
class Installation:
    """An app on its database, inside its application context. `env` starts more processes of it."""

    app: Flask
    env: dict[str, str]
    list_id: int = 0

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return Settings.from_env(self.env)

    def readers(self, number: int) -> None:
        """Have that many confirmed subscribers: reader1@d1.example and so on."""
        have = db.session.query(Subscriber).count()
        key = self.settings.address_key
        for first in range(have, number, _AT_ONCE):
            self._add(range(first + 1, min(first + _AT_ONCE, number) + 1), key)

    def _add(self, numbers: range, key: bytes) -> None:
        then = datetime.now(UTC) - timedelta(days=30)
        addresses = [parse(f"reader{i}@d{i % 500}.example") for i in numbers]
        with writing() as session:
            ids = session.scalars(
                insert(Subscriber).returning(Subscriber.id),
                [
                    {
                        "address": one.as_typed,
                        "address_key": address_key(one.normalised, key),
                        "domain": one.domain_ascii,
                        "locale": "sv",
                        "created_at": then,
                    }
                    for one in addresses
                ],
            ).all()
            session.execute(
                insert(Subscription),
                [
                    {
                        "subscriber_id": one,
                        "list_id": self.list_id,
                        "state": SubscriptionState.CONFIRMED,
                        "handle": token_bytes(16),
                        "created_at": then,
                        "confirmed_at": then,
                        "legal_basis": "consent",
                    }
                    for one in ids
                ],
            )

    def issue(self, size: int) -> int:
        """A released issue whose message has about `size` bytes; returns its id."""
        now = datetime.now(UTC)
        with writing() as session:
            issue = Issue(
                list_id=self.list_id,
                number=session.query(Issue).count() + 1,
                state=IssueState.SENDING,
                created_at=now,
                changed_at=now,
                released_at=now,
                expires_at=now + timedelta(hours=48),
                texts=[IssueText(locale="sv", subject="Nytt i parken", introduction="Hej!")],
                blocks=[Block(position=1, kind="text", data={"sv": {"text": _PROSE}})],
            )
            session.add(issue)
            session.flush()
            editions.freeze(session, issue, now)
            session.flush()
            made = session.scalars(select(Edition).where(Edition.issue_id == issue.id)).one()
            _resize(made, size)
            return issue.id


def _resize(edition: Edition, size: int) -> None:
    """Lengthen the letter by paragraphs, or replace it by a bare one that has the same slots."""
    if _bytes_of(edition) > size:
        links = "".join(
            f'<p><a href="{mark}">{name}</a></p>' for name, mark in edition.slots.items()
        )
        edition.html = f"<!doctype html><html><body>{links}</body></html>"
        edition.text = "\n".join(edition.slots.values())
    for step in (f"<p>{_PROSE * 5}</p>\n", "<br>\n"):
        grown = Edition(
            **{name: getattr(edition, name) for name in _LETTER}, headers=edition.headers
        )
        grown.html = _with(edition.html, step * 10)
        each = max((_bytes_of(grown) - _bytes_of(edition)) // 10, 1)
        edition.html = _with(edition.html, step * max((size - _bytes_of(edition)) // each, 0))


def _with(html: str, more: str) -> str:
    return html.replace("</body>", more + "</body>")


def _bytes_of(edition: Edition) -> int:
    letter = Letter(
        subject=edition.subject,
        html=edition.html,
        text=edition.text,
        locale=edition.locale,
        slots=dict(edition.slots),
    )
    return Prepared.of(letter, FixedHeaders(**edition.headers)).size


@contextmanager
def installation(database_url: str, place: Path, **settings: object) -> Iterator[Installation]:
    """A fresh installation switched live. `settings`: environment names in lower case."""
    place.mkdir(parents=True, exist_ok=True)
    env = {
        "NEWSLETTER_DATABASE_URL": database_url,
        "NEWSLETTER_DATA_DIR": str(place),
        "NEWSLETTER_BASE_URL": "https://nyhetsbrev.example.org",
        "NEWSLETTER_LOG_LEVEL": "WARNING",
    } | {f"NEWSLETTER_{name.upper()}": str(value) for name, value in settings.items()}
    made = Installation(create_app(Settings.from_env(env)), env)
    with made.app.app_context():
        schema.upgrade()
        made.list_id = db.session.scalar(select(NewsletterList.id)) or _found(made)
        try:
            yield made
        finally:
            db.session.remove()
            db.engine.dispose()


def _found(made: Installation) -> int:
    now = datetime.now(UTC)
    with writing() as session:
        session.add(
            Organisation(
                id=1,
                name="Parken",
                postal_address="Provrörsvägen 1, 123 45 Parken",
                org_nr="556000-0000",
                contact_email="hej@park.example.org",
                website="https://park.example.org",
                created_at=now,
                live_at=now,
            )
        )
        newsletter = NewsletterList(
            slug="nytt",
            list_id="nytt.nyhetsbrev.example.org",
            name="Nytt från parken",
            name_en="News from the park",
            sender_name="Parken",
            sender_address="nyhetsbrev@park.example.org",
            created_at=now,
        )
        session.add(newsletter)
        relays.ensure(session, made.settings)
        session.flush()
        return newsletter.id
