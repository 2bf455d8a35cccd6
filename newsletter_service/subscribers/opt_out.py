"""Opting out: always possible, from every letter ever sent, and at once (R 1.7, 1.12 to 1.18).

The link carries its own proof, so it works without login or cookie, and after the reader's row
is gone. Whoever holds a forwarded letter can end the subscription with it and nothing more:
taking it back takes the proof that only the page of that very act was given, or, for those who
left by their mail program, a link mailed to the address (see `choices.undo`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from newsletter_service import journal
from newsletter_service import settings as settings_module
from newsletter_service.address import mask, parse
from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentKind,
    JournalKind,
    Subscription,
    SubscriptionState,
    ms_of,
    writing,
)
from newsletter_service.subscribers import consent
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.readers import by_handle, link_keys, subscriptions_of
from newsletter_service.tokens import read_unsubscribe

UNDO_FOR = timedelta(hours=24)


class Scope(StrEnum):
    """How much to leave."""

    LIST = "list"
    ORGANISATION = "organisation"


@dataclass(frozen=True)
class Standing:
    """What an unsubscribe link is about. Names and address are empty when the reader is gone."""

    subscribed: bool = False
    slug: str = ""
    newsletter: str = ""
    newsletter_en: str = ""
    masked: str = ""
    locale: str = ""
    others: int = 0
    may_undo: bool = False

    def title(self, locale: str) -> str:
        """The list's name in a language."""
        return self.newsletter_en if locale == "en" else self.newsletter


@dataclass(frozen=True)
class Left:
    """It is over; `undo` is the proof with which this very act can be taken back for a day."""

    standing: Standing
    undo: str = ""


def look(token: str, now: datetime) -> Standing:
    """What the link would end; changes nothing. Raises `BadToken`."""
    target = read_unsubscribe(link_keys(), token)
    return _standing(by_handle(db.session(), target.handle), now)


def unsubscribe(token: str, scope: Scope, context: RequestContext, now: datetime) -> Left:
    """End one subscription or all; as fine the second time. Raises `BadToken`."""
    target = read_unsubscribe(link_keys(), token)
    with writing() as session:
        named = by_handle(session, target.handle)
        if named is None:
            return Left(Standing())
        ended = [
            each
            for each in subscriptions_of(session, named.subscriber_id)
            if (scope is Scope.ORGANISATION or each.id == named.id)
            and end(session, each, context, now, issue_id=target.issue_id)
        ]
        return Left(_standing(named, now), _undo_proof(ended, now))


def end(
    session: Session,
    subscription: Subscription,
    context: RequestContext,
    now: datetime,
    **detail: object,
) -> bool:
    """Within a transaction: end a subscription; whether it was a confirmed one."""
    before = subscription.state
    if before == SubscriptionState.UNSUBSCRIBED:
        return False
    subscription.move(SubscriptionState.UNSUBSCRIBED)
    subscription.ended_at = now
    _journal(session, subscription, JournalKind.LEFT, now)
    act = Act(subscription.subscriber.locale, context, now)
    consent.record(session, subscription, ConsentKind.WITHDRAWN, act, **detail)
    return before == SubscriptionState.CONFIRMED


def undo(proof: str, context: RequestContext, now: datetime) -> list[Standing]:
    """Take back what a page ended within the last 24 hours; empty when it is too late."""
    try:
        at_ms, ids = _signer().loads(proof)
    except BadSignature:
        return []
    if ms_of(now) - at_ms > UNDO_FOR / timedelta(milliseconds=1):
        return []
    with writing() as session:
        return [
            _standing(each, now)
            for each in _locked(session, ids)
            if each.ended_at is not None
            and ms_of(each.ended_at) == at_ms
            and restore(session, each, context, now)
        ]


def _locked(session: Session, ids: list[int]) -> list[Subscription]:
    first = session.get(Subscription, ids[0]) if ids else None
    mine = subscriptions_of(session, first.subscriber_id) if first else []
    return [each for each in mine if each.id in ids]


def may_undo(subscription: Subscription, now: datetime) -> bool:
    """Whether a reader left within the last day, in whatever way, and can take it back."""
    ended, was_confirmed = subscription.ended_at, subscription.confirmed_at is not None
    over = subscription.state == SubscriptionState.UNSUBSCRIBED
    return over and was_confirmed and ended is not None and now - ended <= UNDO_FOR


def restore(
    session: Session, subscription: Subscription, context: RequestContext, now: datetime
) -> bool:
    """Within a transaction: take leaving back; whoever calls has the proof that it is the reader.

    Whether there was anything to take back.
    """
    if not may_undo(subscription, now):
        return False
    subscription.move(SubscriptionState.CONFIRMED)
    subscription.ended_at = None
    _journal(session, subscription, JournalKind.REJOINED, now)
    act = Act(subscription.subscriber.locale, context, now)
    consent.record(session, subscription, ConsentKind.CONFIRMED, act, undone=True)
    return True


def _journal(
    session: Session, subscription: Subscription, what: JournalKind, now: datetime
) -> None:
    key = subscription.subscriber.address_key
    journal.note(session, what, key, now, scope=subscription.list_id)


def _standing(subscription: Subscription | None, now: datetime) -> Standing:
    if subscription is None:
        return Standing()
    reader, newsletter = subscription.subscriber, subscription.newsletter
    confirmed = [each for each in reader.subscriptions if each.state == SubscriptionState.CONFIRMED]
    return Standing(
        subscribed=subscription.state == SubscriptionState.CONFIRMED,
        slug=newsletter.slug,
        newsletter=newsletter.title("sv"),
        newsletter_en=newsletter.title("en"),
        masked=mask(parse(reader.address)),
        locale=reader.locale,
        others=sum(each.id != subscription.id for each in confirmed),
        may_undo=may_undo(subscription, now),
    )


def _undo_proof(ended: list[Subscription], now: datetime) -> str:
    return str(_signer().dumps([ms_of(now), [each.id for each in ended]])) if ended else ""


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings_module.current().secret_key, salt="undo unsubscribing")
