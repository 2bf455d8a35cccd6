"""Issues whose time passed while nothing ran: they ask instead of leaving late (R 9.14)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit, notices
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.models import Issue, IssueState, Person, Role, writing

TOLD_FOR = timedelta(days=3)


def is_late(issue: Issue, now: datetime) -> bool:
    """Whether it was to leave so long ago that somebody must say when."""
    patience = timedelta(hours=settings_module.current().late_hours)
    waits = issue.state == IssueState.SCHEDULED and issue.send_at is not None
    return waits and issue.send_at is not None and issue.send_at <= now - patience


def tell(now: datetime) -> list[int]:
    """Tell editors and operators, once, of each issue that asks; returns their ids."""
    patience = timedelta(hours=settings_module.current().late_hours)
    found = db.session.scalars(
        select(Issue.id).where(
            Issue.state == IssueState.SCHEDULED,
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
        for person in session.scalars(select(Person).where(Person.disabled_at.is_(None))):
            if person.has_role(Role.EDITOR, Role.OPERATOR):
                _ask(session, issue, person, now)
        return True


def _ask(session: Session, issue: Issue, person: Person, now: datetime) -> None:
    settings = settings_module.current()
    wanted = issue.send_at or now
    there = wanted.astimezone(ZoneInfo(settings.timezone))
    with force_locale(person.locale or "sv"):
        words = {
            "title": _("No. %(number)s did not leave in time", number=issue.number),
            "what": _(
                "It was to leave %(day)s at %(clock)s, but the service stood still then. So late it"
                " leaves only when somebody says so.",
                day=f"{there:%Y-%m-%d}",
                clock=f"{there:%H.%M}",
            ),
            "remedy": _("Send it now, choose another time, or make it a draft again."),
            "button_text": _("Decide when it leaves"),
        }
    notices.tell(
        session,
        "alert",
        person,
        subject=f"issue:{issue.id}",
        key=f"late:{int(wanted.timestamp())}",
        now=now,
        expires_at=now + TOLD_FOR,
        values=words | {"url": f"{settings.base_url}/desk/utskick/{issue.id}/granska"},
        list_id=issue.list_id,
    )
