"""The state of what runs: leases, relays, and what the checks found."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class Lease(Base):
    """Something only one process does at a time, by database time; the scheduler holds one."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), default="")
    until_ms: Mapped[int] = mapped_column(BigInteger, default=0)


class Relay(Base):
    """An SMTP server that takes our mail; `name` is host:port. State survives a lost Redis.

    `paused_at` stops bodies to it (an operator, or a refusal that concerns us all);
    `backoff_until_ms` makes workers wait after a 421 or a lost connection, separately for
    issues and notices (P6). Readers are shared out by `weight`. `max_connections` and
    `rate_per_second` are for all workers together, 0 is no limit; `slowed` is the part of its
    speed it is given since it asked us to slow down. `send_window` says when issues may leave.
    """

    __tablename__ = "relay"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_reason: Mapped[str] = mapped_column(String(300), default="")
    weight: Mapped[int] = mapped_column(default=100, server_default="100")
    rate_per_second: Mapped[float] = mapped_column(default=0.0)
    max_connections: Mapped[int] = mapped_column(default=0, server_default="0")
    slowed: Mapped[float] = mapped_column(default=1.0, server_default="1")
    slowed_at_ms: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    send_window: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    failures: Mapped[int] = mapped_column(default=0)
    backoff_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    notice_failures: Mapped[int] = mapped_column(default=0)
    notice_backoff_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    last_error_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    capabilities: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class DoctorReport(Base):
    """What `doctor` found at one time: a list of checks with name, outcome and remedy."""

    __tablename__ = "doctor_report"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    passed: Mapped[bool]
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class SiteProbe(Base):
    """A look at an address: asked for by a page, answered by a worker.

    At a site, for *Kom igång*; with `item_id` at the page of an item that was typed in.
    """

    __tablename__ = "site_probe"
    __table_args__ = (Index(None, "asked_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(1000))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(254))
    item_id: Mapped[int | None]
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(300), default="")
    found: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
