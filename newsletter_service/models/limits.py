"""What holds sending back: stops by hand, rates, groups of destinations, warm-up plans.

All of it lives here and not in Redis, so that losing the queue server never unleashes a flood.
"""

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime

EVERYTHING = "everything"
OTHERS = "others"


def queue_hold(name: str) -> str:
    """What a hold on one queue is called."""
    return f"queue:{name}"


class Hold(Base):
    """Something staff stopped, until somebody lets it go on: everything, or `queue:NAME`."""

    __tablename__ = "hold"

    what: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str] = mapped_column(String(300), default="")


class DestinationGroup(Base):
    """Readers whose mail ends at the same provider; 0 is no limit.

    `slowed` is the part of its speed that a group is given after it asked us to slow down.
    """

    __tablename__ = "destination_group"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    rate_per_second: Mapped[float] = mapped_column(default=0.0)
    max_connections: Mapped[int] = mapped_column(default=0)
    slowed: Mapped[float] = mapped_column(default=1.0)
    slowed_at_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(default=0)
    backoff_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    last_error_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Destination(Base):
    """Which group a domain belongs to, as a job found out from its mail exchangers."""

    __tablename__ = "destination"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    group_name: Mapped[str] = mapped_column(String(32))
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Share(Base):
    """A worker's part of a limit, leased by database time; `what` is `relay:3` or `group:google`.

    The living shares of one limit never add up to more than the limit.
    """

    __tablename__ = "share"

    what: Mapped[str] = mapped_column(String(96), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    rate: Mapped[float] = mapped_column(default=0.0)
    connections: Mapped[int] = mapped_column(default=0)
    until_ms: Mapped[int] = mapped_column(BigInteger, default=0)


class WarmUp(Base):
    """How many mails a new relay or sender domain may send a day at first.

    `what` is `relay:3` or `domain:example.org`; `per_day` starts on `first_day`, and after its
    last day there is no limit. `taken` of `day` have been given to workers.
    """

    __tablename__ = "warm_up"

    what: Mapped[str] = mapped_column(String(270), primary_key=True)
    first_day: Mapped[date]
    per_day: Mapped[list[int]] = mapped_column(JSON)
    day: Mapped[date | None]
    taken: Mapped[int] = mapped_column(default=0)
