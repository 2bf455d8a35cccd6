"""Departure: what is planned leaves at its time, after a last check of what will really be sent.

What the check finds then that must be mended holds the issue: nothing is sent, editors and
operators are told, and a person sends it after all, chooses another time or takes it back.
"""

import logging
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter_service import audit, queue
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.issues import editions, preflight, telling
from newsletter_service.models import Issue, IssueState, ledger, writing

log = logging.getLogger(__name__)

MOST_TOLD = 5


def start_due(now: datetime) -> list[int]:
    """Planned issues whose time has come begin to send, or are held; returns who began.

    One whose time passed long ago, because nothing ran, does neither: somebody must say when
    (R 9.14); `late` tells them.
    """
    late = now - timedelta(hours=settings_module.current().late_hours)
    with db.engine.connect() as connection:
        due = connection.scalars(select(Issue.id).where(_has_come(now, late))).all()
    return [issue_id for issue_id in due if _passes(issue_id, now) and _start(issue_id, now, late)]


def found(session: Session, issue: Issue, now: datetime) -> list[preflight.Finding]:
    """What must be mended in the letters that will really be sent."""
    report = preflight.examine(session, issue, now, editions.frozen(session, issue))
    return preflight.since_planned(report)


def asked_ahead(session: Session, issue: Issue, now: datetime) -> list[preflight.Finding]:
    """What a planned issue will be held for at its time unless somebody answers for it."""
    if issue.state != IssueState.SCHEDULED or issue.held_at:
        return []
    return preflight.examine(session, issue, now, only=("grown",)).must


def _passes(issue_id: int, now: datetime) -> bool:
    """Whether the last check finds nothing that must be mended; else the issue is held."""
    try:
        faults = found(db.session(), db.session.get_one(Issue, issue_id), now)
        db.session.rollback()
    except SQLAlchemyError:  # the next tick tries again; after hours `late` tells people
        log.exception("departure_not_checked")
        db.session.rollback()
        return False
    except Exception:  # a letter that cannot be looked at must not leave, nor be forgotten
        log.exception("departure_not_checked")
        db.session.rollback()
        _hold(issue_id, [], now)
        return False
    if faults:
        _hold(issue_id, faults, now)
    return not faults


def _start(issue_id: int, now: datetime, late: datetime) -> bool:
    with ledger(db.engine) as connection:
        moved = connection.execute(
            update(Issue)
            .where(Issue.id == issue_id, _has_come(now, late))
            .values(state=IssueState.SENDING, released_at=now)
        )
    if moved.rowcount == 1:
        queue.nudge_now([("audience.expand", (issue_id,))])
    return moved.rowcount == 1


def _has_come(now: datetime, late: datetime) -> ColumnElement[bool]:
    planned = and_(Issue.state == IssueState.SCHEDULED, Issue.held_at.is_(None))
    return and_(planned, Issue.send_at <= now, Issue.send_at > late)


def _hold(issue_id: int, faults: list[preflight.Finding], now: datetime) -> None:
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.state != IssueState.SCHEDULED or issue.held_at or not issue.send_at:
            return  # another process held it, or somebody took it back
        wanted, issue.held_at = issue.send_at, now
        rules = sorted({one.rule for one in faults})
        audit.record(session, "scheduler", "issue.held", f"issue:{issue_id}", rules=rules)
        key = f"held:{int(wanted.timestamp())}"
        telling.desk(session, issue, key, lambda: _words(issue, wanted, faults), now)


def _words(issue: Issue, wanted: datetime, faults: list[preflight.Finding]) -> dict[str, str]:
    why = " ".join(one.what for one in faults[:MOST_TOLD])
    first, remedy = _asked(wanted) if _only_asks(faults) else _to_mend(wanted)
    return {
        "title": _("No. %(number)s is held back; nothing has been sent", number=issue.number),
        "what": first + " " + (why or _("The check could not be finished; its log says why.")),
        "remedy": remedy,
        "button_text": _("Decide when it leaves"),
    }


def _only_asks(faults: list[preflight.Finding]) -> bool:
    """Whether there is nothing to mend: somebody is only asked whether it is meant so."""
    return bool(faults) and all(one.kind for one in faults)


def _asked(wanted: datetime) -> tuple[str, str]:
    day, clock = telling.day_and_clock(wanted)
    return _(
        "It was to leave %(day)s at %(clock)s, but many more would get it now than when it was"
        " planned.",
        day=day,
        clock=clock,
    ), _("If it is meant so, write their number on its page and send it. Else nothing is sent.")


def _to_mend(wanted: datetime) -> tuple[str, str]:
    day, clock = telling.day_and_clock(wanted)
    return _(
        "It was to leave %(day)s at %(clock)s, but the last check found what must be mended:",
        day=day,
        clock=clock,
    ), _("It leaves only when somebody says so: mend it, or send it when all is well.")
