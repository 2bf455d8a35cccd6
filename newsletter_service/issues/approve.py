"""Approval: a second person where the list asks for one, bound to the content hash."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.issues import editions
from newsletter_service.models import Issue, IssueState, writing


class NotAllowed(Exception):
    """The one who wrote an issue does not approve it where a second person is asked for."""


def ask(issue_id: int, *, actor: str, now: datetime) -> None:
    """Ask for approval. Raises `IllegalMove`."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        issue.move(IssueState.IN_REVIEW)
        audit.record(session, actor, "issue.review_asked", f"issue:{issue_id}")


def approve(issue_id: int, *, actor: str, now: datetime) -> str:
    """Approve what the issue is at this moment; returns the hash that is approved.

    Raises `NotAllowed` where the list asks for a second person and this is the first.
    """
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.newsletter.approval_required:
            if issue.state != IssueState.IN_REVIEW:
                raise NotAllowed("Ask for approval first.")
            if actor == issue.created_by:
                raise NotAllowed("Somebody else than the writer must approve this issue.")
        return settle(session, issue, actor, now)


def settle(session: Session, issue: Issue, actor: str, now: datetime) -> str:
    """Bind the approval to what the issue is now, inside a verb; returns the hash."""
    issue.move(IssueState.APPROVED)
    issue.approved_hash = editions.content_hash(editions.letters(session, issue))
    issue.approved_at, issue.approved_by = now, actor
    audit.record(
        session, actor, "issue.approved", f"issue:{issue.id}", content_hash=issue.approved_hash
    )
    return issue.approved_hash


def send_back(issue_id: int, *, actor: str, why: str, now: datetime) -> None:
    """Return an issue to its writer. Raises `IllegalMove`."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        issue.move(IssueState.DRAFT)
        audit.record(session, actor, "issue.sent_back", f"issue:{issue_id}", why=why[:300])
