"""*Granska*: whom the issue is for and could be for, and where what was found is mended."""

from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from newsletter_service.extensions import db
from newsletter_service.issues import recipients, selection
from newsletter_service.issues.recipients import Recipients
from newsletter_service.models import Issue
from newsletter_service.subscribers import segments


@dataclass(frozen=True)
class Audience:
    """The chosen segment's name and how many are outside it; `choices` are all, by id and name.

    `kept` is false while a choice is only looked at.
    """

    segment_id: int
    name: str
    outside: int
    choices: list[tuple[int, str]]
    kept: bool = True


def audience(issue: Issue, reach: Recipients | None) -> Audience:
    """Segments are offered once there is one, and never for a correction."""
    session = db.session()
    name, outside = selection.name(session, issue), 0
    if name and reach is not None:
        outside = _everybody(issue).confirmed - reach.confirmed
    return Audience(issue.segment_id or 0, name, outside, _choices(issue))


def looked_at(issue: Issue, segment_id: int, at: datetime) -> tuple[Recipients, Audience]:
    """How it would be with another choice than that which is kept; 0 is the whole list.

    Raises `segments.NoSuchSegment`.
    """
    session, choices = db.session(), _choices(issue)
    kept = segment_id == (issue.segment_id or 0)
    if not segment_id:
        return _everybody(issue), Audience(0, "", 0, choices, kept)
    if segment_id not in dict(choices):
        raise segments.NoSuchSegment(segment_id)
    reach = recipients.of_segment(session, issue.list_id, segment_id, at)
    outside = _everybody(issue).confirmed - reach.confirmed
    return reach, Audience(segment_id, dict(choices)[segment_id], outside, choices, kept)


def _everybody(issue: Issue) -> Recipients:
    return recipients.of_everybody(db.session(), issue.list_id)


def _choices(issue: Issue) -> list[tuple[int, str]]:
    found = [] if issue.corrects_id else segments.of_list(db.session(), issue.list_id)
    return [(each.id, each.name) for each in found]


def places(issue: Issue) -> dict[str, str]:
    """Where a finding's place is mended."""
    content = url_for("composer.page", issue_id=issue.id)
    known: dict[str, str] = {
        "newsletter": "/desk/installningar/",
        "organisation": "/desk/installningar/",
        "delivery": "/desk/installningar/leverans",
        "recipients": "/desk/prenumeranter",
        "blocks": content,
    }
    for block in issue.blocks:
        place = url_for("composer.page", issue_id=issue.id, open=block.id)
        known[f"block:{block.id}"] = f"{place}#block-{block.id}"
    for locale in issue.newsletter.locales:
        for name in ("subject", "preheader", "introduction"):
            place = url_for("composer.page", issue_id=issue.id, sprak=locale)
            known[f"{name}:{locale}"] = f"{place}#{name}"
    return known
