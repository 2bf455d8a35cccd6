"""The organisation and its lists."""

from datetime import datetime

from sqlalchemy import JSON, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class Organisation(Base):
    """Who sends: one row, id 1. `live_at` is set when mail may reach strangers (P13).

    `public_body` is one that the law on accessibility to digital public service binds (R 8.1).
    `bounce_policy` holds the numbers of `verdicts.Policy` that differ from its own, `privacy` what
    `subscribers.data_protection` knows beyond the particulars here.
    """

    __tablename__ = "organisation"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    postal_address: Mapped[str] = mapped_column(String(300), default="")
    org_nr: Mapped[str] = mapped_column(String(20), default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    website: Mapped[str] = mapped_column(String(500), default="")
    privacy_url: Mapped[str] = mapped_column(String(500), default="")
    accessibility_url: Mapped[str] = mapped_column(String(500), default="", server_default="")
    public_body: Mapped[bool] = mapped_column(default=False, server_default=false())
    logo_url: Mapped[str] = mapped_column(String(1000), default="")
    accent: Mapped[str] = mapped_column(String(7), default="#0b6e6e")
    locale: Mapped[str] = mapped_column(String(5), default="sv")
    bounce_policy: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    privacy: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    live_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    live_by: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NewsletterList(Base):
    """A newsletter one can subscribe to. `list_id` is its List-Id and never changes (R 2.5)."""

    __tablename__ = "list"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    list_id: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    description_en: Mapped[str] = mapped_column(Text, default="")
    frequency: Mapped[str] = mapped_column(String(100), default="")
    frequency_en: Mapped[str] = mapped_column(String(100), default="")
    sender_name: Mapped[str] = mapped_column(String(200))
    sender_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    locales: Mapped[list[str]] = mapped_column(JSON, default=lambda: ["sv"])
    approval_required: Mapped[bool] = mapped_column(default=False)
    settings: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def open_archive(self) -> bool:
        """Whether everybody may read its sent issues on a page."""
        return self.settings.get("open_archive") is True

    def title(self, locale: str) -> str:
        """The list's name in a language; Swedish stands in for what is not translated."""
        return (self.name_en or self.name) if locale == "en" else self.name
