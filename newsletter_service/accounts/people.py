"""The staff: who may log in and what they may do. There is no default account (ASVS 6.3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import address as mail_address
from newsletter_service import audit
from newsletter_service.accounts import links, passwords, sessions
from newsletter_service.extensions import db
from newsletter_service.mail import clean
from newsletter_service.models import Organisation, Person, Role, writing

COMMAND_LINE = "command line"


class PersonRefused(ValueError):
    """The person cannot be added or changed; `code` says why.

    `exists`, `name`, `no_roles`, `last_administrator`, `wrong_password`.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"The person cannot be kept so: {code}.")


@dataclass(frozen=True)
class Newcomer:
    """Somebody to be added: address, name, roles, and the language of their mail."""

    email: str
    name: str
    roles: Sequence[str]
    locale: str = ""


def create(
    email: str,
    name: str,
    roles: Sequence[str],
    password: str | None = None,
    actor: str = COMMAND_LINE,
) -> Person:
    """Add a person; without a password they log in by one-time links.

    Raises `PersonRefused`, `address.InvalidAddress` and `passwords.PasswordRefused`.
    """
    if password is not None:
        passwords.check(password, _context(email, name))
    with writing() as session:
        person = _add(session, Newcomer(email, name, roles), datetime.now(UTC))
        person.password_hash = passwords.hashed(password) if password is not None else ""
        _note(session, actor, "person.created", person)
    return person


def invite(newcomer: Newcomer, *, actor: str, now: datetime) -> Person:
    """Add a person and mail them a link that lasts a week. Raises as `create`."""
    with writing() as session:
        person = _add(session, newcomer, now)
        links.mail_invitation(session, person, _named(session, actor), now)
        _note(session, actor, "person.invited", person)
    return person


def change_roles(person_id: int, roles: Sequence[str], *, actor: str) -> None:
    """Give a person these roles and no others. Raises `PersonRefused`."""
    with writing() as session:
        person = session.get_one(Person, person_id)
        person.roles = _checked(roles)
        _keep_an_administrator(session)
        _note(session, actor, "person.roles_changed", person)


def disable(person_id: int, *, actor: str, now: datetime) -> None:
    """Shut a person out at once, in every browser. Raises `PersonRefused`."""
    with writing() as session:
        person = session.get_one(Person, person_id)
        person.disabled_at = now
        _keep_an_administrator(session)
        sessions.end_all(session, person_id, now)
        links.void(session, person_id, now)
        _note(session, actor, "person.disabled", person)


def enable(person_id: int, *, actor: str) -> None:
    """Let a person in again."""
    with writing() as session:
        person = session.get_one(Person, person_id)
        person.disabled_at = None
        _note(session, actor, "person.enabled", person)


def change_password(
    person_id: int, current: str, new: str, *, keep_session: str, now: datetime
) -> None:
    """Set a password; who has one must know it. Ends the person's other sessions.

    Raises `PersonRefused` with `wrong_password`, and `passwords.PasswordRefused`.
    """
    person = db.session.get_one(Person, person_id)
    if person.password_hash and not passwords.matches(person.password_hash, current):
        raise PersonRefused("wrong_password")
    passwords.check(new, _context(person.email, person.name))
    hashed = passwords.hashed(new)
    with writing() as session:
        person = session.get_one(Person, person_id)
        person.password_hash = hashed
        sessions.end_all(session, person_id, now, keep=keep_session)
        _note(session, person.email, "person.password_changed", person)


def change_self(person_id: int, name: str, locale: str) -> None:
    """A person's own name and the desk's language for them. Raises `PersonRefused`."""
    with writing() as session:
        person = session.get_one(Person, person_id)
        person.name, person.locale = _named_so(name), locale
        _note(session, person.email, "person.changed", person)


def find(email: str) -> Person | None:
    """The person with this address, disabled or not."""
    return db.session.scalar(select(Person).where(Person.email == email.strip().lower()))


def called(email: str) -> str:
    """What colleagues call the person with this address: the name, or the address where none is."""
    person = find(email) if "@" in email else None
    return (person.name if person else "") or email


def everybody() -> list[Person]:
    """All people, those who may log in first."""
    return list(
        db.session.scalars(
            select(Person).order_by(Person.disabled_at.is_not(None), func.lower(Person.name))
        )
    )


def anybody() -> bool:
    """Whether there is any person at all yet."""
    return db.session.scalar(select(Person.id).limit(1)) is not None


def _add(session: Session, newcomer: Newcomer, now: datetime) -> Person:
    email = mail_address.parse(newcomer.email).as_typed.lower()
    if session.scalar(select(Person.id).where(Person.email == email)) is not None:
        raise PersonRefused("exists")
    person = Person(
        email=email,
        name=_named_so(newcomer.name),
        roles=_checked(newcomer.roles),
        locale=newcomer.locale,
        created_at=now,
    )
    session.add(person)
    session.flush()
    return person


def _named(session: Session, actor: str) -> str:
    """What the invited are told about who invites them."""
    return session.scalar(select(Person.name).where(Person.email == actor)) or actor


def _named_so(name: str) -> str:
    if not clean.is_harmless(name.strip()):
        raise PersonRefused("name")
    return name.strip()[:200]


def _checked(roles: Sequence[str]) -> list[str]:
    known = sorted({Role(role).value for role in roles})
    if not known:
        raise PersonRefused("no_roles")
    return known


def _keep_an_administrator(session: Session) -> None:
    """Nobody may lock the house from outside."""
    session.flush()
    active = session.scalars(select(Person).where(Person.disabled_at.is_(None)))
    if not any(Role.ADMINISTRATOR in person.roles for person in active):
        raise PersonRefused("last_administrator")


def _context(*words: str) -> list[str]:
    organisation = db.session.get(Organisation, 1)
    return [*words, organisation.name if organisation else ""]


def _note(session: Session, actor: str, act: str, person: Person) -> None:
    audit.record(session, actor, act, f"person:{person.id}", roles=person.roles)
