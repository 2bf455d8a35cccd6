"""A whole installation to attack: something of everything, and what stands in its tables."""

from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import AnyConverter, Rule
from werkzeug.test import TestResponse

from newsletter_service.accounts import links, passwords, people
from newsletter_service.embedded.sandbox_store import Sandbox
from newsletter_service.extensions import Base, db
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    BounceMessage,
    Issue,
    Item,
    Notice,
    Person,
    Role,
    SiteProbe,
    Source,
    Subscriber,
    Subscription,
    SuppressionReason,
    writing,
)
from newsletter_service.models import NewsletterList as List
from newsletter_service.subscribers import opt_in
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.readers import link_keys
from newsletter_service.suppression import suppress
from newsletter_service.tokens import preferences_token, unseal, unsubscribe_token
from tests.integration.web.browsing import log_in
from tests.world import World

Browser = Callable[..., FlaskClient]
PASSWORD = "en rad om kallt kaffe"


class Outside(FlaskClient):
    """A browser whose requests do not share the test's own application context and its `g`."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Make the request in a context of its own."""
        return Context().run(super().open, *args, **options)


@dataclass
class Town:
    """The installation, the rows that attacks aim at, and its tokens."""

    world: World
    issue_id: int
    sent_id: int
    block_ids: list[int]
    item_id: int
    source_id: int
    probe_id: int
    person_id: int
    subscriber_id: int
    subscription_id: int
    mail_id: int
    confirm: str
    leave: str
    preferences: str
    login: str

    def browser(self, *roles: Role, language: str = "en") -> FlaskClient:
        """A browser in which a colleague with these roles is logged in."""
        email = f"{'-'.join(roles)}@staff.test"
        person = people.find(email) or people.create(email, "", list(roles))
        link = links.one_time_link(person, datetime.now(UTC))
        db.session.remove()
        client = self.stranger(language)
        log_in(client, link)
        return client

    def stranger(self, language: str = "en") -> FlaskClient:
        """A browser nobody is logged in with."""
        client = self.world.app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        return client

    def paths(self, rule: Rule) -> list[str]:
        """The addresses of a route that name what is there."""
        values = {name: self._values(rule, name) for name in rule.arguments}
        with self.world.app.test_request_context():
            return [
                rule.build({name: given[n % len(given)] for name, given in values.items()})[1]  # type: ignore[index]
                for n in range(max(map(len, values.values()), default=1))
            ]

    def _values(self, rule: Rule, name: str) -> list[Any]:
        converter = rule._converters[name]
        if isinstance(converter, AnyConverter):
            return sorted(converter.items)
        known: dict[str, list[Any]] = {
            "issue_id": [self.issue_id, self.sent_id],
            "list_id": [self.world.list_id],
            "item_id": [self.item_id],
            "source_id": [self.source_id],
            "probe_id": [self.probe_id],
            "person_id": [self.person_id],
            "subscriber_id": [self.subscriber_id],
            "subscription_id": [self.subscription_id],
            "mail_id": [self.mail_id],
            "slug": ["nytt"],
            "filename": ["css/tokens.css"],
            "reply": ["yes", "ja"],
            "token": [self.confirm, self.leave, self.preferences, self.login],
        }
        return known.get(name, [1])


