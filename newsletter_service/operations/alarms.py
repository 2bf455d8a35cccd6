"""Mails to the operators when the service paused something by itself."""

from datetime import datetime, timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import notices
from newsletter_service import settings as settings_module
from newsletter_service.delivery.breaker import ACTOR as BREAKER
from newsletter_service.delivery.complaints import HIGH
from newsletter_service.extensions import db
from newsletter_service.models import AuditEvent, Issue, Notice, Person, Relay, Role, writing

ACTS = ("issue.paused", "relay.paused", HIGH)
ACTORS = (BREAKER, "bounces")
LATEST = 200
TOLD_FOR = timedelta(days=1)


def tell(now: datetime) -> int:
    """Tell every operator once of each pause of the last day; how many mails were asked for."""
    asked = 0
    for event in _untold(now):
        with writing() as session:
            for person in session.scalars(select(Person).where(Person.disabled_at.is_(None))):
                if person.has_role(Role.OPERATOR):
                    asked += _ask(session, event, person, now)
    return asked


def _untold(now: datetime) -> list[AuditEvent]:
    session = db.session()
    newest = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(LATEST))
    events = [
        event
        for event in newest
        if event.act in ACTS and event.actor in ACTORS and event.at > now - TOLD_FOR
    ]
    if not events:
        return []
    subjects = [_subject(event) for event in events]
    told = set(session.scalars(select(Notice.subject).where(Notice.subject.in_(subjects))))
    return [event for event in events if _subject(event) not in told]


def _ask(session: Session, event: AuditEvent, person: Person, now: datetime) -> bool:
    with force_locale(person.locale or "sv"):
        values = _words(session, event)
    return notices.tell(
        session,
        "alert",
        person,
        subject=_subject(event),
        key="person",
        now=now,
        expires_at=now + TOLD_FOR,
        values=values,
    )


def _subject(event: AuditEvent) -> str:
    return f"pause:{event.id}"


def _words(session: Session, event: AuditEvent) -> dict[str, str]:
    kind, _colon, number = event.subject.partition(":")
    reason = str(event.detail.get("reason", ""))
    page = {
        "url": f"{settings_module.current().base_url}/desk/drift",
        "button_text": _("Open Operations"),
    }
    if kind == "issue":
        issue = session.get_one(Issue, int(number))
        if issue.canary_halted_at is not None and issue.canary_passed_at is None:
            return _of_first_wave(issue, reason)
        if reason.endswith("complained."):
            return _of_complaints(issue, reason, paused=event.act == "issue.paused")
        what = _(
            "Too many mail servers refuse our mail, not the readers. %(reason)s", reason=reason
        )
        return page | {
            "title": _("No. %(number)s was paused", number=issue.number),
            "what": what,
            "remedy": _("Mend the cause, then let it go on. Nobody was suppressed or lost."),
        }
    relay = session.get_one(Relay, int(number))
    what = _(
        "It refuses our log-in, so nothing goes through it. It said: %(reason)s", reason=reason
    )
    return page | {
        "title": _("The mail server %(relay)s was paused", relay=relay.name),
        "what": what,
        "remedy": _("Mend the password, then open it again."),
    }


def _of_first_wave(issue: Issue, reason: str) -> dict[str, str]:
    base = settings_module.current().base_url
    return {
        "url": f"{base}/desk/utskick/{issue.id}/rapport",
        "button_text": _("See the report"),
        "title": _("The first wave of no. %(number)s was halted", number=issue.number),
        "what": _("Only the first few have got it. %(reason)s", reason=reason),
        "remedy": _("Look at why, then send it to everybody or to nobody more."),
    }


def _of_complaints(issue: Issue, reason: str, *, paused: bool) -> dict[str, str]:
    base = settings_module.current().base_url
    title = (
        _("No. %(number)s was paused", number=issue.number)
        if paused
        else _("Many complain about no. %(number)s", number=issue.number)
    )
    what = _(
        "Readers report it as spam. %(reason)s At three in a thousand large providers begin to"
        " turn our mail away.",
        reason=reason,
    )
    return {
        "url": f"{base}/desk/utskick/{issue.id}/rapport",
        "button_text": _("See the report"),
        "title": title,
        "what": what,
        "remedy": _("Find out how those readers came to the list before you send to it again."),
    }
