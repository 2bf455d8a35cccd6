"""Finding and adding readers: by address, by list, by the handle in their links."""

import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import settings as settings_module
from newsletter_service.address import Address, address_key
from newsletter_service.models import (
    NewsletterList,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from newsletter_service.models.upsert import insert_new
from newsletter_service.tokens import HANDLE_BYTES, LinkKeys


class NoSuchList(LookupError):
    """There is no list by that name, or it has been archived."""


def link_keys() -> LinkKeys:
    """The key ring of links that live for ever."""
    return LinkKeys(settings_module.current().link_keys)


def key_of(address: Address) -> bytes:
    """The keyed hash under which an address is known here."""
    return address_key(address.normalised, settings_module.current().address_key)


def new_handle() -> bytes:
    """A random name for a subscription, never given twice."""
    return secrets.token_bytes(HANDLE_BYTES)


def open_list(session: Session, slug: str) -> NewsletterList:
    """A list that takes subscribers. Raises `NoSuchList`."""
    found = session.scalars(
        select(NewsletterList).where(
            NewsletterList.slug == slug, NewsletterList.archived_at.is_(None)
        )
    ).one_or_none()
    if found is None:
        raise NoSuchList(slug)
    return found


def open_lists(session: Session) -> list[NewsletterList]:
    """Every list that takes subscribers, by name."""
    return list(
        session.scalars(
            select(NewsletterList)
            .where(NewsletterList.archived_at.is_(None))
            .order_by(NewsletterList.name, NewsletterList.id)
        )
    )


def lock_reader(session: Session, address: Address, locale: str, now: datetime) -> Subscriber:
    """The subscriber of an address, added when new; sign-ups of one address take turns here."""
    key = key_of(address)
    session.execute(
        insert_new(session, Subscriber).values(
            address=address.envelope,
            address_key=key,
            domain=address.domain_ascii,
            locale=locale,
            created_at=now,
        )
    )
    return session.scalars(
        select(Subscriber).where(Subscriber.address_key == key).with_for_update(key_share=True)
    ).one()


def subscription_on(
    session: Session, reader: Subscriber, newsletter: NewsletterList, now: datetime
) -> Subscription:
    """The reader's subscription to a list, added as pending when there is none."""
    session.execute(
        insert_new(session, Subscription).values(
            subscriber_id=reader.id,
            list_id=newsletter.id,
            state=SubscriptionState.PENDING,
            handle=new_handle(),
            created_at=now,
        )
    )
    return session.scalars(
        select(Subscription).where(
            Subscription.subscriber_id == reader.id, Subscription.list_id == newsletter.id
        )
    ).one()


def by_handle(session: Session, handle: bytes) -> Subscription | None:
    """The subscription a link names; None when it has been erased since."""
    return session.scalars(select(Subscription).where(Subscription.handle == handle)).one_or_none()


def subscriptions_of(session: Session, subscriber_id: int) -> list[Subscription]:
    """Everything a reader ever subscribed to, locked until the end of the transaction.

    The reader is locked first, here and everywhere, so that no two verbs wait in a circle.
    """
    session.get(Subscriber, subscriber_id, with_for_update={"key_share": True})
    return list(
        session.scalars(
            select(Subscription)
            .where(Subscription.subscriber_id == subscriber_id)
            .order_by(Subscription.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )
