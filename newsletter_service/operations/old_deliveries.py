"""Old issues: what became of each reader's copy turns into numbers about nobody (R 5.13)."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import (
    BounceEvent,
    Delivery,
    Issue,
    IssueState,
    KeptStatement,
    writing,
)
from newsletter_service.operations.old_rows import erase
from newsletter_service.subscribers import data_protection

log = logging.getLogger(__name__)

COPIES_AT_ONCE = 5000


def forget(now: datetime) -> int:
    """Keep the statement of each old issue and remove its copies; how many copies went."""
    since = now - data_protection.facts().kept("deliveries")
    return sum(_forget(issue_id) for issue_id in _old(since))


def _old(since: datetime) -> Sequence[int]:
    """Issues that are over and old, and still have copies."""
    copies = select(Delivery.n).where(Delivery.issue_id == Issue.id).exists()
    found = db.session.scalars(
        select(Issue.id)
        .where(
            Issue.state.in_((IssueState.SENT, IssueState.CANCELLED)),
            Issue.released_at < since,
            copies,
        )
        .order_by(Issue.id)
    ).all()
    db.session.rollback()
    return found


def _forget(issue_id: int) -> int:
    if not _keep_statement(issue_id):
        return 0
    total, first = 0, 1
    while last := _last_of(issue_id, first):
        with writing() as session:
            mine = (Delivery.issue_id == issue_id) & Delivery.n.between(first, last)
            erase(session, Delivery, mine)
        total, first = total + last - first + 1, last + 1
    return total


def _keep_statement(issue_id: int) -> bool:
    """Once; not while anything is open or the numbers do not balance."""
    with writing() as session:
        session.get_one(Issue, issue_id, with_for_update=True)
        if session.get(KeptStatement, issue_id) is None:
            counted = statement(session, issue_id)
            if not counted.balances or counted.pending or counted.deferred:
                log.error("old_issue_does_not_balance", extra={"issue": issue_id})
                return False
            said = counted.as_dict()
            numbers = {name: said[name] for name in said.keys() - {"total", "balances"}}
            session.add(KeptStatement(issue_id=issue_id, numbers=numbers))
        session.execute(
            update(BounceEvent)
            .where(BounceEvent.issue_id == issue_id)
            .values(address_key=b"", subscriber_id=None, evidence="")
            .execution_options(synchronize_session=False)
        )
    return True


def _last_of(issue_id: int, first: int) -> int:
    """The last number of the next range, or 0 where no copy is left."""
    found = db.session.scalars(
        select(Delivery.n)
        .where(Delivery.issue_id == issue_id, Delivery.n >= first)
        .order_by(Delivery.n)
        .limit(COPIES_AT_ONCE)
    ).all()
    db.session.rollback()
    return found[-1] if found else 0
