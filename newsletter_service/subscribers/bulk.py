"""Adding thousands of confirmed readers in a few statements; safe beside sign-ups and itself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
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
from newsletter_service.models.many import among, insert_all
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
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
    """On which list, since when, why they may be written to, and what proves it."""

    list_id: int
    now: datetime
    file_name: str
    detail: dict[str, object]
    basis: LegalBasis = LegalBasis.CONSENT

    @property
    def evidence(self) -> str:
        """What proves it, in a line."""
        return str(self.detail.get("evidence", ""))[:500]


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
        .where(Subscription.list_id == list_id, among(session, Subscriber.address_key, keys))
    )
    return {key: Standing(state, ended_at is not None) for key, state, ended_at in rows}


def suppressed(session: Session, keys: Collection[bytes], list_id: int) -> frozenset[bytes]:
    """Which of the keys must not be written to on a list."""
    return frozenset(
        session.scalars(
            select(Suppression.address_key).where(
                among(session, Suppression.address_key, keys),
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
        ).where(
            Subscription.list_id == grounds.list_id,
            among(session, Subscription.subscriber_id, keys),
        )
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
    each: dict[str, list[Any]] = {
        "address": [each.address for each in readers],
        "address_key": [each.address_key for each in readers],
        "domain": [each.domain for each in readers],
        "locale": [each.locale for each in readers],
    }
    insert_all(session, Subscriber, each, {"created_at": now})
    found = session.execute(
        select(Subscriber.id, Subscriber.address_key).where(
            among(session, Subscriber.address_key, each["address_key"])
        )
    )
    return {row.id: row.address_key for row in found}


def _add_subscriptions(session: Session, ids: list[int], grounds: Grounds) -> frozenset[int]:
    """The ids of those who had no subscription to the list."""
    before = set(
        session.scalars(
            select(Subscription.subscriber_id)
            .where(
                Subscription.list_id == grounds.list_id,
                among(session, Subscription.subscriber_id, ids),
            )
            .with_for_update(key_share=True)
        )
    )
    fresh = [each for each in ids if each not in before]
    same = {
        "list_id": grounds.list_id,
        "state": SubscriptionState.CONFIRMED,
        "created_at": grounds.now,
        "confirmed_at": grounds.now,
        "legal_basis": grounds.basis,
        "basis_evidence": grounds.evidence,
    }
    each: dict[str, list[Any]] = {
        "subscriber_id": fresh,
        "handle": [new_handle() for _each in fresh],
    }
    insert_all(session, Subscription, each, same)
    return frozenset(fresh)


def _confirm(session: Session, waiting: set[int], grounds: Grounds) -> None:
    if waiting:
        session.execute(
            update(Subscription)
            .where(
                among(session, Subscription.id, waiting),
                Subscription.state == SubscriptionState.PENDING,
            )
            .values(
                state=SubscriptionState.CONFIRMED,
                confirmed_at=grounds.now,
                legal_basis=grounds.basis,
                basis_evidence=grounds.evidence,
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
    consented = grounds.basis is LegalBasis.CONSENT
    by_key = {each.address_key: each for each in readers}
    whose = [by_key[keys[subscriber_id]] for subscriber_id in proven.values()]
    each: dict[str, list[Any]] = {
        "subscription_id": list(proven),
        "subscriber_id": list(proven.values()),
        "address_as_typed": [one.address for one in whose],
        "locale": [one.locale for one in whose],
    }
    same = {
        "kind": ConsentKind.CONFIRMED if consented else ConsentKind.CHANGED,
        "at": grounds.now,
        "channel": "import",
        "form": grounds.file_name[:500],
        "detail": grounds.detail if consented else grounds.detail | {"legal_basis": grounds.basis},
    }
    insert_all(session, ConsentEvent, each, same)
