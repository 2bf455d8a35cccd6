"""Is a form being abused to bomb mailboxes? Looked at by the scheduler, told to operators (R 6.1).

Two signs: far more sign-ups than usual, and confirmation mails that nobody answers. Either is told
once a day, by mail and on *Drift*; the sign-ups that nothing speaks for can be thrown away there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter_service import audit, notices
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentEvent,
    ConsentKind,
    Lane,
    Person,
    Role,
    SignUp,
    Token,
    TokenPurpose,
    changed,
    writing,
)

HOUR = timedelta(hours=1)
USUAL_OVER = timedelta(days=14)
SPIKE_AT_LEAST = 100
SPIKE_TIMES = 10
MAILED_AT_LEAST = 50
ANSWERED_AT_LEAST = 0.1
TIME_TO_ANSWER = timedelta(hours=2)
ANSWERS_OVER = timedelta(hours=24)
NEWEST = 5000
TOLD_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Watch:
    """How the forms stand: waiting by lane, asked in the last hour, and answered of the mailed."""

    waiting: dict[Lane, int]
    last_hour: int
    usual: float
    mailed: int
    answered: int

    @property
    def spike(self) -> bool:
        """Far more sign-ups than usual."""
        return self.last_hour >= max(SPIKE_AT_LEAST, SPIKE_TIMES * self.usual)

    @property
    def unanswered(self) -> bool:
        """Confirmations go out that hardly anybody wants."""
        enough = self.mailed >= MAILED_AT_LEAST
        return enough and self.answered < ANSWERED_AT_LEAST * self.mailed

    @property
    def alarming(self) -> bool:
        """Whether an operator must look."""
        return self.spike or self.unanswered


def look(now: datetime) -> Watch:
    """How the forms stand."""
    session = db.session()
    rows = session.execute(select(SignUp.lane, func.count()).group_by(SignUp.lane)).all()
    waiting = {Lane(lane): number for lane, number in rows}
    asked = session.scalar(
        select(func.count()).select_from(SignUp).where(SignUp.asked_at > now - HOUR)
    )
    taken, usual = _requests(session, now)
    mailed, answered = _answers(session, now)
    session.rollback()
    return Watch(waiting, (asked or 0) + taken, usual, mailed, answered)


def tell(now: datetime) -> int:
    """Tell every operator, once a day, that a form is being abused; how many mails were asked."""
    found = look(now)
    if not found.alarming:
        return 0
    asked = 0
    with writing() as session:
        for person in session.scalars(select(Person).where(Person.disabled_at.is_(None))):
            if person.has_role(Role.OPERATOR):
                asked += _ask(session, found, person, now)
    return asked


def throw_away(*, actor: str) -> int:
    """Forget the waiting sign-ups that nothing speaks for; how many there were."""
    with writing() as session:
        gone = changed(session, delete(SignUp).where(SignUp.lane == Lane.DOUBTED))
        audit.record(session, actor, "sign_ups.thrown_away", "organisation", count=gone)
    return gone


def _requests(session: Session, now: datetime) -> tuple[int, float]:
    """Sign-ups taken within the hour, and how many an hour is usual; of the newest events only."""
    newest = (
        select(ConsentEvent.kind, ConsentEvent.at)
        .order_by(ConsentEvent.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    times = list(
        session.scalars(
            select(newest.c.at).where(
                newest.c.kind == ConsentKind.REQUESTED, newest.c.at > now - USUAL_OVER
            )
        )
    )
    lately = sum(at > now - HOUR for at in times)
    earlier = len(times) - lately
    return lately, earlier / (USUAL_OVER / HOUR)


def _answers(session: Session, now: datetime) -> tuple[int, int]:
    """Confirmation mails of the last day that had time to be answered, and how many were."""
    newest = (
        select(Token.created_at, Token.used_at)
        .where(Token.purpose == TokenPurpose.CONFIRM)
        .order_by(Token.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    within = (newest.c.created_at > now - ANSWERS_OVER, newest.c.created_at < now - TIME_TO_ANSWER)
    mailed, answered = session.execute(
        select(func.count(), func.count(newest.c.used_at)).where(*within)
    ).one()
    return mailed, answered


def _ask(session: Session, found: Watch, person: Person, now: datetime) -> bool:
    with force_locale(person.locale or "sv"):
        values = _words(found)
    return notices.tell(
        session,
        "alert",
        person,
        subject=f"sign-ups:{now:%Y-%m-%d}",
        key="person",
        now=now,
        expires_at=now + TOLD_FOR,
        values=values,
    )


def _words(found: Watch) -> dict[str, str]:
    what = (
        _("%(count)s sign-ups came within an hour, far more than usual.", count=found.last_hour)
        if found.spike
        else _(
            "Of %(mailed)s confirmation mails of the last day only %(answered)s were answered.",
            mailed=found.mailed,
            answered=found.answered,
        )
    )
    return {
        "title": _("Somebody may be using your form to flood mailboxes"),
        "what": what,
        "remedy": _(
            "Nothing is lost: sign-ups that nothing speaks for wait. Look at them, and throw them"
            " away if they are no people."
        ),
        "url": f"{settings_module.current().base_url}/desk/drift#forms",
        "button_text": _("Open Operations"),
    }
