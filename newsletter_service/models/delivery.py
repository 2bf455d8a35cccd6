"""The ledger: who gets which issue, and exactly what became of it."""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.fields import LONGEST_ANSWER


class DeliveryState(StrEnum):
    """What became of one edition to one subscriber. Notices use the same states."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DATA_STARTED = "data_started"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


_D = DeliveryState
DELIVERY_MOVES: dict[StrEnum, frozenset[DeliveryState]] = {
    _D.PENDING: frozenset({_D.CLAIMED, _D.SKIPPED}),
    # back to pending: its lease ran out, or the issue was paused, before any body left
    _D.CLAIMED: frozenset({_D.DATA_STARTED, _D.PENDING, _D.DEFERRED, _D.REFUSED, _D.SKIPPED}),
    # never back to pending: the server may have the mail (R 2.38)
    _D.DATA_STARTED: frozenset({_D.ACCEPTED, _D.DEFERRED, _D.REFUSED, _D.IN_DOUBT}),
    _D.DEFERRED: frozenset({_D.CLAIMED, _D.SKIPPED}),
    # later evidence settles it, or an operator resends it (back to deferred)
    _D.IN_DOUBT: frozenset({_D.ACCEPTED, _D.REFUSED, _D.DEFERRED}),
    _D.ACCEPTED: frozenset(),
    _D.REFUSED: frozenset(),
    _D.SKIPPED: frozenset(),
}


class SkipReason(StrEnum):
    """Why a delivery was never tried, or not tried again."""

    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    INTERNAL_ERROR = "internal_error"
    EAI_UNSUPPORTED = "eai_unsupported"
    INVALID_ADDRESS = "invalid_address"


class Delivery(Base):
    """One edition to one subscriber, key (issue_id, n).

    No index but the two keys, and no foreign key to subscribers: the ledger is written at the
    speed of the sending. On PostgreSQL it is partitioned by ranges of issue_id with fillfactor
    50 (see the first migration). Columns may be added, never changed.
    `dated_ms` is the Date header, settled at the first gate; `tries` counts gates passed.
    `arrived_ms` is set where a provider says that it reached the mailbox.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        PrimaryKeyConstraint("issue_id", "n"),
        UniqueConstraint("issue_id", "subscriber_id"),
        {"postgresql_partition_by": "RANGE (issue_id)"},
    )

    issue_id: Mapped[int] = mapped_column(Integer, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, autoincrement=False)
    subscriber_id: Mapped[int]
    state: Mapped[DeliveryState] = mapped_column(String(16), default=DeliveryState.PENDING)
    epoch: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    skip_reason: Mapped[SkipReason | None] = mapped_column(String(24))
    locale: Mapped[str] = mapped_column(String(5))
    relay_id: Mapped[int | None]
    dated_ms: Mapped[int | None] = mapped_column(BigInteger)
    settled_ms: Mapped[int | None] = mapped_column(BigInteger)
    code: Mapped[int | None]
    reply: Mapped[str | None] = mapped_column(String(300))
    arrived_ms: Mapped[int | None] = mapped_column(BigInteger)


class PersonalValue(Base):
    """What stands in one copy for a field of its letter; no row where the fallback stands.

    It is settled with the delivery, so that every try has the same bytes (P4), and goes with the
    subscription whose answer it is, or when nothing of the issue can leave any more.
    """

    __tablename__ = "personal_value"
    __table_args__ = (PrimaryKeyConstraint("issue_id", "n", "key"), Index(None, "subscription_id"))

    issue_id: Mapped[int] = mapped_column(Integer, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, autoincrement=False)
    key: Mapped[str] = mapped_column(String(40))
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscription.id", ondelete="CASCADE"))
    value: Mapped[str] = mapped_column(String(LONGEST_ANSWER))


class Batch(Base):
    """A range of an issue's deliveries: who works on it until when, and what became of it.

    `owner` is empty when nobody has it. The tallies follow the rows in the same transaction.
    `crashes` counts workers that died with it: then every row is marked before it is touched.
    """

    __tablename__ = "batch"
    __table_args__ = (
        Index(None, "issue_id", "first_n"),
        Index("ix_batch_open", "done", "lease_until_ms"),
        # The next to be claimed is found at once, however many wait.
        Index(
            "ix_batch_claimable",
            "not_before_ms",
            "id",
            sqlite_where=text("done IS 0 AND owner = ''"),
            postgresql_where=text("done IS false AND owner = ''"),
        ),
        {"sqlite_autoincrement": True, "postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int]
    first_n: Mapped[int]
    last_n: Mapped[int]
    owner: Mapped[str] = mapped_column(String(64), default="")
    epoch: Mapped[int] = mapped_column(default=0)
    lease_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    not_before_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    done: Mapped[bool] = mapped_column(default=False)
    pending: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    deferred: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    in_doubt: Mapped[int] = mapped_column(default=0)


class Retry(Base):
    """A deferred delivery and when it is due; small, since most deliveries never come here."""

    __tablename__ = "retry"
    __table_args__ = (PrimaryKeyConstraint("issue_id", "n"), Index(None, "due_ms"))

    issue_id: Mapped[int] = mapped_column(Integer, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, autoincrement=False)
    batch_id: Mapped[int]
    due_ms: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str] = mapped_column(String(64), default="")
    lease_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
