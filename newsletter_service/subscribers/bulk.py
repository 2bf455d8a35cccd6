"""Adding thousands of confirmed readers in a few statements; safe beside sign-ups and itself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from newsletter_service.models import (
    ConsentEvent,
    ConsentKind,
    LegalBasis,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.models.upsert import insert_new
from newsletter_service.subscribers.readers import new_handle


@dataclass(frozen=True)
class NewReader:
    """One reader to add, by the key of the address."""

    address_key: bytes
    address: str
    domain: str
    locale: str


@dataclass(frozen=True)
class Grounds:
    """On which list, since when, and what proves the consent."""

    list_id: int
    now: datetime
    file_name: str
    detail: dict[str, object]
    basis: LegalBasis = LegalBasis.CONSENT


@dataclass(frozen=True)
class Added:
    """The keys of those added, of those who subscribed before, and of those who have left.

    `subscriptions` are the ids of the subscriptions of the first two.
    """

    taken: frozenset[bytes]
    already: frozenset[bytes]
    left: frozenset[bytes]
    subscriptions: dict[bytes, int]


@dataclass(frozen=True)
class Standing:
    """Where an address stands on a list already."""

    state: SubscriptionState
    has_left: bool


def standing(session: Session, keys: Collection[bytes], list_id: int) -> dict[bytes, Standing]:
    """Of these addresses, who has a subscription to a list."""
    rows = session.execute(
        select(Subscriber.address_key, Subscription.state, Subscription.ended_at)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.list_id == list_id, Subscriber.address_key.in_(keys))
    )
    return {key: Standing(state, ended_at is not None) for key, state, ended_at in rows}


def suppressed(session: Session, keys: Collection[bytes], list_id: int) -> frozenset[bytes]:
    """Which of the keys must not be written to on a list."""
    return frozenset(
        session.scalars(
            select(Suppression.address_key).where(
                Suppression.address_key.in_(keys),
                Suppression.scope.in_((WHOLE_ORGANISATION, list_id)),
                Suppression.released_at.is_(None),
            )
        )
    )


def add_confirmed(session: Session, readers: list[NewReader], grounds: Grounds) -> Added:
    """Add readers as confirmed, each with its proof; who has left stays away."""
    keys = _subscriber_ids(session, readers, grounds.now)
    fresh = _add_subscriptions(session, list(keys), grounds)
    standing = session.execute(
        select(
            Subscription.id,
            Subscription.subscriber_id,
            Subscription.state,
            Subscription.ended_at,
        ).where(Subscription.list_id == grounds.list_id, Subscription.subscriber_id.in_(keys))
    ).all()
    waiting = {
        row.id
        for row in standing
        if row.state == SubscriptionState.PENDING and row.ended_at is None
    }
    _confirm(session, waiting, grounds)
    proven = {
        row.id: row.subscriber_id
        for row in standing
        if row.subscriber_id in fresh or row.id in waiting
    }
    _prove(session, proven, readers, keys, grounds)
    taken = frozenset(keys[subscriber_id] for subscriber_id in proven.values())
    already = frozenset(
        keys[row.subscriber_id] for row in standing if row.state == SubscriptionState.CONFIRMED
    )
    ids = {keys[row.subscriber_id]: row.id for row in standing}
    here = {key: ids[key] for key in taken | already}
    return Added(taken, already - taken, frozenset(keys.values()) - taken - already, here)


def _subscriber_ids(session: Session, readers: list[NewReader], now: datetime) -> dict[int, bytes]:
    """Every reader's id and key, added where new."""
    session.execute(
        insert_new(session, Subscriber),
        [
            {
                "address": each.address,
                "address_key": each.address_key,
                "domain": each.domain,
                "locale": each.locale,
                "created_at": now,
            }
            for each in readers
        ],
    )
    found = session.execute(
        select(Subscriber.id, Subscriber.address_key).where(
            Subscriber.address_key.in_([each.address_key for each in readers])
        )
    )
    return {row.id: row.address_key for row in found}


def _add_subscriptions(session: Session, ids: list[int], grounds: Grounds) -> frozenset[int]:
    """The ids of those who had no subscription to the list."""
    before = set(
        session.scalars(
            select(Subscription.subscriber_id)
            .where(Subscription.list_id == grounds.list_id, Subscription.subscriber_id.in_(ids))
            .with_for_update(key_share=True)
        )
    )
    fresh = [each for each in ids if each not in before]
    if fresh:
        session.execute(
            insert_new(session, Subscription),
            [
                {
                    "subscriber_id": each,
                    "list_id": grounds.list_id,
                    "state": SubscriptionState.CONFIRMED,
                    "handle": new_handle(),
                    "created_at": grounds.now,
                    "confirmed_at": grounds.now,
                    "legal_basis": grounds.basis,
                }
                for each in fresh
            ],
        )
    return frozenset(fresh)


def _confirm(session: Session, waiting: set[int], grounds: Grounds) -> None:
    if waiting:
        session.execute(
            update(Subscription)
            .where(Subscription.id.in_(waiting), Subscription.state == SubscriptionState.PENDING)
            .values(
                state=SubscriptionState.CONFIRMED,
                confirmed_at=grounds.now,
                legal_basis=grounds.basis,
            )
            .execution_options(synchronize_session=False)
        )


def _prove(
    session: Session,
    proven: dict[int, int],
    readers: list[NewReader],
    keys: dict[int, bytes],
    grounds: Grounds,
) -> None:
    by_key = {each.address_key: each for each in readers}
    if proven:
        session.execute(
            insert(ConsentEvent),
            [
                {
                    "subscriber_id": subscriber_id,
                    "subscription_id": subscription_id,
                    "kind": ConsentKind.CONFIRMED,
                    "at": grounds.now,
                    "channel": "import",
                    "address_as_typed": by_key[keys[subscriber_id]].address,
                    "form": grounds.file_name[:500],
                    "locale": by_key[keys[subscriber_id]].locale,
                    "detail": grounds.detail,
                }
                for subscription_id, subscriber_id in proven.items()
            ],
        )
