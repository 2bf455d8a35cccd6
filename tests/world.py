"""A small world for tests: an app on a database, an organisation, a list, readers, an issue."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from flask import Flask
from sqlalchemy import insert

from newsletter_service import relays
from newsletter_service.address import address_key, parse
from newsletter_service.app import create_app
from newsletter_service.delivery.engine import close_engine
from newsletter_service.extensions import db
from newsletter_service.issues import editions
from newsletter_service.models import (
    Block,
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


@dataclass
class World:
    """What a test needs to know of its world."""

    app: Flask
    settings: Settings
    env: dict[str, str]
    list_id: int = 0

    def readers(self, number: int, domain: str = "reader.test", first: int = 1) -> list[int]:
        """Add confirmed subscribers `läsare`: reader1@…, reader2@…; returns their ids."""
        then = datetime.now(UTC) - timedelta(days=30)
        with writing() as session:
            ids = []
            for start in range(first, first + number, 5000):
                several = range(start, min(start + 5000, first + number))
                rows = [self._reader(f"reader{i}@{domain}", then) for i in several]
                ids += list(session.scalars(insert(Subscriber).returning(Subscriber.id), rows))
            session.execute(
                insert(Subscription),
                [
                    {
                        "subscriber_id": subscriber_id,
                        "list_id": self.list_id,
                        "state": SubscriptionState.CONFIRMED,
                        "handle": token_bytes(16),
                        "created_at": then,
                        "confirmed_at": then,
                        "legal_basis": "consent",
                    }
                    for subscriber_id in ids
                ],
            )
        return ids

    def _reader(self, text: str, then: datetime) -> dict[str, object]:
        address = parse(text)
        return {
            "address": address.as_typed,
            "address_key": address_key(address.normalised, self.settings.address_key),
            "domain": address.domain_ascii,
            "locale": "sv",
            "created_at": then,
        }

    def issue(self, state: IssueState = IssueState.SENDING) -> int:
        """An issue with one item and its frozen edition; returns its id."""
        now = datetime.now(UTC)
        with writing() as session:
            last = session.query(Issue).count()
            issue = Issue(
                list_id=self.list_id,
                number=last + 1,
                state=state,
                created_at=now,
                changed_at=now,
                released_at=now,
                expires_at=now + timedelta(hours=48),
                texts=[
                    IssueText(
                        locale="sv",
                        subject="Nytt labb på Fjällängen",
                        preheader="Tre bolag flyttar in, och en tävling",
                        introduction="Hej! Här är höstens nyheter.",
                    )
                ],
                blocks=[
                    Block(
                        position=1,
                        kind="item",
                        data={
                            "sv": {
                                "title": "Kryomikroskop för alla",
                                "summary": "Nu kan även små bolag boka tid.",
                                "url": "https://park.example.org/nyheter/kryo",
                                "lead": True,
                            }
                        },
                    )
                ],
            )
            session.add(issue)
            session.flush()
            editions.freeze(session, issue, now)
            return issue.id


@contextmanager
def world(database_url: str, data_dir: Path, **settings: str) -> Iterator[World]:
    """An application context over a fresh installation that was switched live.

    `settings` are environment names without the prefix, in lower case.
    """
    env = {
        "NEWSLETTER_DATABASE_URL": database_url,
        "NEWSLETTER_DATA_DIR": str(data_dir),
        "NEWSLETTER_BASE_URL": "https://nyhetsbrev.example.org",
        "NEWSLETTER_SMTP_TIMEOUT": "5",
    } | {f"NEWSLETTER_{name.upper()}": value for name, value in settings.items()}
    made = World(create_app(Settings.from_env(env)), Settings.from_env(env), env)
    with made.app.app_context():
        made.list_id = _found(made)
        try:
            yield made
        finally:
            close_engine(made.app)
            db.session.remove()
            db.engine.dispose()


def _found(made: World) -> int:
    now = datetime.now(UTC)
    with writing() as session:
        session.add(
            Organisation(
                id=1,
                name="Fjällängens forskningspark",
                postal_address="Provrörsvägen 1, 123 45 Fjälläng",
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
            name="Nytt från Fjällängen",
            name_en="News from Fjällängen",
            sender_name="Fjällängens forskningspark",
            sender_address="nyhetsbrev@park.example.org",
            created_at=now,
        )
        session.add(newsletter)
        relays.ensure(session, made.settings)
        session.flush()
        return newsletter.id
