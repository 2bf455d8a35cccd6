"""Confirmation links: what one is about, and whether it can still be used."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import suppression
from newsletter_service.address import mask, parse
from newsletter_service.models import Subscription, SubscriptionState, Token, TokenPurpose
from newsletter_service.subscribers.readers import subscriptions_of
from newsletter_service.tokens import digest_of


@dataclass(frozen=True)
class Link:
    """What a confirmation link is about, for its page."""

    slug: str
    newsletter: str
    newsletter_en: str
    masked: str

    def title(self, locale: str) -> str:
        """The list's name in a language."""
        return self.newsletter_en if locale == "en" else self.newsletter


@dataclass(frozen=True)
class Waiting(Link):
    """The link can be confirmed."""


@dataclass(frozen=True)
class Confirmed(Link):
    """The subscription stands; `again` when it stood already."""

    again: bool = False


@dataclass(frozen=True)
class Expired(Link):
    """The link is too old or used up; a new one can be mailed."""


@dataclass(frozen=True)
class Barred(Link):
    """The address is blocked by its owner, after a complaint or by hand; a human lifts it."""


@dataclass(frozen=True)
class Unknown:
    """No such link was ever made, or what it was about is gone."""


Outcome = Waiting | Confirmed | Expired | Barred | Unknown


def find(session: Session, raw: str, *, lock: bool = False) -> tuple[Token, Subscription] | None:
    """The row of a link and the subscription it is about."""
    wanted = select(Token).where(
        Token.digest == digest_of(raw), Token.purpose == TokenPurpose.CONFIRM
    )
    token = session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if token is None:
        return None
    subscription = session.get(Subscription, token.subject_id)
    if subscription is None:
        return None
    if lock:
        subscriptions_of(session, subscription.subscriber_id)
    return token, subscription


def outcome(
    session: Session, token: Token, subscription: Subscription, now: datetime
) -> Waiting | Confirmed | Expired | Barred:
    """What the link would do now."""
    subject = about(subscription)
    found = suppression.find(session, subscription.subscriber.address_key, subscription.list_id)
    if suppression.bars_confirming(found):
        return Barred(*subject)
    # a link to a standing subscription changes the reader's language
    open_to_it = subscription.state != SubscriptionState.UNSUBSCRIBED
    if open_to_it and token.used_at is None and token.expires_at > now:
        return Waiting(*subject)
    if subscription.state == SubscriptionState.CONFIRMED:
        return Confirmed(*subject, again=True)
    return Expired(*subject)


def is_open(session: Session, subscription: Subscription, now: datetime) -> bool:
    """Whether a link that can still be used has been mailed for a subscription."""
    found = session.scalar(
        select(Token.id)
        .where(
            Token.purpose == TokenPurpose.CONFIRM,
            Token.subject_id == subscription.id,
            Token.used_at.is_(None),
            Token.expires_at > now,
        )
        .limit(1)
    )
    return found is not None


def about(subscription: Subscription) -> tuple[str, str, str, str]:
    """The fields of a `Link`."""
    newsletter = subscription.newsletter
    masked = mask(parse(subscription.subscriber.address))
    return newsletter.slug, newsletter.title("sv"), newsletter.title("en"), masked
