"""What a list asks of its readers besides the address, what they answered, and saved segments."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime

LONGEST_ANSWER = 200


class FieldKind(StrEnum):
    """How a field is answered."""

    TEXT = "text"
    CHOICE = "choice"
    CHECKBOX = "checkbox"


class ListField(Base):
    """A field of a list. `choices` are `{"value", "label", "label_en"}`; `key` never changes.

    `shown` says whether the sign-up form asks for it; imports fill it in any case.
    """

    __tablename__ = "list_field"
    __table_args__ = (UniqueConstraint("list_id", "key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    key: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(100))
    label_en: Mapped[str] = mapped_column(String(100), default="")
    kind: Mapped[FieldKind] = mapped_column(String(16))
    choices: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    required: Mapped[bool] = mapped_column(default=False)
    shown: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def title(self, locale: str) -> str:
        """The label in a language; Swedish stands in for what is not translated."""
        return (self.label_en or self.label) if locale == "en" else self.label

    def options(self, locale: str) -> list[tuple[str, str]]:
        """The choices as value and label in a language."""
        return [
            (
                each["value"],
                (each.get("label_en") or each["label"]) if locale == "en" else each["label"],
            )
            for each in self.choices
        ]

    def said(self, answer: str, locale: str) -> str:
        """An answer as people read it: a choice by its label. A tick stays what it is."""
        return dict(self.options(locale)).get(answer, answer)


class FieldValue(Base):
    """A reader's answer on one list: a text, a choice's value, or "yes" where it is ticked.

    What is left empty or not ticked has no row. `folded` is the answer as it is compared.
    """

    __tablename__ = "field_value"
    __table_args__ = (Index(None, "field_id", "folded", "subscription_id"),)

    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), primary_key=True
    )
    field_id: Mapped[int] = mapped_column(ForeignKey("list_field.id"), primary_key=True)
    value: Mapped[str] = mapped_column(String(LONGEST_ANSWER))
    folded: Mapped[str] = mapped_column(String(3 * LONGEST_ANSWER))


class Segment(Base):
    """A saved, live filter over a list's readers. `definition` is a tree that `segments` checks."""

    __tablename__ = "segment"
    __table_args__ = (Index(None, "list_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    name: Mapped[str] = mapped_column(String(100))
    definition: Mapped[dict[str, object]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # kept, not deleted: issues that were sent to it still say its name
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
