"""Notices: one mail to one person outside an issue, with the ledger's states."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime
from newsletter_service.models.delivery import DeliveryState, SkipReason


class Notice(Base):
    """One mail to one person. Unique by kind, subject and purpose key, so that none goes twice.

    `kind` is a folder of templates/email. `sealed` is the secret of its link, encrypted, and is
    wiped when the mail is accepted or given up. `list_id` says whose name it is sent in.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("kind", "subject", "purpose_key"),
        Index("ix_notice_open", "state", "due_ms"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    purpose_key: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    locale: Mapped[str] = mapped_column(String(5))
    list_id: Mapped[int | None]
    values: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    to_staff: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[DeliveryState] = mapped_column(String(16), default=DeliveryState.PENDING)
    epoch: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    skip_reason: Mapped[SkipReason | None] = mapped_column(String(24))
    owner: Mapped[str] = mapped_column(String(64), default="")
    lease_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    due_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    dated_ms: Mapped[int | None] = mapped_column(BigInteger)
    settled_ms: Mapped[int | None] = mapped_column(BigInteger)
    relay_id: Mapped[int | None]
    code: Mapped[int | None]
    reply: Mapped[str | None] = mapped_column(String(300))
