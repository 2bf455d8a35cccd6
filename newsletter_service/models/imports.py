"""Files of readers that are taken in: the file itself, how far it has come, and what was left.

The file lies in SQL and not beside one process, so that any worker on any machine can go on.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime
from newsletter_service.models.subscribers import LegalBasis


class ImportState(StrEnum):
    """Where an import stands."""

    NEW = "new"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class ReaderImport(Base):
    """One file for one list. `rows_done` is the cursor: so many rows have been dealt with.

    `columns` and `encoding` say how the file is read, empty while nobody has settled it. A dry run
    counts and changes nothing. `basis` is why those who are confirmed by it may be written to, and
    `evidence` proves it. `error` is a code of `tables`; `reasons` counts the rows left out.
    """

    __tablename__ = "reader_import"
    __table_args__ = (Index(None, "state"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    file_name: Mapped[str] = mapped_column(String(200), default="")
    digest: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(default=0)
    encoding: Mapped[str] = mapped_column(String(16), default="")
    columns: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    confirmed: Mapped[bool] = mapped_column(default=True)
    evidence: Mapped[str] = mapped_column(String(2000), default="")
    basis: Mapped[LegalBasis] = mapped_column(String(24), default=LegalBasis.CONSENT)
    dry: Mapped[bool] = mapped_column(default=False)
    actor: Mapped[str] = mapped_column(String(254), default="")
    state: Mapped[ImportState] = mapped_column(String(16), default=ImportState.NEW)
    rows_total: Mapped[int | None]
    rows_done: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(default=0)
    reasons: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(String(32), default="")
    error_line: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ImportPart(Base):
    """A piece of an import's file; removed with the others a day after the last change."""

    __tablename__ = "import_part"

    import_id: Mapped[int] = mapped_column(ForeignKey("reader_import.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class ImportLeft(Base):
    """The rows of one block that were left out, as `[line, reason]`; of nobody by name."""

    __tablename__ = "import_left"

    import_id: Mapped[int] = mapped_column(ForeignKey("reader_import.id"), primary_key=True)
    rows_before: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rows: Mapped[list[list[Any]]] = mapped_column(JSON)