def found_town(made: World) -> Town:
    """Put something of everything into a world."""
    made.app.testing = True
    made.app.test_client_class = Outside
    made.app.config["PROPAGATE_EXCEPTIONS"] = False
    now = datetime.now(UTC)
    readers = made.readers(3)
    opt_in.subscribe("nytt", "waiting@reader.test", "sv", RequestContext(), now)
    colleague = people.create("colleague@staff.test", "Kollega", [Role.EDITOR])
    with writing() as session:
        session.get_one(Person, colleague.id).password_hash = _hashed()
        source, probe = _news(session, made, now)
        _bounced(session, readers[0], now)
        session.flush()
        item_id = session.scalars(select(Item.id)).first()
        source_id, probe_id = source.id, probe.id
    sent, draft = made.issue(), _draft(made, now)
    mail = Sandbox(made.settings.data_dir / "sandbox").add(
        "b+x@bounce.test", ["reader1@reader.test"], _MAIL, now
    )
    session = db.session()
    handle = session.scalars(select(Subscription.handle).order_by(Subscription.id)).first()
    subscription_id = session.scalars(select(Subscription.id).order_by(Subscription.id)).first()
    assert handle is not None
    town = Town(
        world=made,
        issue_id=draft.id,
        sent_id=sent,
        block_ids=[block.id for block in draft.blocks],
        item_id=item_id or 0,
        source_id=source_id,
        probe_id=probe_id,
        person_id=colleague.id,
        subscriber_id=readers[0],
        subscription_id=subscription_id or 0,
        mail_id=mail,
        confirm=_secret(made),
        leave=unsubscribe_token(link_keys(), handle, sent),
        preferences=preferences_token(link_keys(), handle),
        login=links.one_time_link(colleague, now).rpartition("/")[2],
    )
    db.session.remove()
    return town


@cache
def _hashed() -> str:
    """The password, hashed once: that is slow on purpose."""
    return passwords.hashed(PASSWORD)


def dump() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in order."""
    with db.engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def differences(
    before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]]
) -> list[str]:
    """The tables that are not as they were."""
    return [name for name in before if before[name] != after[name]]


_MAIL = (
    b"From: Nytt <nyhetsbrev@park.example.org>\r\nTo: reader1@reader.test\r\n"
    b"Subject: Hej\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<html><head></head><body>Hej</body></html>\r\n"
)


def _news(session: Any, made: World, now: datetime) -> tuple[Source, SiteProbe]:
    source = Source(
        url="https://park.example.org/feed",
        kind="rss",
        title="Parken",
        due_at=now + timedelta(days=1),
        created_at=now,
        lists=[session.get_one(List, made.list_id)],
    )
    session.add(source)
    session.flush()
    session.add(
        Item(
            source_id=source.id,
            guid="a",
            title="Ett labb",
            summary="Öppnar i vår.",
            url="https://park.example.org/labb",
            published_at=now,
            fetched_at=now,
            changed_at=now,
        )
    )
    probe = SiteProbe(
        url="https://park.example.org/",
        asked_at=now,
        asked_by="x@staff.test",
        answered_at=now,
        found={"feeds": [], "logos": [], "accents": []},
    )
    session.add(probe)
    return source, probe


def _bounced(session: Any, subscriber_id: int, now: datetime) -> None:
    reader = session.get_one(Subscriber, subscriber_id)
    message = BounceMessage(
        digest=b"1" * 32, raw=b"Subject: x\r\n\r\nx", source="listener", received_at=now
    )
    session.add(message)
    session.flush()
    session.add(
        BounceEvent(
            address_key=reader.address_key,
            domain=reader.domain,
            subscriber_id=subscriber_id,
            message_id=message.id,
            kind=BounceKind.HARD,
            reason="userunknown",
            source="listener",
            at=now,
        )
    )
    suppress(
        session,
        reader.address_key,
        reason=SuppressionReason.HARD_BOUNCE,
        source="listener",
        evidence="550 5.1.1",
        now=now,
    )


def _draft(made: World, now: datetime) -> Issue:
    from_sent = made.issue()
    with writing() as session:
        issue = session.get_one(Issue, from_sent)
        issue.state = "draft"  # type: ignore[assignment]
        issue.released_at = issue.expires_at = None
        issue.editions = []
        issue.changed_at = now
    return db.session.get_one(Issue, from_sent)


def _secret(made: World) -> str:
    notice = db.session.scalars(select(Notice).where(Notice.kind == "confirmation")).one()
    assert notice.sealed is not None
    return unseal(made.settings.secret_key, notice.sealed)
