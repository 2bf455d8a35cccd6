"""What staff do with readers: find, end, suppress, release, count and list them.

Pages and commands share it. Lists go by keyset, so that the last page of a million is as quick
as the first; the counts of all readers are remembered for a minute.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import current_app
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from newsletter_service import audit, suppression
from newsletter_service.address import InvalidAddress, as_stored, parse, readable
from newsletter_service.extensions import db
from newsletter_service.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    writing,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.subscribers import opt_out, segments
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.readers import key_of

PAGE = 50
FOUND_AT_MOST = 50
COUNTED_FOR_S = 60.0
_COUNTS = "newsletter-reader-counts"


class NoSuchReader(LookupError):
    """There is no such subscriber or subscription."""


@dataclass(frozen=True)
class Filter:
    """Which subscriptions: of one list, in one state, in one segment; None means all."""

    list_id: int | None = None
    state: SubscriptionState | None = None
    segment_id: int | None = None


def counts(list_id: int) -> dict[str, int]:
    """How many subscriptions of a list are in each state; up to a minute old."""
    kept: dict[int, tuple[float, dict[str, int]]] = current_app.extensions.setdefault(_COUNTS, {})
    at, found = kept.get(list_id, (float("-inf"), {}))
    if time.monotonic() - at > COUNTED_FOR_S:
        found = _counted(list_id)
        kept[list_id] = (time.monotonic(), found)
    return found


def page(
    wanted: Filter, before: int | None = None, limit: int = PAGE
) -> tuple[list[Subscription], int | None]:
    """Subscriptions, newest first, and where the next page begins. Raises `NoSuchSegment`."""
    query = (
        select(Subscription)
        .options(joinedload(Subscription.subscriber), joinedload(Subscription.newsletter))
        .order_by(Subscription.id.desc())
        .limit(limit + 1)
    )
    if wanted.list_id is not None:
        query = query.where(Subscription.list_id == wanted.list_id)
    if wanted.state is not None:
        query = query.where(Subscription.state == wanted.state)
    if wanted.segment_id is not None:
        fits = segments.matching(db.session(), wanted.segment_id, datetime.now(UTC))
        query = query.where(fits)
    if before is not None:
        query = query.where(Subscription.id < before)
    found = list(db.session.scalars(query))
    more = len(found) > limit
    return found[:limit], found[limit - 1].id if more else None


def find(text: str) -> list[Subscriber]:
    """Readers whose address is the text or holds it; the exact one alone when there is one."""
    wanted = text.strip()
    try:
        key = key_of(parse(wanted))
    except InvalidAddress:
        key = b""
    exact = db.session.scalars(select(Subscriber).where(Subscriber.address_key == key)).first()
    if exact is not None:
        return [exact]
    if len(wanted) < 2:
        return []
    spellings = {wanted, as_stored(wanted), readable(wanted)}
    holds = or_(*(Subscriber.address.icontains(each, autoescape=True) for each in spellings))
    query = select(Subscriber).where(holds).order_by(Subscriber.id.desc()).limit(FOUND_AT_MOST)
    return list(db.session.scalars(query))


def suppressions_of(address_key: bytes) -> Sequence[Suppression]:
    """The suppressions in force for an address."""
    return db.session.scalars(
        select(Suppression)
        .where(Suppression.address_key == address_key, Suppression.released_at.is_(None))
        .order_by(Suppression.scope)
    ).all()


def end(subscription_id: int, actor: str, now: datetime) -> bool:
    """End a subscription on the reader's word; whether it was not ended before.

    Raises `NoSuchReader`.
    """
    with writing() as session:
        subscription = session.get(Subscription, subscription_id, with_for_update=True)
        if subscription is None:
            raise NoSuchReader
        if subscription.state == SubscriptionState.UNSUBSCRIBED:
            return False
        opt_out.end(session, subscription, RequestContext(channel="desk"), now, by=actor)
        audit.record(session, actor, "subscription.ended", f"subscription:{subscription_id}")
        return True


def suppress(subscriber_id: int, actor: str, why: str, now: datetime) -> None:
    """Write no more to a reader, in anybody's name here. Raises `NoSuchReader`."""
    with writing() as session:
        reader = _reader(session, subscriber_id)
        suppression.suppress(
            session,
            reader.address_key,
            scope=WHOLE_ORGANISATION,
            reason=SuppressionReason.MANUAL,
            source="desk",
            evidence=why,
            now=now,
        )
        audit.record(
            session, actor, "subscriber.suppressed", f"subscriber:{subscriber_id}", why=why
        )


def release(subscriber_id: int, scope: int, actor: str, why: str, now: datetime) -> bool:
    """Let a reader be written to again; whether anything was lifted. Raises `NoSuchReader`."""
    with writing() as session:
        reader = _reader(session, subscriber_id)
        lifted = suppression.release(
            session, reader.address_key, scope=scope, by=actor, reason=why, now=now
        )
        if lifted:
            audit.record(
                session, actor, "subscriber.released", f"subscriber:{subscriber_id}", why=why
            )
        return lifted


def note_export(list_id: int, actor: str) -> None:
    """Remember who took a list's readers out."""
    with writing() as session:
        audit.record(session, actor, "subscribers.exported", f"list:{list_id}")


def _counted(list_id: int) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(SubscriptionState, 0)
    rows = db.session.execute(
        select(Subscription.state, func.count())
        .where(Subscription.list_id == list_id)
        .group_by(Subscription.state)
    )
    return found | dict(rows.all())


def _reader(session: Session, subscriber_id: int) -> Subscriber:
    found = session.get(Subscriber, subscriber_id)
    if found is None:
        raise NoSuchReader
    return found
