"""The audience: everybody confirmed on the list before the release, in ranges (design.md 3).

Whoever has no legal basis is not among them (R 5.1); whoever paused is, and the gate skips them.
"""

import hashlib
import logging
from datetime import datetime

from flask import current_app
from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from newsletter_service import queue
from newsletter_service import settings as settings_module
from newsletter_service.delivery import canary, personal_values
from newsletter_service.extensions import db
from newsletter_service.issues import recipients, selection
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Edition,
    Issue,
    IssueState,
    Subscriber,
    Subscription,
    SubscriptionState,
    ledger,
    writing,
)
from newsletter_service.models.partitions import make_ahead

log = logging.getLogger(__name__)

RANGE = 10_000


def expand(issue_id: int, now: datetime) -> None:
    """Give every reader of an issue a delivery, one range a commit; stops when told to pause.

    May run twice at once, be killed and be called again: the cursor is moved in the commit that
    makes the deliveries.
    """
    _ensure_partition(issue_id)
    stopping = current_app.extensions.get("newsletter-stopping")
    while _expand_one_range(issue_id, now):
        if stopping is not None and stopping.is_set():
            return


def count(session: Session, list_id: int) -> int:
    """How many are confirmed on a list now."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Subscription)
            .where(
                Subscription.list_id == list_id, Subscription.state == SubscriptionState.CONFIRMED
            )
        )
        or 0
    )


def _ensure_partition(issue_id: int) -> None:
    """The hourly tick makes partitions ahead; an id that leapt beyond them waits for nobody."""
    with ledger(db.engine) as connection:
        make_ahead(connection, issue_id, ahead=0)


def _expand_one_range(issue_id: int, now: datetime) -> bool:
    """One range; whether there is more to do. A first wave, where one is wanted, leads alone."""
    with writing() as session:
        issue = session.get(Issue, issue_id, with_for_update=True)
        if issue is None or issue.state != IssueState.SENDING or issue.expanded_at is not None:
            return False
        if issue.canary and not issue.canary_n:
            return _first_wave(session, issue, now)
        if issue.canary and issue.canary_passed_at is None:
            return False
        readers = _taken(session, _next_range(session, issue, now))
        if readers:
            issue.expanded_to = readers[-1][0]
            _add_range(session, issue, readers)
        if len(readers) < RANGE:
            issue.expanded_at = now
            queue.nudge("issue.finish", issue_id)
        queue.nudge("delivery.turn")
        return len(readers) == RANGE


def _first_wave(session: Session, issue: Issue, now: datetime) -> bool:
    """The staff among the readers, and one in a hundred of all; nobody if that is nobody."""
    in_it = canary.belongs(session, issue)
    readers = _taken(session, _next_range(session, issue, now).where(in_it))
    if not readers:
        issue.canary = False
        return True
    _add_range(session, issue, readers)
    issue.canary_n = issue.last_n
    queue.nudge("delivery.turn")
    return False


def _taken(session: Session, wanted: Select[int, str]) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in session.execute(wanted)]


def _next_range(session: Session, issue: Issue, now: datetime) -> Select[int, str]:
    """The next readers by id: of the list, of a segment, or of those who got a faulty issue."""
    wanted = (
        select(Subscriber.id, Subscriber.locale)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscription.list_id == issue.list_id,
            Subscription.subscriber_id > issue.expanded_to,
            Subscription.state == SubscriptionState.CONFIRMED,
            Subscription.legal_basis != "",
            Subscription.confirmed_at <= issue.released_at,
        )
        .order_by(Subscription.subscriber_id)
        .limit(RANGE)
    )
    chosen = selection.condition(session, issue, now)
    if chosen is not None:
        wanted = wanted.where(chosen)
    if issue.canary_n:
        wanted = wanted.where(~canary.has_it(issue.id))
    if issue.corrects_id is None:
        return wanted
    return wanted.where(Subscription.subscriber_id.in_(recipients.had_it(issue.corrects_id)))


def _add_range(session: Session, issue: Issue, readers: list[tuple[int, str]]) -> None:
    rows = session.execute(
        select(Edition.locale, Edition.slots)
        .where(Edition.issue_id == issue.id)
        .order_by(Edition.locale)
    )
    slots = {row.locale: row.slots for row in rows}
    locales = list(slots)
    default = next((lo for lo in issue.newsletter.locales if lo in locales), locales[0])
    mixed = sorted(readers, key=lambda reader: _shuffle_key(issue.id, reader[0]))
    first = issue.last_n + 1
    session.execute(
        insert(Delivery),
        [
            {
                "issue_id": issue.id,
                "n": n,
                "subscriber_id": subscriber_id,
                "state": DeliveryState.PENDING,
                "locale": locale if locale in locales else default,
            }
            for n, (subscriber_id, locale) in enumerate(mixed, first)
        ],
    )
    personal_values.keep(session, issue, first, slots)
    issue.last_n += len(mixed)
    issue.audience += len(mixed)
    size = settings_module.current().batch_size
    session.add_all(
        Batch(
            issue_id=issue.id,
            first_n=start,
            last_n=min(start + size - 1, issue.last_n),
            pending=min(start + size - 1, issue.last_n) - start + 1,
        )
        for start in range(first, issue.last_n + 1, size)
    )


def _shuffle_key(issue_id: int, subscriber_id: int) -> bytes:
    """Mixes the destinations: neighbours by id often share a domain."""
    return hashlib.blake2b(f"{issue_id}:{subscriber_id}".encode(), digest_size=8).digest()
