"""What came back: raw messages, and what each means for one reader."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class BounceState(StrEnum):
    """How far a stored message has come."""

    STORED = "stored"
    PROCESSED = "processed"
    # readable, but without a token of ours: set aside, changes nothing (R 4.3)
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"


class BounceMessage(Base):
    """A raw message as it came; `digest` makes storing it twice harmless."""

    __tablename__ = "bounce_message"
    __table_args__ = (Index(None, "state"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    envelope_to: Mapped[str] = mapped_column(String(320), default="")
    source: Mapped[str] = mapped_column(String(32))
    state: Mapped[BounceState] = mapped_column(String(16), default=BounceState.STORED)
    kind: Mapped[str] = mapped_column(String(16), default="")
    note: Mapped[str] = mapped_column(String(300), default="")
    tries: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BounceMailbox(Base):
    """A mailbox that bounces are fetched from, by its address without the password.

    `tried_at` is empty where more waits; `left_uids` are too large to take and stay in it.
    """

    __tablename__ = "bounce_mailbox"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(600), unique=True)
    tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(String(300), default="")
    taken: Mapped[int] = mapped_column(default=0)
    left_uids: Mapped[list[str]] = mapped_column(JSON, default=list)


class BounceKind(StrEnum):
    """What a bounce event says."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"


class BounceEvent(Base):
    """One failure or complaint of one address, with its evidence; from a message or a reply.

    `meaning` is that of `verdict_rules`; empty for complaints. `wave_id` is set while or where it
    is held as part of an operator's outage.
    """

    __tablename__ = "bounce_event"
    __table_args__ = (
        Index(None, "address_key", "at"),
        Index(None, "subscriber_id", "at"),
        Index(None, "issue_id"),
        Index(None, "domain", "at"),
        Index(None, "wave_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    domain: Mapped[str] = mapped_column(String(255), default="")
    subscriber_id: Mapped[int | None]
    issue_id: Mapped[int | None]
    n: Mapped[int | None]
    notice_id: Mapped[int | None]
    message_id: Mapped[int | None]
    kind: Mapped[BounceKind] = mapped_column(String(16))
    final: Mapped[bool] = mapped_column(default=True)
    reason: Mapped[str] = mapped_column(String(32))
    meaning: Mapped[str] = mapped_column(String(16), default="")
    status: Mapped[str] = mapped_column(String(16), default="")
    evidence: Mapped[str] = mapped_column(String(500), default="")
    source: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    wave_id: Mapped[int | None]


class BounceWave(Base):
    """Many readers of one operator refused at once for one reason; `decision` outage or real."""

    __tablename__ = "bounce_wave"
    __table_args__ = (Index(None, "decision"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    operator: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(String(32))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decision: Mapped[str] = mapped_column(String(16), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(254), default="")


class BounceRule(Base):
    """A rule of this installation's own: words in lower case and the reason they stand for.

    Proposed until `switched_on_at`; `removed_at` keeps it for the record.
    """

    __tablename__ = "bounce_rule"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    phrase: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(32))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    proposed_by: Mapped[str] = mapped_column(String(254))
    message_id: Mapped[int | None]
    switched_on_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    switched_on_by: Mapped[str] = mapped_column(String(254), default="")
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ProviderEvent(Base):
    """One event of a provider's webhook, proven genuine; `event_key` makes it count once.

    `payload` is the event as JSON. Its states are those of a message that came back.
    """

    __tablename__ = "provider_event"
    __table_args__ = (
        UniqueConstraint("provider", "event_key"),
        Index(None, "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    event_key: Mapped[str] = mapped_column(String(200))
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[BounceState] = mapped_column(String(16), default=BounceState.STORED)
    name: Mapped[str] = mapped_column(String(64), default="")
    note: Mapped[str] = mapped_column(String(300), default="")
    tries: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ProviderCertificate(Base):
    """A certificate that signs a provider's webhook; `pem` is empty until a worker fetched it."""

    __tablename__ = "provider_certificate"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(500), unique=True)
    pem: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    error: Mapped[str] = mapped_column(String(300), default="")
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
