"""Approval: a second person where the list asks for one, bound to the content hash.

Who asks has seen the letter, and so has who approves: two people, one letter. What the approver
saw is named by its hash, so that no change slips in between looking and pressing the button.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.issues import editions, review_mails
from newsletter_service.models import Issue, IssueState, Review, ReviewAct, writing


class NotAllowed(Exception):
    """The one who wrote an issue does not approve it where a second person is asked for."""


class NotAsked(NotAllowed):
    """Nobody asks for approval now: it was changed, taken back or answered meanwhile."""


class Unseen(Exception):
    """The letter is another than the one the approver looked at; look again."""


def approve(issue_id: int, *, actor: str, now: datetime, seen: str = "") -> str:
    """Approve what the issue is at this moment; returns the hash that is approved.

    `seen` is the hash of what the approver looked at. Raises `Unseen` if it is another now,
    `NotAllowed` where the list asks for a second person and this is the first, `NotAsked` where
    nobody asked for one, `IllegalMove`.
    """
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.newsletter.approval_required:
            if issue.state != IssueState.IN_REVIEW:
                raise NotAsked("Ask for approval first.")
            if actor in first_eyes(session, issue):
                raise NotAllowed("Somebody else than the writer must approve this issue.")
        approved = settle(session, issue, actor, now)
        if seen and seen != approved:
            raise Unseen("The letter changed since you looked at it; look again.")
        note(session, issue, actor, ReviewAct.APPROVED, now)
        if issue.newsletter.approval_required:
            review_mails.approved(session, issue, actor, now)
        return approved


def settle(session: Session, issue: Issue, actor: str, now: datetime) -> str:
    """Bind the approval to what the issue is now, inside a verb; returns the hash."""
    issue.move(IssueState.APPROVED)
    issue.approved_hash = hash_of(session, issue)
    issue.approved_at, issue.approved_by = now, actor
    audit.record(
        session, actor, "issue.approved", f"issue:{issue.id}", content_hash=issue.approved_hash
    )
    return issue.approved_hash


def hash_of(session: Session, issue: Issue) -> str:
    """What an approval of the issue would be bound to now."""
    return editions.content_hash(editions.letters(session, issue))


def void(session: Session, issue: Issue, actor: str, now: datetime) -> None:
    """A change: what was approved or asked about is a draft again, and those who care are told."""
    if issue.state not in (IssueState.IN_REVIEW, IssueState.APPROVED):
        return
    told = issue.newsletter.approval_required
    if told:
        review_mails.voided(session, issue, actor, now)
        note(session, issue, actor, ReviewAct.VOIDED, now)
    issue.move(IssueState.DRAFT)
    issue.approved_hash, issue.approved_at, issue.approved_by = "", None, ""
    audit.record(session, actor, "issue.approval_voided", f"issue:{issue.id}")


def first_eyes(session: Session, issue: Issue) -> set[str]:
    """Who has had their say already, and so cannot be the second person: writer and asker."""
    asked = last(session, issue.id, ReviewAct.ASKED)
    return {issue.created_by, asked.actor} if asked else {issue.created_by}


def last(session: Session, issue_id: int, *acts: ReviewAct) -> Review | None:
    """The newest step of an issue's approval, or the newest of these kinds."""
    query = select(Review).where(Review.issue_id == issue_id).order_by(Review.id.desc()).limit(1)
    return session.scalars(query.where(Review.act.in_(acts)) if acts else query).one_or_none()


def note(  # noqa: PLR0913 - named columns of one row
    session: Session,
    issue: Issue,
    actor: str,
    act: ReviewAct,
    now: datetime,
    *,
    word: str = "",
) -> None:
    """Keep a step with what the issue says at this moment."""
    session.flush()
    session.add(
        Review(
            issue_id=issue.id, at=now, actor=actor, act=act, word=word, content=content_of(issue)
        )
    )


def content_of(issue: Issue) -> dict[str, Any]:
    """What the issue says, as `differences` compares it."""
    return {
        "texts": {
            text.locale: {
                "subject": text.subject,
                "preheader": text.preheader,
                "introduction": text.introduction,
            }
            for text in issue.texts
        },
        "blocks": [
            {
                "id": block.id,
                "kind": str(block.kind),
                "data": block.data,
                "only_locale": block.only_locale,
            }
            for block in issue.blocks
        ],
    }
