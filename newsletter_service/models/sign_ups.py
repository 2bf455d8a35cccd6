"""Sign-ups on their way from a form to the list: what was asked, and the work that was proven."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class Lane(StrEnum):
    """How much speaks for a person behind a sign-up; who has less waits longer, nobody is lost."""

    PROVEN = "proven"
    PLAIN = "plain"
    DOUBTED = "doubted"


class SignUp(Base):
    """What a form was given, until a worker takes it; then the row is gone.

    The form answers before anything is looked up about the address, so that neither its words
    nor its time can tell who subscribes (R 6.3). `answers` are those to the list's fields, by id.
    """

    __tablename__ = "sign_up"
    __table_args__ = (Index("ix_sign_up_due", "lane", "due_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    domain: Mapped[str] = mapped_column(String(255))
    locale: Mapped[str] = mapped_column(String(5))
    lane: Mapped[Lane] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(32))
    ip: Mapped[str] = mapped_column(String(45), default="")
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    form: Mapped[str] = mapped_column(String(500), default="")
    wording: Mapped[str] = mapped_column(String(64), default="")
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    answers: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, server_default="{}")


class SpentProof(Base):
    """A proof of work that was used, so that it opens nothing a second time (R 6.8)."""

    __tablename__ = "spent_proof"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
