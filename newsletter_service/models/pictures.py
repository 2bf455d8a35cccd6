"""Pictures and files of our own, and the pictures elsewhere that we make our own."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class StoredFile(Base):
    """A picture in three renditions, or a PDF. `key` is made of its bytes and names it in links.

    `uploaded` ones stand in the library until `retired_at`; others came with news. What a frozen
    letter shows is `kept_at`: its address must work for as long as mail is read.
    """

    __tablename__ = "stored_file"
    __table_args__ = (Index(None, "uploaded", "created_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    mime: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200), default="")
    alt: Mapped[str] = mapped_column(String(500), default="")
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    story_height: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    uploaded: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    kept_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    renditions: Mapped[list["StoredBytes"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=False
    )

    @property
    def is_picture(self) -> bool:
        """Whether it is shown, and not only linked to."""
        return self.mime.startswith("image/")


class StoredBytes(Base):
    """One rendition's bytes: whole, story or thumb. Apart, so that lists never load them."""

    __tablename__ = "stored_bytes"

    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), primary_key=True)
    form: Mapped[str] = mapped_column(String(8), primary_key=True)
    mime: Mapped[str] = mapped_column(String(40))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class RemotePicture(Base):
    """A picture elsewhere that news or a draft names, asked for once; `error` says why not.

    `due_at` is when to try (again); nothing there means that it is settled.
    """

    __tablename__ = "remote_picture"
    __table_args__ = (Index(None, "due_at"), Index(None, "file_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    url_key: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    url: Mapped[str] = mapped_column(String(2000))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(String(40), default="")
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))

    file: Mapped[StoredFile | None] = relationship()
