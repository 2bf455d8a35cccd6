"""Sources and their items."""

from datetime import date, datetime

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime
from newsletter_service.models.lists import NewsletterList

list_source = Table(
    "list_source",
    Base.metadata,
    Column("list_id", Integer, ForeignKey("list.id"), primary_key=True),
    Column("source_id", Integer, ForeignKey("source.id"), primary_key=True),
)


class Source(Base):
    """A feed, the desk itself (`kind` manual) or a company of the house (`kind` tenant).

    The last two have no address that is fetched. Health in plain columns.
    """

    __tablename__ = "source"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(1000), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(300), default="")
    site_url: Mapped[str] = mapped_column(String(1000), default="")
    etag: Mapped[str] = mapped_column(String(300), default="")
    last_modified: Mapped[str] = mapped_column(String(100), default="")
    fetched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    lists: Mapped[list[NewsletterList]] = relationship(secondary=list_source)


class Item(Base):
    """One piece of news, stored once per source and `guid`.

    `folded_into_id` names the item that tells the same and stands for it; one that an editor
    took apart again `stands_alone`. `compared` says that this was looked for. `held_at` is set
    while something sent in waits for an editor. `own_tags` are those given by hand.
    """

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("source_id", "guid"),
        Index(None, "published_at"),
        Index(None, "compared"),
        Index(None, "folded_into_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    guid: Mapped[str] = mapped_column(String(1000))
    url: Mapped[str] = mapped_column(String(2000), default="")
    title: Mapped[str] = mapped_column(String(500))
    summary: Mapped[str] = mapped_column(Text, default="")
    image_url: Mapped[str] = mapped_column(String(2000), default="")
    image_alt: Mapped[str] = mapped_column(String(500), default="")
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    language: Mapped[str] = mapped_column(String(5), default="")
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    last_day: Mapped[date | None]
    place: Mapped[str] = mapped_column(String(200), default="")
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # no foreign key: SQLite would have to write the whole table anew to gain one
    folded_into_id: Mapped[int | None]
    stands_alone: Mapped[bool] = mapped_column(default=False, server_default=false())
    compared: Mapped[bool] = mapped_column(default=False, server_default=true())
    embargo_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    own_tags: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")

    @property
    def all_tags(self) -> list[str]:
        """The tags given by hand, then those of the feed, each once."""
        return list(dict.fromkeys([*self.own_tags, *self.tags]))

    source: Mapped[Source] = relationship()
