"""One reminder, where a list wants it, to who signed up and has not pressed the link (R 5.14).

A tick of the scheduler asks who is due; the notice's key makes it one for ever.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import String, cast, literal, select
from sqlalchemy.orm import Session

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    BounceEvent,
    NewsletterList,
    Notice,
    Subscriber,
    Subscription,
    SubscriptionState,
    Token,
    TokenPurpose,
    writing,
)
from newsletter_service.subscribers import confirmation, first_mails

AFTER = timedelta(days=2)
AT_LEAST_LEFT = timedelta(hours=12)
AT_ONCE = 100


def remind_due(now: datetime) -> int:
    """Remind everybody whose time has come; how many mails were asked for."""
    lists = _reminding()
    return sum(_remind(each, now) for each in _due(lists, now)) if lists else 0


def _reminding() -> list[int]:
    found = db.session.scalars(select(NewsletterList).where(NewsletterList.archived_at.is_(None)))
    wanted = [each.id for each in found if first_mails.of_list(each).reminder]
    db.session.rollback()
    return wanted


def _due(lists: list[int], now: datetime) -> Sequence[int]:
    """Subscriptions whose newest link was mailed two days ago and is neither used nor old."""
    link = (
        (Token.purpose == TokenPurpose.CONFIRM)
        & (Token.subject_id == Subscription.id)
        & Token.used_at.is_(None)
        & (Token.expires_at > now + AT_LEAST_LEFT)
    )
    came_back = select(BounceEvent.id).where(
        BounceEvent.address_key == Subscriber.address_key,
        BounceEvent.at >= Subscription.created_at,
    )
    reminded = select(Notice.id).where(
        Notice.kind == confirmation.REMINDER,
        Notice.purpose_key == literal("subscription:") + cast(Subscription.id, String),
    )
    found = db.session.scalars(
        select(Subscription.id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(
            Subscription.list_id.in_(lists),
            Subscription.state == SubscriptionState.PENDING,
            select(Token.id).where(link, Token.created_at <= now - AFTER).exists(),
            ~select(Token.id).where(link, Token.created_at > now - AFTER).exists(),
            ~came_back.exists(),
            ~reminded.exists(),
        )
        .order_by(Subscription.id)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    return found


def _remind(subscription_id: int, now: datetime) -> bool:
    with writing() as session:
        subscription = session.get(Subscription, subscription_id, with_for_update=True)
        if subscription is None or subscription.state != SubscriptionState.PENDING:
            return False
        until = _link_lives_until(session, subscription_id)
        key = subscription.subscriber.address_key
        if until is None or suppression.find(session, key, subscription.list_id) is not None:
            return False
        return confirmation.send_reminder(session, subscription, until, now)


def _link_lives_until(session: Session, subscription_id: int) -> datetime | None:
    return session.scalar(
        select(Token.expires_at)
        .where(Token.purpose == TokenPurpose.CONFIRM, Token.subject_id == subscription_id)
        .order_by(Token.id.desc())
        .limit(1)
    )
