"""Issues: what is written, in which language, in what state, and the frozen editions."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter_service.extensions import Base
from newsletter_service.models.base import UtcDateTime, check_move
from newsletter_service.models.lists import NewsletterList


class IssueState(StrEnum):
    """Where an issue stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


_S = IssueState
ISSUE_MOVES: dict[StrEnum, frozenset[IssueState]] = {
    # draft → approved at once where the list asks for no second person
    _S.DRAFT: frozenset({_S.IN_REVIEW, _S.APPROVED, _S.CANCELLED}),
    _S.IN_REVIEW: frozenset({_S.APPROVED, _S.DRAFT, _S.CANCELLED}),
    # back to draft: a change voids the approval
    _S.APPROVED: frozenset({_S.SCHEDULED, _S.DRAFT, _S.CANCELLED}),
    # back to draft: the release was undone
    _S.SCHEDULED: frozenset({_S.SENDING, _S.DRAFT, _S.CANCELLED}),
    _S.SENDING: frozenset({_S.PAUSED, _S.SENT, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.SENDING, _S.CANCELLED}),
    # an operator resends one in doubt
    _S.SENT: frozenset({_S.SENDING}),
    # a draft that was thrown away is taken back; it never left
    _S.CANCELLED: frozenset({_S.DRAFT}),
}


class Issue(Base):
    """One number of a list's newsletter.

    `number` is below 0 while a draft is thrown away.
    `version` counts changes, for editors who meet. `expanded_to` is the stored cursor of the
    expansion: the last subscriber whose delivery exists. `last_n` is the highest n given out.
    `send_at` is when it leaves, or, while approval is asked for, when it is wanted to; it follows
    from `send_at_local`, a wall clock's time in `send_at_zone`, where somebody chose one (R 9.14).
    `selection` is what the segment said when it was released; empty means the whole list.
    `canary` asks for a first wave, `canary_n` is its last delivery; it goes on at `canary_until`.
    `skipped_by` is how many were skipped for what, counted when the issue was over.
    `told_late_at` is when people were told that this time passed and nothing left; `held_at` when
    the check at that time found what must be mended, so that it waits for a person.
    `planned_reach` is how many it would have gone to when somebody planned it.
    `figures` is the statement when its deliveries were removed.
    """

    __tablename__ = "issue"
    __table_args__ = (
        UniqueConstraint("list_id", "number"),
        Index(None, "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    number: Mapped[int]
    state: Mapped[IssueState] = mapped_column(String(16), default=IssueState.DRAFT)
    version: Mapped[int] = mapped_column(default=1)
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("issue.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tested_version: Mapped[int | None]
    links_tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_hash: Mapped[str] = mapped_column(String(64), default="")
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str] = mapped_column(String(254), default="")
    send_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    send_at_local: Mapped[str] = mapped_column(String(64), default="")
    send_at_zone: Mapped[str] = mapped_column(String(64), default="")
    told_late_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    planned_reach: Mapped[int | None]
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_by: Mapped[str] = mapped_column(String(254), default="")
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    segment_id: Mapped[int | None]
    selection: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    canary: Mapped[bool] = mapped_column(default=False)
    canary_n: Mapped[int] = mapped_column(default=0)
    canary_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    canary_halted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    canary_passed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_reason: Mapped[str] = mapped_column(String(300), default="")
    expanded_to: Mapped[int] = mapped_column(default=0)
    expanded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    audience: Mapped[int] = mapped_column(default=0)
    last_n: Mapped[int] = mapped_column(default=0)
    skipped_by: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    figures: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    newsletter: Mapped[NewsletterList] = relationship()
    texts: Mapped[list["IssueText"]] = relationship(cascade="all, delete-orphan")
    blocks: Mapped[list["Block"]] = relationship(
        cascade="all, delete-orphan", order_by="Block.position"
    )
    editions: Mapped[list["Edition"]] = relationship(cascade="all, delete-orphan")

    def move(self, after: IssueState) -> None:
        """Change the state. Raises `IllegalMove`."""
        check_move("An issue", ISSUE_MOVES, IssueState(self.state), after)
        self.state = after

    def text(self, locale: str) -> "IssueText":
        """The subject, preheader and introduction in a language; an empty one if not written."""
        for text in self.texts:
            if text.locale == locale:
                return text
        text = IssueText(locale=locale, subject="", preheader="", introduction="")
        self.texts.append(text)
        return text


class IssueText(Base):
    """The words around the blocks, in one language. `introduction` is Markdown."""

    __tablename__ = "issue_text"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(5), primary_key=True)
    subject: Mapped[str] = mapped_column(String(300), default="")
    preheader: Mapped[str] = mapped_column(String(300), default="")
    introduction: Mapped[str] = mapped_column(Text, default="")


class BlockKind(StrEnum):
    """What a block shows."""

    HEADING = "heading"
    TEXT = "text"
    ITEM = "item"
    EVENT = "event"
    IMAGE = "image"
    FILM = "film"
    BUTTON = "button"
    QUOTE = "quote"
    DIVIDER = "divider"


class Block(Base):
    """One part of an issue. `data` maps a locale to the block's values in that language.

    `why` says why a suggestion put it there: a code and perhaps a value, such as `tag:Forskning`.
    `only_locale` is set where it stands in one language's letter and in no other.
    """

    __tablename__ = "block"
    __table_args__ = (
        Index(None, "issue_id"),
        Index(None, "item_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    position: Mapped[int]
    kind: Mapped[BlockKind] = mapped_column(String(16))
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"))
    data: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSON, default=dict)
    why: Mapped[str] = mapped_column(String(100), default="", server_default="")
    only_locale: Mapped[str] = mapped_column(String(5), default="", server_default="")

    def values(self, locale: str) -> dict[str, Any]:
        """The values in a language; Swedish, then any other, stands in for what is not written."""
        stand_in = self.data.get("sv") or next(iter(self.data.values()), {})
        return dict(self.data.get(locale) or stand_in)


class Answers(Base):
    """What readers answered to "was this letter useful?": totals, nobody's in particular (P10)."""

    __tablename__ = "answers"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    useful: Mapped[int] = mapped_column(default=0)
    useless: Mapped[int] = mapped_column(default=0)


class CountedLink(Base):
    """An address of a letter whose presses are counted: totals, nobody's in particular (P10)."""

    __tablename__ = "counted_link"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(Text)
    people: Mapped[int] = mapped_column(default=0)
    machines: Mapped[int] = mapped_column(default=0)


class Edition(Base):
    """The frozen letter of an issue in one language; what was approved is what is sent.

    `headers` holds the fixed header values at freezing; `content_hash` is hex SHA-256 over all.
    """

    __tablename__ = "edition"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(5), primary_key=True)
    subject: Mapped[str] = mapped_column(String(300))
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    slots: Mapped[dict[str, str]] = mapped_column(JSON)
    headers: Mapped[dict[str, Any]] = mapped_column(JSON)
    content_hash: Mapped[str] = mapped_column(String(64))
    frozen_at: Mapped[datetime] = mapped_column(UtcDateTime)
