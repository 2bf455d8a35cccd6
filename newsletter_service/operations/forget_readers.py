"""Forgetting people: whose sign-up nobody confirmed, and who left so long ago (R 5.13).

Of who had left, the keyed hash of the address stays, so that no import brings them back (R 5.9).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    AddressChange,
    BounceEvent,
    ConsentEvent,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
    Token,
    TokenPurpose,
    changed,
    writing,
)
from newsletter_service.operations.old_rows import ROWS_AT_ONCE, erase, remove
from newsletter_service.subscribers import data_protection

_Conditions = tuple[ColumnElement[bool], ...]
_Pairs = Sequence[tuple[int, int]]


def unconfirmed(now: datetime) -> int:
    """Sign-ups that nobody confirmed, with all that was noted about them."""
    since = now - data_protection.facts().kept("unconfirmed")
    total, last_id = 0, 0
    while pairs := _pairs(last_id, _is_unconfirmed(since)):
        last_id = pairs[-1][0]
        with writing() as session:
            total += _forget_sign_ups(session, pairs, since)
    return total


def ended(now: datetime) -> int:
    """Subscriptions that ended so long ago that no proof of them is kept any more."""
    since = now - data_protection.facts().kept("consent_proofs")
    total, last_id = 0, 0
    while pairs := _pairs(last_id, _is_over(since)):
        last_id = pairs[-1][0]
        with writing() as session:
            total += _forget_ended(session, pairs, since, now)
    return total


def address_changes(now: datetime) -> int:
    """New addresses that were asked for, done or not: the consent event keeps what was done."""
    since = now - data_protection.facts().kept("unconfirmed")
    return remove(AddressChange, AddressChange.created_at < since)


def _pairs(after_id: int, conditions: _Conditions) -> _Pairs:
    found = db.session.execute(
        select(Subscription.id, Subscription.subscriber_id)
        .where(Subscription.id > after_id, *conditions)
        .order_by(Subscription.id)
        .limit(ROWS_AT_ONCE)
    ).all()
    db.session.rollback()
    return [(row.id, row.subscriber_id) for row in found]


def _is_unconfirmed(since: datetime) -> _Conditions:
    link = exists().where(
        Token.purpose == TokenPurpose.CONFIRM,
        Token.subject_id == Subscription.id,
        Token.expires_at >= since,
    )
    return (
        Subscription.state == SubscriptionState.PENDING,
        Subscription.created_at < since,
        ~link,
    )


def _is_over(since: datetime) -> _Conditions:
    return (
        Subscription.state == SubscriptionState.UNSUBSCRIBED,
        Subscription.ended_at < since,
    )


def _lock(session: Session, pairs: _Pairs) -> list[int]:
    """Readers first, in order, as a sign-up does: neither waits for the other in a circle."""
    reader_ids = sorted({reader_id for _, reader_id in pairs})
    session.execute(
        select(Subscriber.id)
        .where(Subscriber.id.in_(reader_ids))
        .order_by(Subscriber.id)
        .with_for_update()
    )
    return reader_ids


def _forget_sign_ups(session: Session, pairs: _Pairs, since: datetime) -> int:
    reader_ids = _lock(session, pairs)
    due = Subscription.id.in_([each for each, _ in pairs]) & and_(*_is_unconfirmed(since))
    # who had left before stays known as having left
    back = changed(
        session,
        update(Subscription)
        .where(due, Subscription.ended_at.is_not(None))
        .values(state=SubscriptionState.UNSUBSCRIBED)
        .execution_options(synchronize_session=False),
    )
    gone = list(session.scalars(select(Subscription.id).where(due)))
    _forget_subscriptions(session, gone)
    _forget_strangers(session, reader_ids)
    return back + len(gone)


def _forget_ended(session: Session, pairs: _Pairs, since: datetime, now: datetime) -> int:
    reader_ids = _lock(session, pairs)
    rows = session.execute(
        select(Subscription.id, Subscription.list_id, Subscriber.address_key)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.id.in_([each for each, _ in pairs]), *_is_over(since))
    ).all()
    for row in rows:
        if suppression.find(session, row.address_key, row.list_id) is None:
            suppression.suppress(
                session,
                row.address_key,
                scope=row.list_id,
                reason=SuppressionReason.ERASED,
                source="retention",
                now=now,
            )
    session.flush()
    _forget_subscriptions(session, [row.id for row in rows])
    _forget_strangers(session, reader_ids)
    return len(rows)


def _forget_subscriptions(session: Session, gone: list[int]) -> None:
    erase(session, ConsentEvent, ConsentEvent.subscription_id.in_(gone))
    erase(session, Token, (Token.purpose == TokenPurpose.CONFIRM) & Token.subject_id.in_(gone))
    erase(session, Subscription, Subscription.id.in_(gone))


def _forget_strangers(session: Session, reader_ids: list[int]) -> None:
    """Of these readers, forget those without any subscription left."""
    known = exists().where(Subscription.subscriber_id == Subscriber.id)
    ids = list(session.scalars(select(Subscriber.id).where(Subscriber.id.in_(reader_ids), ~known)))
    moving = select(AddressChange.id).where(AddressChange.subscriber_id.in_(ids))
    erase(
        session,
        Token,
        or_(
            (Token.purpose == TokenPurpose.CHOICES) & Token.subject_id.in_(ids),
            (Token.purpose == TokenPurpose.ADDRESS) & Token.subject_id.in_(moving),
        ),
    )
    session.execute(
        update(BounceEvent)
        .where(BounceEvent.subscriber_id.in_(ids))
        .values(address_key=b"", subscriber_id=None, evidence="")
        .execution_options(synchronize_session=False)
    )
    erase(session, AddressChange, AddressChange.subscriber_id.in_(ids))
    erase(session, ConsentEvent, ConsentEvent.subscriber_id.in_(ids))
    erase(session, Subscriber, Subscriber.id.in_(ids))
