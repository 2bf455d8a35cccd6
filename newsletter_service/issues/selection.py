"""Which readers of the list an issue is for: all of them, or a segment.

Until the release the segment is a live filter; the release keeps what it said, so that the
audience is what was looked at even if somebody changes the segment meanwhile.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.issues.blocks import Edit, opened, touch
from newsletter_service.models import Issue, Segment, writing
from newsletter_service.subscribers import segments


def choose(issue_id: int, segment_id: int | None, edit: Edit) -> int:
    """Choose a segment of the issue's list, or everybody; returns the version.

    A change voids an approval, as any other. Raises `Changed`, `NotEditable` and `NoSuchSegment`.
    """
    with writing() as session:
        issue = opened(session, issue_id, edit)
        if segment_id is not None and segments.get(session, segment_id).list_id != issue.list_id:
            raise segments.NoSuchSegment(segment_id)
        if issue.segment_id == segment_id:
            return issue.version
        issue.segment_id = segment_id
        audit.record(session, edit.actor, "issue.audience_chosen", f"issue:{issue_id}")
        return touch(session, issue, edit)


def name(session: Session, issue: Issue) -> str:
    """What the issue's segment is called; empty for the whole list."""
    if issue.selection:
        return str(issue.selection["name"])
    segment = session.get(Segment, issue.segment_id) if issue.segment_id else None
    return segment.name if segment else ""


def frozen(session: Session, issue: Issue) -> dict[str, Any]:
    """What is kept of the segment at the release; empty for the whole list."""
    segment = session.get(Segment, issue.segment_id) if issue.segment_id else None
    if segment is None or segment.removed_at is not None:
        return {}
    return {"segment": segment.id, "name": segment.name, "definition": segment.definition}


def condition(session: Session, issue: Issue, now: datetime) -> ColumnElement[bool] | None:
    """Which `Subscription` of the list belongs; None for every one.

    A segment that was removed before the release holds nobody, and the check stops the issue.
    """
    kept = issue.selection or frozen(session, issue)
    if not kept:
        return None if issue.segment_id is None else false()
    return segments.condition(kept["definition"], issue.released_at or now)
