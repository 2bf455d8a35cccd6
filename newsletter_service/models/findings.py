"""What the check of an issue keeps: how addresses answered, and what somebody let stand."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class LinkOutcome(StrEnum):
    """How an address answered.

    `denied` is a page that does not let programs in; `silent` one that did not answer, or not
    safely; `unknown` one that we do not open, such as a port of our own network.
    """

    OK = "ok"
    GONE = "gone"
    FAILING = "failing"
    DENIED = "denied"
    SILENT = "silent"
    UNKNOWN = "unknown"


class LinkCheck(Base):
    """The last try of an address; `url_key` is the hex SHA-256 of the address.

    `final_url` is where redirects ended. Of pictures also bytes (0: not known), width and height.
    """

    __tablename__ = "link_check"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    url_key: Mapped[str] = mapped_column(String(64), unique=True)
    url: Mapped[str] = mapped_column(String(2000))
    tried_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    outcome: Mapped[LinkOutcome] = mapped_column(String(16))
    status: Mapped[int] = mapped_column(default=0)
    final_url: Mapped[str] = mapped_column(String(2000), default="")
    kind: Mapped[str] = mapped_column(String(100), default="")
    size: Mapped[int] = mapped_column(default=0)
    width: Mapped[int | None]
    height: Mapped[int | None]


class LetStand(Base):
    """A finding of the check that somebody let stand, and why.

    `mark` is the hex SHA-256 of rule, place and what was found: other words are another finding.
    """

    __tablename__ = "let_stand"
    __table_args__ = (UniqueConstraint("issue_id", "mark"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    rule: Mapped[str] = mapped_column(String(40))
    place: Mapped[str] = mapped_column(String(40))
    mark: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(500))
    actor: Mapped[str] = mapped_column(String(254))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
