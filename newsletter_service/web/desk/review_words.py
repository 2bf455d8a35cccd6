"""*Granska*, Mottagare: whom the issue is for, and whom else it could be for."""

from dataclasses import dataclass

from newsletter_service.extensions import db
from newsletter_service.issues import recipients, selection
from newsletter_service.issues.recipients import Recipients
from newsletter_service.models import Issue
from newsletter_service.subscribers import segments


@dataclass(frozen=True)
class Audience:
    """The chosen segment's name and how many are outside it; `choices` are all, by id and name."""

    segment_id: int
    name: str
    outside: int
    choices: list[tuple[int, str]]


def audience(issue: Issue, reach: Recipients | None) -> Audience:
    """Segments are offered once there is one, and never for a correction."""
    session = db.session()
    name, outside = selection.name(session, issue), 0
    if name and reach is not None:
        outside = recipients.of_list(session, issue.list_id).confirmed - reach.confirmed
    found = [] if issue.corrects_id else segments.of_list(session, issue.list_id)
    choices = [(each.id, each.name) for each in found]
    return Audience(issue.segment_id or 0, name, outside, choices)
