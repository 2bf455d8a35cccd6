"""Fetching bounces from mailboxes: a message is removed only once it is stored and committed.

Broken off anywhere, the next time stores the same message once. One process at a time polls a
mailbox; should its lease run out on a slow server, two at once do no harm either.
"""

import hashlib
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import queue, settings
from newsletter_service.bounces import intake
from newsletter_service.bounces.mailbox_sessions import Mailbox, MailboxFault, Waiting, opened
from newsletter_service.bounces.mailbox_url import BadMailboxUrl, MailboxUrl
from newsletter_service.extensions import db
from newsletter_service.models import BounceMailbox, leases, writing
from newsletter_service.models.upsert import insert_new

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
LONGEST_PAUSE = 5  # doublings of it, for a mailbox that fails: half an hour
LEASE_MS = 3 * 60 * 1000
AT_ONCE = 25
A_TURN = 500
MOST_LEFT = 2000


@dataclass
class Polled:
    """How one look into a mailbox went; `error` is empty where it went well."""

    name: str
    taken: int = 0
    left: list[str] = field(default_factory=list)
    more: bool = False
    error: str = ""


def urls_now() -> list[MailboxUrl]:
    """The mailboxes that are configured. Raises `BadMailboxUrl`."""
    return [MailboxUrl.parse(each) for each in settings.current().bounce_mailbox_url]


def any_due(now: datetime) -> bool:
    """Whether a mailbox should be looked into now."""
    try:
        configured = urls_now()
    except BadMailboxUrl:
        return False  # `doctor` tells
    if not configured:
        return False
    known = {row.name: row for row in db.session.scalars(select(BounceMailbox))}
    return any(_is_due(known.get(str(url)), now) for url in configured)


def poll(now: datetime, *, at_once: bool = False) -> list[Polled]:
    """Fetch what waits in the mailboxes that are due, or in all of them at once.

    Raises `BadMailboxUrl`.
    """
    done = []
    for url in urls_now():
        with alone(url) as mine:
            if mine and _begin(url, now, at_once):
                polled = _look_into(url, now)
                _end(polled, now)
                done.append(polled)
    return done


def _is_due(row: BounceMailbox | None, now: datetime) -> bool:
    if row is None or row.tried_at is None:
        return True
    return now - row.tried_at >= EVERY * (1 << min(row.failures, LONGEST_PAUSE))


@contextmanager
def alone(url: MailboxUrl) -> Iterator[bool]:
    """Look into a mailbox while no other process does; whether that is possible now."""
    name, owner = lease_of(url), secrets.token_hex(8)
    mine = leases.hold(db.engine, name, owner, LEASE_MS)
    try:
        yield mine
    finally:
        if mine:
            leases.let_go(db.engine, name, owner)


def lease_of(url: MailboxUrl) -> str:
    """The name of the lease that whoever looks into a mailbox holds."""
    return "mailbox:" + hashlib.sha256(str(url).encode()).hexdigest()[:32]


def _begin(url: MailboxUrl, now: datetime, at_once: bool) -> bool:
    with writing() as session:
        session.execute(
            insert_new(session, BounceMailbox).values(
                name=str(url), failures=0, error="", taken=0, left_uids=[]
            )
        )
        row = _row(session, str(url))
        if not at_once and not _is_due(row, now):
            return False
        row.tried_at = now
    return True


def _look_into(url: MailboxUrl, now: datetime) -> Polled:
    polled = Polled(str(url), left=list(_left(str(url))))
    try:
        with opened(url) as mailbox:
            waiting = mailbox.waiting(frozenset(polled.left), A_TURN)
            polled.more = len(waiting) == A_TURN
            messages = iter(waiting)
            while some := list(islice(messages, AT_ONCE)):
                _take(mailbox, some, polled, now)
    except MailboxFault as fault:
        polled.error, polled.more = f"{fault.kind}: {fault.said}", False
        log.warning("mailbox_failed", extra={"host": url.host, "error": fault.kind})
    except intake.STORING_FAILED as fault:
        polled.error, polled.more = f"not stored: {type(fault).__name__}", False
        log.error("bounce_not_stored", extra={"error": type(fault).__name__})
    return polled


def _take(mailbox: Mailbox, some: list[Waiting], polled: Polled, now: datetime) -> None:
    """Store these, then remove them; what is larger than any bounce stays where it is."""
    stored: list[Waiting] = []
    for message in some:
        raw = mailbox.read(message) if message.size <= intake.LARGEST else b""
        if max(message.size, len(raw)) > intake.LARGEST:
            polled.left.append(message.uid)
        elif raw:
            intake.store(raw, "", "mailbox", now)
            db.session.rollback()
            stored.append(message)
    mailbox.remove(stored)
    polled.taken += len(stored)


def _left(name: str) -> list[str]:
    row = db.session.scalars(select(BounceMailbox).where(BounceMailbox.name == name)).one()
    left = row.left_uids
    db.session.rollback()  # nothing stays open while the network is waited for (P7)
    return left


def _end(polled: Polled, now: datetime) -> None:
    with writing() as session:
        row = _row(session, polled.name)
        row.taken += polled.taken
        row.left_uids = polled.left[-MOST_LEFT:]
        row.error = polled.error[:300]
        row.failures = row.failures + 1 if polled.error else 0
        if not polled.error:
            row.answered_at = now
        if polled.more:
            row.tried_at = None
            queue.nudge("bounces.poll")
    if polled.taken:
        log.info("mailbox_emptied", extra={"taken": polled.taken, "left": len(polled.left)})


def _row(session: Session, name: str) -> BounceMailbox:
    return session.scalars(
        select(BounceMailbox).where(BounceMailbox.name == name).with_for_update()
    ).one()
