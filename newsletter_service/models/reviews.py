"""Approval as a conversation: who asked, looked, approved or sent back, and what they said."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class ReviewAct(StrEnum):
    """What somebody did with an issue that is to be approved."""

    ASKED = "asked"
    LOOKED = "looked"
    APPROVED = "approved"
    SENT_BACK = "sent_back"
    # a change after asking or approving; the next approval begins from it
    VOIDED = "voided"


class Review(Base):
    """One step of an issue's approval, append-only.

    `content` is what the issue said at that moment (see issues.differences), so that a later
    look can show what has changed since; `word` is what the person wrote.
    """

    __tablename__ = "review"
    __table_args__ = (Index(None, "issue_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(254))
    act: Mapped[ReviewAct] = mapped_column(String(16))
    word: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Comment(Base):
    """What somebody said about one part of an issue; `place` is that of the check's findings."""

    __tablename__ = "comment"
    __table_args__ = (Index(None, "issue_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    place: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(254))
    text: Mapped[str] = mapped_column(Text)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str] = mapped_column(String(254), default="")
