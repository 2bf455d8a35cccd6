"""A world that has sent an issue to readers, and the reports that come back about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter_service.bounces import intake
from newsletter_service.delivery import audience, finish, turn
from newsletter_service.extensions import db
from newsletter_service.models import BounceEvent, BounceMessage, Subscriber, Suppression
from tests.smtp_sink import Sink
from tests.world import World, world


@dataclass
class Sent:
    """An issue that a relay took; what it took is remembered by recipient."""

    made: World
    sink: Sink
    issue_id: int

    def sender_of(self, recipient: str) -> str:
        """The return address of one reader's copy."""
        return next(m.mail_from for m in self.sink if m.rcpt_to == [recipient])

    def message_to(self, recipient: str) -> bytes:
        """The bytes of one reader's copy."""
        return next(m.data for m in self.sink if m.rcpt_to == [recipient])

    def take_in(self, raw: bytes, envelope_to: str = "") -> BounceMessage:
        """Store a message and process it."""
        message_id = intake.store(raw, envelope_to, "test", datetime.now(UTC))
        intake.process(message_id, datetime.now(UTC))
        db.session.expire_all()
        return db.session.get_one(BounceMessage, message_id)

    def events(self) -> list[BounceEvent]:
        return list(db.session.scalars(select(BounceEvent).order_by(BounceEvent.id)))

    def suppressed(self) -> dict[str, str]:
        """Reasons by address."""
        rows = db.session.execute(
            select(Subscriber.address, Suppression.reason)
            .join(Suppression, Suppression.address_key == Subscriber.address_key)
            .where(Suppression.released_at.is_(None))
        )
        return {row.address: row.reason for row in rows}


@pytest.fixture
def sent(any_database_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[Sent]:
    """An issue to reader1 … reader4@reader.test, accepted by the relay."""
    with world(any_database_url, tmp_path, smtp_url=smtp_sink.url) as made:
        made.readers(4)
        issue_id = made.issue()
        audience.expand(issue_id, datetime.now(UTC))
        turn.take()
        finish.finish(issue_id, datetime.now(UTC))
        yield Sent(made, smtp_sink, issue_id)
