"""Log-in sessions on the server, so that they can be ended (R 8.9).

The browser carries a random token, the database its hash. A session ends after twelve hours of
silence, after fourteen days, at log-out, and when its person is disabled.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.accounts import passwords
from newsletter_service.extensions import db
from newsletter_service.models import LoginSession, Person, writing
from newsletter_service.tokens import digest_of, new_secret

log = logging.getLogger(__name__)

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=14)
_NOTED_EVERY = timedelta(minutes=10)


class WrongCredentials(Exception):
    """No such person, no such password, or no longer on the staff: nobody is told which."""


def log_in(email: str, password: str, now: datetime) -> str:
    """Open a session by password; returns its token. Raises `WrongCredentials`."""
    person = db.session.scalar(select(Person).where(Person.email == email.strip().lower()))
    kept = person.password_hash if person and not person.disabled_at else ""
    if not passwords.matches(kept, password) or person is None:
        log.warning("login_failed", extra={"person_id": person.id if person else None})
        raise WrongCredentials
    person_id = person.id
    with writing() as session:
        if passwords.outdated(kept):
            session.get_one(Person, person_id).password_hash = passwords.hashed(password)
        return open_session(session, person_id, now, by="password")


def open_session(session: Session, person_id: int, now: datetime, by: str) -> str:
    """Add a session to a transaction; returns its token."""
    person = session.get_one(Person, person_id)
    secret = new_secret()
    session.add(
        LoginSession(digest=secret.digest, person_id=person_id, created_at=now, seen_at=now)
    )
    audit.record(session, person.email, "person.logged_in", f"person:{person_id}", by=by)
    return secret.raw


def find(token: str, now: datetime) -> LoginSession | None:
    """The open session of a token, noted as seen; None when it has ended."""
    found = db.session.scalar(
        select(LoginSession)
        .join(LoginSession.person)
        .where(
            LoginSession.digest == digest_of(token),
            LoginSession.ended_at.is_(None),
            LoginSession.seen_at > now - IDLE,
            LoginSession.created_at > now - ABSOLUTE,
            Person.disabled_at.is_(None),
        )
    )
    if found is not None and found.seen_at < now - _NOTED_EVERY:
        _note_seen(found.id, now)
        found = db.session.get(LoginSession, found.id)
    return found


def log_out(token: str, now: datetime) -> None:
    """End one session; nothing happens when it has ended already."""
    with writing() as session:
        session.execute(
            update(LoginSession)
            .where(LoginSession.digest == digest_of(token), LoginSession.ended_at.is_(None))
            .values(ended_at=now)
        )


def end_all(session: Session, person_id: int, now: datetime, keep: str = "") -> int:
    """End a person's sessions within a transaction, but for the one whose token is kept."""
    ended = session.execute(
        update(LoginSession)
        .where(
            LoginSession.person_id == person_id,
            LoginSession.ended_at.is_(None),
            LoginSession.digest != digest_of(keep),
        )
        .values(ended_at=now)
    )
    return int(getattr(ended, "rowcount", 0))


def _note_seen(session_id: int, now: datetime) -> None:
    """Note the visit; a database busy with sending does not keep anybody from a page."""
    try:
        with writing() as session:
            session.execute(
                update(LoginSession).where(LoginSession.id == session_id).values(seen_at=now)
            )
    except OperationalError as error:
        log.warning("session_not_noted", extra={"error": type(error).__name__})
