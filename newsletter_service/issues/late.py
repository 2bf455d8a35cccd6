"""Issues whose time passed while nothing ran: they ask instead of leaving late (R 9.14)."""

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.issues import telling
from newsletter_service.models import Issue, IssueState, writing


def is_late(issue: Issue, now: datetime) -> bool:
    """Whether it was to leave so long ago that somebody must say when; not what is held."""
    patience = timedelta(hours=settings_module.current().late_hours)
    waits = issue.state == IssueState.SCHEDULED and issue.held_at is None
    return waits and issue.send_at is not None and issue.send_at <= now - patience


def tell(now: datetime) -> list[int]:
    """Tell editors and operators, once, of each issue that asks; returns their ids."""
    patience = timedelta(hours=settings_module.current().late_hours)
    found = db.session.scalars(
        select(Issue.id).where(
            Issue.state == IssueState.SCHEDULED,
            Issue.held_at.is_(None),
            Issue.send_at <= now - patience,
            Issue.told_late_at.is_(None),
        )
    ).all()
    db.session.rollback()
    return [issue_id for issue_id in found if _tell_one(issue_id, now)]


def _tell_one(issue_id: int, now: datetime) -> bool:
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if not is_late(issue, now) or issue.told_late_at is not None:
            return False
        issue.told_late_at = now
        audit.record(session, "scheduler", "issue.start_missed", f"issue:{issue_id}")
        wanted = issue.send_at or now
        key = f"late:{int(wanted.timestamp())}"
        telling.desk(session, issue, key, lambda: _words(issue, wanted), now)
        return True


def _words(issue: Issue, wanted: datetime) -> dict[str, str]:
    day, clock = telling.day_and_clock(wanted)
    return {
        "title": _("No. %(number)s did not leave in time", number=issue.number),
        "what": _(
            "It was to leave %(day)s at %(clock)s, but the service stood still then. So late it"
            " leaves only when somebody says so.",
            day=day,
            clock=clock,
        ),
        "remedy": _("Send it now, choose another time, or make it a draft again."),
        "button_text": _("Decide when it leaves"),
    }
