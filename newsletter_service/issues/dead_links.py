"""Links that die while an issue waits for its time: its editors are told before it leaves.

Nothing is stopped: a page may be back in time. Who is told can undo the release.
"""

import hashlib
from datetime import datetime, timedelta

from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit, notices
from newsletter_service import settings as settings_module
from newsletter_service.issues import preflight
from newsletter_service.models import Issue, IssueState, Person, Role, writing

TOLD_FOR = timedelta(days=3)
_RULES = ("link_gone", "link_failing")


def found(session: Session, issue: Issue, now: datetime) -> list[preflight.Finding]:
    """What a planned issue leads to that answers no more, but for what somebody let stand."""
    if issue.state != IssueState.SCHEDULED:
        return []
    return preflight.examine(session, issue, now, only=_RULES).must


def tell(issue_id: int, now: datetime) -> int:
    """Tell editors and operators, once for the same links; how many were told."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        dead = found(session, issue, now)
        if not dead:
            return 0
        told = sum(
            _tell_one(session, issue, person, dead, now)
            for person in session.scalars(select(Person).where(Person.disabled_at.is_(None)))
            if person.has_role(Role.EDITOR, Role.OPERATOR)
        )
        if told:
            audit.record(session, "scheduler", "issue.links_died", f"issue:{issue_id}")
        return told


def _tell_one(
    session: Session, issue: Issue, person: Person, dead: list[preflight.Finding], now: datetime
) -> bool:
    with force_locale(person.locale or "sv"):
        words = {
            "title": ngettext(
                "A link in no. %(number)s has died",
                "%(num)s links in no. %(number)s have died",
                len(dead),
                number=issue.number,
            ),
            "what": _("The issue is planned and leaves as it is.")
            + " "
            + " ".join(one.what for one in dead),
            "remedy": _("Open the address. If the page stays away, undo the release and mend it."),
            "button_text": _("Open the issue"),
        }
    return notices.tell(
        session,
        "alert",
        person,
        subject=f"issue:{issue.id}",
        key=f"dead:{_mark(issue, dead)}",
        now=now,
        expires_at=now + TOLD_FOR,
        values=words | {"url": _page(issue)},
        list_id=issue.list_id,
    )


def _mark(issue: Issue, dead: list[preflight.Finding]) -> str:
    """The same for the same links of the same plan."""
    urls = sorted(str(one.values["url"]) for one in dead)
    return hashlib.sha256("\n".join([str(issue.version), *urls]).encode()).hexdigest()[:16]


def _page(issue: Issue) -> str:
    return f"{settings_module.current().base_url}/desk/utskick/{issue.id}/granska"
