"""One-time log-in links: by mail on asking, in an invitation, or from the command line.

The link's page shows a button; only its POST logs in, since mail scanners open links (P8).
"""

import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from newsletter_service import notices
from newsletter_service.accounts import sessions
from newsletter_service.extensions import db
from newsletter_service.models import Person, Token, TokenPurpose, writing
from newsletter_service.queue import nudge
from newsletter_service.settings import current
from newsletter_service.tokens import Secret, digest_of, new_secret

log = logging.getLogger(__name__)

MAILED = timedelta(minutes=15)
INVITED = timedelta(days=7)
PRINTED = timedelta(hours=24)
MOST_AT_ONCE = 3


class LinkExpired(Exception):
    """The link was used, has gone out of date, or never was."""


def ask_for_link(email: str, now: datetime) -> None:
    """Mail a link to a person on the staff; for anybody else nothing happens (R 8.10).

    At most three within its fifteen minutes, so that nobody's inbox can be flooded.
    """
    with writing() as session:
        # nudged also when there is no mail to send: a slow queue would tell who is on the staff
        nudge("notices.send")
        person = session.scalar(
            select(Person).where(
                Person.email == email.strip().lower(), Person.disabled_at.is_(None)
            )
        )
        if person is None or _recent(session, person.id, now) >= MOST_AT_ONCE:
            log.info("login_link_not_sent", extra={"known": person is not None})
            return
        _mail(session, person, "login_link", now, {"minutes": int(MAILED.total_seconds()) // 60})


def mail_invitation(session: Session, person: Person, inviter: str, now: datetime) -> None:
    """Mail a new person the link that lets them in, within a transaction."""
    _mail(session, person, "invitation", now, {"inviter": inviter, "days": INVITED.days})


def for_mail(session: Session, person: Person, now: datetime, valid: timedelta) -> Secret:
    """A link for one mail to one person, within a transaction; its notice carries the secret."""
    return _issue(session, person.id, now, valid)


def one_time_link(person: Person, now: datetime | None = None) -> str:
    """A link to print on a terminal, good for a day and one log-in."""
    now = now or datetime.now(UTC)
    person_id = person.id
    with writing() as session:
        secret = _issue(session, person_id, now, PRINTED)
    return f"{current().base_url}/desk/logga-in/{secret.raw}"


def usable(raw: str, now: datetime) -> bool:
    """Whether the link would still let its person in."""
    return db.session.scalar(select(Token.id).where(*_valid(raw, now))) is not None


def redeem(raw: str, now: datetime) -> str:
    """Use a link up; returns the token of a new session. Raises `LinkExpired`."""
    with writing() as session:
        person_id = session.scalar(
            update(Token).where(*_valid(raw, now)).values(used_at=now).returning(Token.subject_id)
        )
        person = session.get(Person, person_id) if person_id is not None else None
        if person is None or person.disabled_at is not None:
            raise LinkExpired
        return sessions.open_session(session, person.id, now, by="link")


def void(session: Session, person_id: int, now: datetime) -> None:
    """Make a person's unused links worthless, within a transaction."""
    session.execute(
        update(Token)
        .where(
            Token.purpose == TokenPurpose.LOGIN,
            Token.subject_id == person_id,
            Token.used_at.is_(None),
        )
        .values(used_at=now)
    )


def _valid(raw: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Token.digest == digest_of(raw),
        Token.purpose == TokenPurpose.LOGIN,
        Token.used_at.is_(None),
        Token.expires_at > now,
    )


def _recent(session: Session, person_id: int, now: datetime) -> int:
    return (
        session.scalar(
            select(func.count(Token.id)).where(
                Token.purpose == TokenPurpose.LOGIN,
                Token.subject_id == person_id,
                Token.created_at > now - MAILED,
            )
        )
        or 0
    )


def _mail(
    session: Session, person: Person, kind: str, now: datetime, values: dict[str, object]
) -> None:
    valid = INVITED if kind == "invitation" else MAILED
    secret = _issue(session, person.id, now, valid)
    notices.ask(
        session,
        kind,
        subject=f"person:{person.id}",
        purpose_key=secret.digest.hex()[:32],
        address=person.email,
        locale=person.locale or "sv",
        now=now,
        values=values,
        secret=secret.raw,
        to_staff=True,
        expires_at=now + valid,
    )


def _issue(session: Session, person_id: int, now: datetime, valid: timedelta) -> Secret:
    secret = new_secret()
    session.add(
        Token(
            digest=secret.digest,
            purpose=TokenPurpose.LOGIN,
            subject_id=person_id,
            created_at=now,
            expires_at=now + valid,
        )
    )
    return secret
