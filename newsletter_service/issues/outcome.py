"""What became of an issue beyond its tallies: what came back, who left, and issues before it."""

from typing import Any

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from newsletter_service.models import (
    Batch,
    BounceEvent,
    BounceKind,
    ConsentEvent,
    ConsentKind,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
)
from newsletter_service.recently import Recently

SHOWN = 12
MANY = 1000
_returned: Recently[dict[str, int]] = Recently(30.0, lambda found: sum(found.values()) > MANY)
# as many skipped for the same reasons: known by their number
_passed_by: Recently[dict[str, int]] = Recently(3600.0, lambda found: sum(found.values()) > MANY)


def returned(session: Session, issue_id: int) -> list[tuple[str, int]]:
    """Why copies did not arrive: reasons with the number of readers, the commonest first."""
    readers = func.count(func.distinct(BounceEvent.address_key))
    rows = session.execute(
        select(BounceEvent.reason, readers)
        .where(
            BounceEvent.issue_id == issue_id,
            BounceEvent.kind != BounceKind.COMPLAINT,
            BounceEvent.final.is_(True),
        )
        .group_by(BounceEvent.reason)
        .order_by(readers.desc())
        .limit(SHOWN)
    )
    return [(reason, number) for reason, number in rows]


def came_back(session: Session, issue_id: int) -> dict[str, int]:
    """How many of the accepted copies bounced for good, and how many were complained about."""
    if (kept := figures(session, issue_id)) is not None:
        return {name: int(kept[name]) for name in ("bounced", "complained")}
    is_complaint = BounceEvent.kind == BounceKind.COMPLAINT
    bounced, complained = session.execute(
        select(
            func.count(distinct(case((~is_complaint, BounceEvent.n)))),
            func.count(distinct(case((is_complaint, BounceEvent.n)))),
        )
        .join(Delivery, (Delivery.issue_id == BounceEvent.issue_id) & (Delivery.n == BounceEvent.n))
        .where(
            BounceEvent.issue_id == issue_id,
            BounceEvent.final.is_(True),
            Delivery.state == DeliveryState.ACCEPTED,
        )
    ).one()
    return {"bounced": int(bounced), "complained": int(complained)}


def came_back_lately(session: Session, issue_id: int) -> dict[str, int]:
    """The same for pages; where it was much, up to half a minute old."""
    key = str(session.get_bind().engine.url), issue_id
    return _returned.get(key, lambda: came_back(session, issue_id))


def unsubscribed(session: Session, issue: Issue) -> dict[str, int]:
    """How many left by this issue, by channel, the commonest first."""
    if issue.released_at is None:
        return {}
    rows = session.execute(
        select(ConsentEvent.channel, func.count())
        .where(
            ConsentEvent.kind == ConsentKind.WITHDRAWN,
            ConsentEvent.at >= issue.released_at,
            ConsentEvent.detail["issue_id"].as_integer() == issue.id,
        )
        .group_by(ConsentEvent.channel)
        .order_by(func.count().desc())
    )
    return {str(channel): number for channel, number in rows}


def skipped(session: Session, issue: Issue, number: int) -> dict[str, int]:
    """Why readers were skipped, `number` in all; walks the ledger only if it was not counted."""
    if issue.figures is not None:
        return dict(sorted(issue.figures["skipped"].items(), key=lambda pair: -pair[1]))
    if sum(issue.skipped_by.values()) == number:
        return dict(issue.skipped_by)
    key = str(session.get_bind().engine.url), issue.id, number
    return _passed_by.get(key, lambda: _walked(session, issue.id))


def _walked(session: Session, issue_id: int) -> dict[str, int]:
    """Why readers were skipped, from the ledger: seconds where a million have a row."""
    rows = session.execute(
        select(Delivery.skip_reason, func.count())
        .where(Delivery.issue_id == issue_id, Delivery.state == DeliveryState.SKIPPED)
        .group_by(Delivery.skip_reason)
        .order_by(func.count().desc())
    )
    return {str(reason or "unknown"): number for reason, number in rows}


def figures(session: Session, issue_id: int) -> dict[str, Any] | None:
    """What was kept of an issue whose deliveries are gone (R 5.13)."""
    return session.scalar(select(Issue.figures).where(Issue.id == issue_id))


def sent_before(session: Session, issue: Issue, most: int) -> list[tuple[Issue, int]]:
    """This issue and those before it with how many copies were accepted, oldest first."""
    rows = session.execute(
        select(Issue, func.coalesce(func.sum(Batch.accepted), 0))
        .outerjoin(Batch, Batch.issue_id == Issue.id)
        .where(
            Issue.list_id == issue.list_id,
            Issue.number <= issue.number,
            (Issue.state == IssueState.SENT) | (Issue.id == issue.id),
        )
        .group_by(Issue.id)
        .order_by(Issue.number.desc())
        .limit(most)
    ).all()
    before = [(row[0], int(row[1])) for row in reversed(rows)]
    return [
        (each, int(each.figures["accepted"]) if each.figures else number) for each, number in before
    ]
