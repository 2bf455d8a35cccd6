"""Notes on their way to the journal: a file beside the backups."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class JournalKind(StrEnum):
    """What was noted."""

    SUPPRESSED = "suppressed"
    RELEASED = "released"
    LEFT = "left"
    REJOINED = "rejoined"
    ERASED = "erased"
    # not an act: how far the file goes; `reason` is its last mark, and there is one such row
    MARK = "mark"


class JournalEntry(Base):
    """An act that the file does not hold yet; removed when it does. `scope` as in `Suppression`."""

    __tablename__ = "journal_entry"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    what: Mapped[JournalKind] = mapped_column(String(16))
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    scope: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(100), default="")
