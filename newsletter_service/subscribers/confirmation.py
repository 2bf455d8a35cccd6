"""The mails that a sign-up leads to, and how often one address may get them (R 6.2, 6.3)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import notices
from newsletter_service import settings as settings_module
from newsletter_service.mail import headers
from newsletter_service.models import (
    Notice,
    Subscriber,
    Subscription,
    Token,
    TokenPurpose,
    utc_of_ms,
)
from newsletter_service.subscribers import first_mails
from newsletter_service.subscribers.readers import link_keys
from newsletter_service.tokens import MESSAGE_ID, new_secret, notice_token

CONFIRMATION = "confirmation"
ALREADY_SUBSCRIBED = "already_subscribed"
WELCOME = "welcome"
REMINDER = "reminder"
LINKED = (CONFIRMATION, REMINDER)

LINK_LIVES = timedelta(days=7)
SHARE = ((timedelta(hours=24), 1), (timedelta(days=30), 3))
ALREADY_EVERY = timedelta(days=30)


@dataclass(frozen=True)
class Mailed:
    """A mail with a link: its kind and key, its language, and until when the link lives."""

    kind: str
    purpose_key: str
    locale: str
    until: datetime
    values: dict[str, Any] = field(default_factory=dict)


def send_link(session: Session, subscription: Subscription, locale: str, now: datetime) -> bool:
    """Mail a confirmation link unless the address has had its share; whether one will go.

    The share counts over all lists and is used up only by mails that nobody answered: whoever
    has confirmed since has shown that they want them. The purpose key chains each mail to the
    one before, so that two sign-ups at the same moment cannot both send one.
    """
    reader = subscription.subscriber
    subject = reader.address_key.hex()
    earlier = _notices(session, CONFIRMATION, subject)
    mailed = earlier + _notices(session, REMINDER, subject)
    if not _has_share(mailed, _last_answer(session, reader), now):
        return False
    return _mail_link(
        session,
        subscription,
        Mailed(CONFIRMATION, _after(earlier), locale, now + LINK_LIVES, {"block_link": True}),
        now,
    )


def send_reminder(
    session: Session, subscription: Subscription, until: datetime, now: datetime
) -> bool:
    """Mail a link once more, which lives as long as the first; never twice for a subscription."""
    key = f"subscription:{subscription.id}"
    locale = subscription.subscriber.locale
    return _mail_link(session, subscription, Mailed(REMINDER, key, locale, until), now)


def _mail_link(session: Session, subscription: Subscription, mailed: Mailed, now: datetime) -> bool:
    reader, secret = subscription.subscriber, new_secret()
    asked = notices.ask(
        session,
        mailed.kind,
        subject=reader.address_key.hex(),
        purpose_key=mailed.purpose_key,
        address=reader.address,
        locale=mailed.locale,
        now=now,
        expires_at=mailed.until,
        values=mailed.values,
        list_id=subscription.list_id,
        secret=secret.raw,
    )
    if asked is None:
        return False
    session.add(
        Token(
            digest=secret.digest,
            purpose=TokenPurpose.CONFIRM,
            subject_id=subscription.id,
            created_at=now,
            expires_at=mailed.until,
        )
    )
    return True


def say_already(session: Session, subscription: Subscription, locale: str, now: datetime) -> bool:
    """Mail "you subscribe already", at most once in 30 days; whether it will go."""
    reader = subscription.subscriber
    subject = reader.address_key.hex()
    earlier = _notices(session, ALREADY_SUBSCRIBED, subject)
    if any(at > now - ALREADY_EVERY for _id, at in earlier):
        return False
    asked = notices.ask(
        session,
        ALREADY_SUBSCRIBED,
        subject=subject,
        purpose_key=_after(earlier),
        address=reader.address,
        locale=locale,
        now=now,
        expires_at=now + LINK_LIVES,
        list_id=subscription.list_id,
    )
    return asked is not None


def say_welcome(session: Session, subscription: Subscription, token: Token, now: datetime) -> None:
    """Mail the welcome that follows a confirmation, once for the link it came by.

    Where the list sends one; with its own words.
    """
    reader, newsletter = subscription.subscriber, subscription.newsletter
    chosen = first_mails.of_list(newsletter)
    if not chosen.welcome:
        return
    values = chosen.values(reader.locale)
    if newsletter.open_archive:
        where = "arkiv" if reader.locale == "sv" else "archive"
        base = settings_module.current().base_url
        values["archive_url"] = f"{base}/{where}/{newsletter.slug}"
    notices.ask(
        session,
        WELCOME,
        subject=f"subscription:{subscription.id}",
        purpose_key=f"token:{token.id}",
        address=reader.address,
        locale=reader.locale,
        now=now,
        expires_at=now + LINK_LIVES,
        values=values,
        list_id=subscription.list_id,
    )


def as_sent(session: Session, token: Token, subscription: Subscription) -> dict[str, object]:
    """How the mail of a confirmation link left: its Message-ID and the relay's reply (R 5.12)."""
    sent = session.scalars(
        select(Notice)
        .where(
            Notice.kind.in_(LINKED),
            Notice.subject == subscription.subscriber.address_key.hex(),
            Notice.created_at == token.created_at,
        )
        .limit(1)
    ).one_or_none()
    if sent is None:
        return {}
    named = notice_token(link_keys(), sent.id, purpose=MESSAGE_ID)
    domain = settings_module.current().bounce_domain
    return {
        "mail": headers.message_id(named, domain),
        "mail_state": str(sent.state),
        "mail_reply": f"{sent.code or ''} {sent.reply or ''}".strip(),
        "mail_at": utc_of_ms(sent.settled_ms).isoformat() if sent.settled_ms else "",
    }


def _notices(session: Session, kind: str, subject: str) -> list[tuple[int, datetime]]:
    """Id and time of every notice of a kind to an address, newest first."""
    found = session.execute(
        select(Notice.id, Notice.created_at)
        .where(Notice.kind == kind, Notice.subject == subject)
        .order_by(Notice.id.desc())
    )
    return [(row.id, row.created_at) for row in found]


def _after(earlier: list[tuple[int, datetime]]) -> str:
    return f"after:{earlier[0][0] if earlier else 0}"


def _last_answer(session: Session, reader: Subscriber) -> datetime | None:
    return session.scalar(
        select(func.max(Subscription.confirmed_at)).where(Subscription.subscriber_id == reader.id)
    )


def _has_share(
    earlier: list[tuple[int, datetime]], answered: datetime | None, now: datetime
) -> bool:
    unanswered = [at for _id, at in earlier if answered is None or at > answered]
    return all(sum(at > now - period for at in unanswered) < share for period, share in SHARE)
