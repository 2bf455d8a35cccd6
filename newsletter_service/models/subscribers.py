"""Subscribers, their subscriptions, the proof of consent, and who must not be written to."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime, check_move
from newsletter_service.models.lists import NewsletterList

WHOLE_ORGANISATION = 0


class Subscriber(Base):
    """A person known by address. `address_key` is the keyed hash that outlives erasure."""

    __tablename__ = "subscriber"
    __table_args__ = (Index(None, "domain"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    domain: Mapped[str] = mapped_column(String(255))
    locale: Mapped[str] = mapped_column(String(5), default="sv")
    fields: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    subscriptions: Mapped[list["Subscription"]] = relationship(back_populates="subscriber")


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


SUBSCRIPTION_MOVES: dict[StrEnum, frozenset[SubscriptionState]] = {
    # pending → unsubscribed: the address's owner blocked a sign-up that was not theirs
    SubscriptionState.PENDING: frozenset(
        {SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED}
    ),
    SubscriptionState.CONFIRMED: frozenset({SubscriptionState.UNSUBSCRIBED}),
    # back again by a new sign-up (pending) or within the undo time (confirmed)
    SubscriptionState.UNSUBSCRIBED: frozenset(
        {SubscriptionState.PENDING, SubscriptionState.CONFIRMED}
    ),
}


class LegalBasis(StrEnum):
    """Why a reader may be written to (R 5.1); an issue goes to nobody without one."""

    CONSENT = "consent"
    # the address was given at a sale, for news of the like (marknadsföringslagen 19 §)
    EXISTING_CUSTOMER = "existing_customer"
    LEGAL_PERSON = "legal_person"


class Subscription(Base):
    """A subscriber on a list. `handle` is random and names it in links, for ever.

    `legal_basis` is empty until something gives one; `basis_evidence` says what. While
    `paused_until_ms` lies ahead, issues pass the reader by.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("list_id", "subscriber_id"),
        Index(None, "subscriber_id"),
        Index(None, "paused_until_ms"),
        # pages count a list's readers at every look: answered by this alone
        Index(None, "list_id", "state", "confirmed_at", "legal_basis"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    state: Mapped[SubscriptionState] = mapped_column(String(16))
    handle: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    legal_basis: Mapped[str] = mapped_column(String(24), default="")
    basis_evidence: Mapped[str] = mapped_column(String(500), default="")
    paused_until_ms: Mapped[int | None] = mapped_column(BigInteger)

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions")
    newsletter: Mapped[NewsletterList] = relationship()

    def move(self, after: SubscriptionState) -> None:
        """Change the state. Raises `IllegalMove`."""
        check_move("A subscription", SUBSCRIPTION_MOVES, SubscriptionState(self.state), after)
        self.state = after


class ConsentKind(StrEnum):
    """What a consent event proves."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    CHANGED = "changed"


class Wording(Base):
    """A text that people were shown, word for word, kept once for all who saw it.

    `digest` names it in consent events; `kind` is form, confirm or privacy.
    """

    __tablename__ = "wording"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    locale: Mapped[str] = mapped_column(String(5))
    text: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConsentEvent(Base):
    """One append-only proof (R 5.12): who, what, when, in which words, by which channel.

    The database refuses every change but taking `ip` and `user_agent` away (see the migration).
    """

    __tablename__ = "consent_event"
    __table_args__ = (
        Index(None, "subscriber_id"),
        Index(None, "subscription_id"),
        # who left lately, among millions who only came
        Index(
            "ix_consent_event_withdrawn_at",
            "at",
            sqlite_where=text("kind = 'withdrawn'"),
            postgresql_where=text("kind = 'withdrawn'"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscription.id"))
    kind: Mapped[ConsentKind] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str] = mapped_column(String(32))
    address_as_typed: Mapped[str] = mapped_column(String(254), default="")
    ip: Mapped[str] = mapped_column(String(45), default="")
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    form: Mapped[str] = mapped_column(String(500), default="")
    wording: Mapped[str] = mapped_column(String(64), default="")
    locale: Mapped[str] = mapped_column(String(5), default="sv")
    detail: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)


@event.listens_for(ConsentEvent, "before_update")
def _append_only(_mapper: object, _connection: object, _event: ConsentEvent) -> None:
    raise RuntimeError("a consent event is never changed; append another one")


class SuppressionReason(StrEnum):
    """Why an address must not be written to."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCES = "soft_bounces"
    COMPLAINT = "complaint"
    BLOCKED_BY_OWNER = "blocked_by_owner"
    MANUAL = "manual"
    ERASED = "erased"


class Suppression(Base):
    """Who must not be written to. `scope` is a list's id, or 0 for the whole organisation."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("address_key", "scope"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    scope: Mapped[int] = mapped_column(default=WHOLE_ORGANISATION)
    reason: Mapped[SuppressionReason] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(64))
    evidence: Mapped[str] = mapped_column(String(500), default="")
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_by: Mapped[str] = mapped_column(String(254), default="")
    release_reason: Mapped[str] = mapped_column(String(500), default="")


class TokenPurpose(StrEnum):
    """What a random token may be used for; it works for nothing else (R 6.6)."""

    CONFIRM = "confirm"
    LOGIN = "login"
    # a reader's own page, for an hour
    CHOICES = "choices"
    # the new address of a reader; its subject is an `AddressChange`
    ADDRESS = "address"
    API = "api"


class Token(Base):
    """A random token, kept as its hash only. `subject` names the row it is about."""

    __tablename__ = "token"
    __table_args__ = (Index(None, "purpose", "subject_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    purpose: Mapped[TokenPurpose] = mapped_column(String(16))
    subject_id: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AddressChange(Base):
    """An address that a reader wants to be written to instead, until its link confirms it."""

    __tablename__ = "address_change"
    __table_args__ = (Index(None, "subscriber_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
