"""People who log in, their sessions, and who did what."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class Role(StrEnum):
    """What a person may do; routes declare which of them they are for."""

    EDITOR = "editor"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    # sees proofs, records and copies of a person's data, and nothing else
    DATA_PROTECTION = "data_protection"


# Those who make and send newsletters, or run the service.
STAFF = frozenset(Role) - {Role.DATA_PROTECTION}


class Person(Base):
    """Somebody on the staff. No password means: logs in by one-time links only."""

    __tablename__ = "person"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    roles: Mapped[list[str]] = mapped_column(JSON)
    password_hash: Mapped[str] = mapped_column(String(300), default="")
    locale: Mapped[str] = mapped_column(String(5), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def has_role(self, *roles: Role) -> bool:
        """Whether the person has one of the roles; administrators have all."""
        return Role.ADMINISTRATOR in self.roles or any(role in self.roles for role in roles)


class LoginSession(Base):
    """A session on the server: the cookie holds a random token, this its hash (R 8.9)."""

    __tablename__ = "login_session"
    __table_args__ = (Index(None, "person_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    person: Mapped[Person] = relationship()


class AuditEvent(Base):
    """Who did what to what, append-only. `actor` is a person's e-mail, or the process."""

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "subject"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(254))
    act: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64), default="")
    detail: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
