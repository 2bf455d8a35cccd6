"""Bringing a database that is older than its journal up to it (R 9.13).

Whom the old state would mail and the newer one did not is mailed no more; nothing is undone that
is younger than what the files say, so that it may be done at any time and again.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit, suppression
from newsletter_service.address import InvalidAddress
from newsletter_service.extensions import db
from newsletter_service.models import (
    JournalKind,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    utc_of_ms,
    writing,
)
from newsletter_service.operations.journal_files import JournalFiles, Line
from newsletter_service.subscribers import opt_out, privacy
from newsletter_service.subscribers.consent import RequestContext

log = logging.getLogger(__name__)

AT_ONCE = 500
ACTOR = "journal"


@dataclass
class Replayed:
    """How many were suppressed, released, unsubscribed and erased again."""

    suppressed: int = 0
    released: int = 0
    left: int = 0
    erased: int = 0


@dataclass
class _Wanted:
    """What the file says last of each: keyed by address and scope, with when and why."""

    suppressions: dict[tuple[bytes, int], Line] = field(default_factory=dict)
    subscriptions: dict[tuple[bytes, int], Line] = field(default_factory=dict)
    erased: dict[bytes, Line] = field(default_factory=dict)

    def take(self, line: Line) -> None:
        """A later line takes the place of an earlier one."""
        key = (line.address_key, line.scope)
        if line.what in (JournalKind.SUPPRESSED, JournalKind.RELEASED):
            self.suppressions[key] = line
        elif line.what in (JournalKind.LEFT, JournalKind.REJOINED):
            self.subscriptions[key] = line
        elif line.what is JournalKind.ERASED:
            self.erased[line.address_key] = line


def replay(kept: JournalFiles, now: datetime, *, since: str = "") -> Replayed:
    """Apply what the files say, all of it or from a mark on; harmless where it stands already."""
    wanted = _Wanted()
    for line in _from_mark(kept, since):
        wanted.take(line)
    done = Replayed()
    for some in _some(wanted.suppressions.values()):
        with writing() as session:
            for line in some:
                _suppress_or_release(session, line, now, done)
    for some in _some(line for line in wanted.subscriptions.values() if _is_left(line)):
        with writing() as session:
            done.left += sum(_end(session, line, now) for line in some)
    done.erased = sum(_erase(line, now) for line in wanted.erased.values())
    with writing() as session:
        audit.record(session, ACTOR, "journal.replayed", **vars(done))
    log.warning("journal_replayed", extra=vars(done))
    return done


def _from_mark(kept: JournalFiles, mark: str) -> Iterator[Line]:
    """The lines after a mark; all of them where it is not there."""
    lines = kept.lines()
    if mark and any(is_mark(line, mark) for line in kept.lines()):
        for line in lines:
            if is_mark(line, mark):
                break
    return lines


def is_mark(line: Line, mark: str) -> bool:
    """Whether a line is this mark."""
    return line.what is JournalKind.MARK and line.reason == mark


def _is_left(line: Line) -> bool:
    return line.what is JournalKind.LEFT


def _suppress_or_release(session: Session, line: Line, now: datetime, done: Replayed) -> None:
    at = utc_of_ms(line.at)
    row = session.scalars(
        select(Suppression).where(
            Suppression.address_key == line.address_key, Suppression.scope == line.scope
        )
    ).one_or_none()
    in_force = row is not None and row.released_at is None
    if line.what is JournalKind.SUPPRESSED:
        if in_force or (row is not None and row.released_at and row.released_at > at):
            return
        suppression.suppress(
            session,
            line.address_key,
            scope=line.scope,
            reason=_reason(line),
            source=ACTOR,
            now=now,
        )
        done.suppressed += 1
    elif row is not None and in_force and row.last_at < at:
        done.released += suppression.release(
            session, line.address_key, scope=line.scope, by=ACTOR, reason=line.reason, now=now
        )


def _reason(line: Line) -> SuppressionReason:
    with suppress(ValueError):
        return SuppressionReason(line.reason)
    return SuppressionReason.MANUAL


def _end(session: Session, line: Line, now: datetime) -> bool:
    subscription = session.scalars(
        select(Subscription)
        .join(Subscriber)
        .where(Subscriber.address_key == line.address_key, Subscription.list_id == line.scope)
        .with_for_update(of=Subscription)
    ).one_or_none()
    if subscription is None or subscription.state == SubscriptionState.UNSUBSCRIBED:
        return False
    if (subscription.confirmed_at or subscription.created_at) > utc_of_ms(line.at):
        return False
    opt_out.end(session, subscription, RequestContext(channel=ACTOR), now)
    return True


def _erase(line: Line, now: datetime) -> bool:
    reader = db.session.scalars(
        select(Subscriber).where(Subscriber.address_key == line.address_key)
    ).one_or_none()
    if reader is None or reader.created_at > utc_of_ms(line.at):
        return False
    with suppress(InvalidAddress):
        return privacy.erase(reader.address, ACTOR, now)
    return False


def _some(lines: Iterable[Line]) -> Iterator[list[Line]]:
    left = iter(lines)
    while some := list(islice(left, AT_ONCE)):
        yield some
