"""A list's issues as pages show them: what is under way, what is next, what was sent."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from newsletter_service.extensions import db
from newsletter_service.models import (
    AuditEvent,
    Issue,
    IssueState,
)

_S = IssueState
UNDER_WAY = (_S.SENDING, _S.PAUSED)
PLANNED = (_S.SCHEDULED,)
DRAFTS = (_S.APPROVED, _S.IN_REVIEW, _S.DRAFT)
OVER = (_S.SENT, _S.CANCELLED)
SHOWN = 100
DISCARDED_SHOWN = 10


@dataclass(frozen=True)
class Shelf:
    """A list's issues by how far they have come, the newest number first."""

    under_way: list[Issue] = field(default_factory=list)
    planned: list[Issue] = field(default_factory=list)
    drafts: list[Issue] = field(default_factory=list)
    over: list[Issue] = field(default_factory=list)

    @property
    def next_up(self) -> Issue | None:
        """The issue that is next to leave: planned ones by their time, then the newest draft."""
        soonest = sorted(self.planned, key=lambda issue: issue.send_at or issue.changed_at)
        return next(iter([*soonest, *self.drafts]), None)

    @property
    def last_sent(self) -> Issue | None:
        """The last issue that went out."""
        return next((issue for issue in self.over if issue.state == IssueState.SENT), None)


def of_list(list_id: int) -> Shelf:
    """The list's newest issues, sorted."""
    found = db.session.scalars(
        select(Issue)
        .where(Issue.list_id == list_id, Issue.number > 0)
        .options(selectinload(Issue.texts), selectinload(Issue.newsletter))
        .order_by(Issue.number.desc())
        .limit(SHOWN)
    ).all()
    return Shelf(*([i for i in found if i.state in states] for states in _SHELVES))


_SHELVES = (UNDER_WAY, PLANNED, DRAFTS, OVER)


def one(issue_id: int) -> Issue | None:
    """An issue by its id; a draft that was thrown away is none."""
    found = db.session.get(Issue, issue_id)
    return found if found is not None and found.number > 0 else None


def discarded(list_id: int) -> list[Issue]:
    """The drafts that were thrown away last."""
    return list(
        db.session.scalars(
            select(Issue)
            .where(Issue.list_id == list_id, Issue.number < 0)
            .options(selectinload(Issue.texts), selectinload(Issue.newsletter))
            .order_by(Issue.changed_at.desc())
            .limit(DISCARDED_SHOWN)
        )
    )


def newest_draft(list_id: int) -> Issue | None:
    """The draft that news is put into."""
    return db.session.scalars(
        select(Issue)
        .where(Issue.list_id == list_id, Issue.state == IssueState.DRAFT)
        .order_by(Issue.number.desc())
        .limit(1)
    ).one_or_none()


def waiting_for_approval(list_id: int) -> list[Issue]:
    """Issues that somebody asked to have approved."""
    return list(
        db.session.scalars(
            select(Issue)
            .where(Issue.list_id == list_id, Issue.state == IssueState.IN_REVIEW)
            .order_by(Issue.number)
        )
    )


def history(issue_id: int) -> list[AuditEvent]:
    """Who did what to an issue, newest first."""
    return list(
        db.session.scalars(
            select(AuditEvent)
            .where(AuditEvent.subject == f"issue:{issue_id}")
            .order_by(AuditEvent.id.desc())
            .limit(50)
        )
    )
