"""The forms that sites carry: which sites may, how they look, and when one was last used."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime


class FormSite(Base):
    """A site that may carry our forms, by its origin, as `https://www.example.org`."""

    __tablename__ = "form_site"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    added_by: Mapped[str] = mapped_column(String(254))


class SignUpForm(Base):
    """How a list's form looks in a language; without a row it is as the service makes it.

    `return_url` is where a visitor without JavaScript lands after signing up on another site.
    """

    __tablename__ = "sign_up_form"

    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(5), primary_key=True)
    accent: Mapped[str] = mapped_column(String(7), default="")
    paper: Mapped[str] = mapped_column(String(7), default="")
    corners: Mapped[str] = mapped_column(String(8), default="soft")
    font: Mapped[str] = mapped_column(String(8), default="site")
    return_url: Mapped[str] = mapped_column(String(500), default="")
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_by: Mapped[str] = mapped_column(String(254))


class FormSeen(Base):
    """That a form was used: which, in what way, on which site. No visitor is in it."""

    __tablename__ = "form_seen"

    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(5), primary_key=True)
    way: Mapped[str] = mapped_column(String(16), primary_key=True)
    site: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
