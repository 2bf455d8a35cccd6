"""Links that die while an issue waits for its time: its editors are told before it leaves.

A page may be back in time; if it is not, the issue is held at its `departure`.
"""

import hashlib
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.issues import preflight, telling
from newsletter_service.models import Issue, IssueState, writing

_RULES = ("link_gone", "link_failing")


def found(session: Session, issue: Issue, now: datetime) -> list[preflight.Finding]:
    """What a planned issue leads to that answers no more, but for what somebody let stand."""
    if issue.state != IssueState.SCHEDULED or issue.held_at:
        return []
    return preflight.examine(session, issue, now, only=_RULES).must


def tell(issue_id: int, now: datetime) -> int:
    """Tell editors and operators, once for the same links; how many were told."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        dead = found(session, issue, now)
        if not dead:
            return 0
        key = f"dead:{_mark(issue, dead)}"
        told = telling.desk(session, issue, key, lambda: _words(issue, dead), now)
        if told:
            audit.record(session, "scheduler", "issue.links_died", f"issue:{issue_id}")
        return told


def _words(issue: Issue, dead: list[preflight.Finding]) -> dict[str, str]:
    return {
        "title": ngettext(
            "A link in no. %(number)s has died",
            "%(num)s links in no. %(number)s have died",
            len(dead),
            number=issue.number,
        ),
        "what": " ".join(one.what for one in dead)
        + " "
        + _("If it still is so when the issue is to leave, the issue is held and nothing is sent."),
        "remedy": _("Open the address. If the page stays away, undo the release and mend it."),
        "button_text": _("Open the issue"),
    }


def _mark(issue: Issue, dead: list[preflight.Finding]) -> str:
    """The same for the same links of the same plan."""
    urls = sorted(str(one.values["url"]) for one in dead)
    return hashlib.sha256("\n".join([str(issue.version), *urls]).encode()).hexdigest()[:16]
