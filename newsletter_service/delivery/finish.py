"""When an issue is over: `sent` only when expanded and nothing is pending or deferred (P2)."""

import logging
from datetime import datetime

from sqlalchemy import select

from newsletter_service.delivery import control
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import Batch, Issue, IssueState, Retry, SkipReason, writing

log = logging.getLogger(__name__)


def finish(issue_id: int, now: datetime) -> bool:
    """Close the issue if it is done, after a recount; whether it is closed now."""
    expire(issue_id, now)
    with writing() as session:
        issue = session.get(Issue, issue_id, with_for_update=True)
        if issue is None or issue.state != IssueState.SENDING or issue.expanded_at is None:
            return False
        open_batch = select(Batch.id).where(Batch.issue_id == issue_id, Batch.done.is_(False))
        retry = select(Retry.n).where(Retry.issue_id == issue_id)
        if any(session.execute(query.limit(1)).first() for query in (open_batch, retry)):
            return False
        counted = statement(session, issue_id)
        if counted.pending or counted.deferred:
            return False
        if not counted.balances:
            log.error("statement_does_not_balance", extra={"issue_id": issue_id})
            return False
        issue.move(IssueState.SENT)
        issue.sent_at = now
        issue.skipped_by = counted.skipped
        return True


def expire(issue_id: int, now: datetime) -> None:
    """Skip what is left of an issue that is too old to be sent (R 2.37)."""
    issue = db.session.get(Issue, issue_id)
    too_old = issue is not None and issue.expires_at is not None and issue.expires_at <= now
    expanded = issue is not None and issue.expanded_at is not None
    db.session.rollback()
    if too_old and expanded:
        control.skip_rest(issue_id, SkipReason.EXPIRED)
