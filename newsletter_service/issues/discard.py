"""Throwing a draft away, and taking it back.

Its news is free for other issues and its number for the next one; what was written is kept.
"""

from datetime import datetime

from newsletter_service import audit
from newsletter_service.issues import suggest
from newsletter_service.models import IllegalMove, Issue, IssueState, writing


def discard(issue_id: int, *, actor: str, now: datetime) -> None:
    """Throw a draft away. Raises `IllegalMove` for what is no draft."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.state != IssueState.DRAFT:
            raise IllegalMove("An issue", str(issue.state), "thrown away")
        issue.move(IssueState.CANCELLED)
        audit.record(session, actor, "issue.discarded", f"issue:{issue_id}", number=issue.number)
        issue.number, issue.changed_at = -issue_id, now


def restore(issue_id: int, *, actor: str, now: datetime) -> None:
    """A draft again, as the next number. Raises `IllegalMove` for what was not thrown away."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.number > 0:
            raise IllegalMove("An issue", str(issue.state), "taken back")
        issue.move(IssueState.DRAFT)
        issue.number = suggest.next_number(session, issue.list_id)
        issue.changed_at = now
        audit.record(session, actor, "issue.restored", f"issue:{issue_id}", number=issue.number)
