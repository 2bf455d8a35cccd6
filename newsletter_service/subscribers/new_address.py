"""A new address for a reader: asked for on their own page, confirmed by a link in the new mailbox.

Until then nothing changes. Letters that came before keep their links: those name the subscription.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter_service import journal, notices, suppression
from newsletter_service.address import Address, mask, parse, refused_role
from newsletter_service.extensions import db
from newsletter_service.models import (
    AddressChange,
    ConsentKind,
    JournalKind,
    Notice,
    Subscriber,
    Subscription,
    SubscriptionState,
    Token,
    TokenPurpose,
    writing,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.queue import nudge
from newsletter_service.subscribers import consent, field_answers, opt_in, opt_out, personal_link
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.opt_in import NoReader
from newsletter_service.subscribers.readers import key_of, subscription_on, subscriptions_of
from newsletter_service.tokens import digest_of, new_secret

KIND, TOLD = "new_address", "address_changed"
LIVES = timedelta(hours=24)
MOST, IN = 3, timedelta(hours=24)


@dataclass(frozen=True)
class Change:
    """What a link would do: from which address to which, both masked, and whether it still can."""

    old: str
    new: str
    is_open: bool
    done: bool = False
    barred: bool = False


def ask(raw: str, address_text: str, now: datetime) -> bool:
    """Mail a link to the new address; whether the link of the page was still good.

    What is known of the new address is never told. Raises `InvalidAddress` and `NoReader`.
    """
    address = parse(address_text)
    if refused_role(address):
        raise NoReader
    with writing() as session:
        nudge("notices.send")
        reader = personal_link.whose(session, raw, now, lock=True)
        if reader is None:
            return False
        if key_of(address) != reader.address_key and _has_share(session, reader, address, now):
            _send(session, reader, address, now)
        return True


def look(raw: str, now: datetime) -> Change | None:
    """What a link in the new mailbox would do; None when we know no such link."""
    session = db.session()
    found = _find(session, raw)
    return None if found is None else _about(session, *found, now)


def confirm(raw: str, locale: str, context: RequestContext, now: datetime) -> Change | None:
    """Write to the new address from now on, and tell the old one so."""
    with writing() as session:
        found = _find(session, raw, lock=True)
        if found is None:
            return None
        token, change = found
        about = _about(session, token, change, now)
        if not about.is_open:
            return about
        reader = session.get_one(Subscriber, change.subscriber_id)
        subscriptions_of(session, reader.id)  # locked, the reader first
        token.used_at = now
        _move(session, reader, parse(change.address), Act(reader.locale, context, now))
        return Change(about.old, about.new, is_open=False, done=True)


def _has_share(session: Session, reader: Subscriber, address: Address, now: datetime) -> bool:
    theirs = (AddressChange.subscriber_id == reader.id) | (
        AddressChange.address_key == key_of(address)
    )
    asked = session.scalar(select(func.count()).where(theirs, AddressChange.created_at > now - IN))
    return (asked or 0) < MOST


def _send(session: Session, reader: Subscriber, address: Address, now: datetime) -> None:
    change = AddressChange(
        subscriber_id=reader.id,
        address=address.envelope,
        address_key=key_of(address),
        created_at=now,
    )
    session.add(change)
    session.flush()
    secret = new_secret()
    session.add(
        Token(
            digest=secret.digest,
            purpose=TokenPurpose.ADDRESS,
            subject_id=change.id,
            created_at=now,
            expires_at=now + LIVES,
        )
    )
    notices.ask(
        session,
        KIND,
        subject=key_of(address).hex(),
        purpose_key=f"change:{change.id}",
        address=address.envelope,
        locale=reader.locale,
        now=now,
        expires_at=now + LIVES,
        secret=secret.raw,
    )


def _find(session: Session, raw: str, *, lock: bool = False) -> tuple[Token, AddressChange] | None:
    wanted = select(Token).where(
        Token.digest == digest_of(raw), Token.purpose == TokenPurpose.ADDRESS
    )
    token = session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    change = session.get(AddressChange, token.subject_id) if token is not None else None
    return None if token is None or change is None else (token, change)


def _about(session: Session, token: Token, change: AddressChange, now: datetime) -> Change:
    reader = session.get_one(Subscriber, change.subscriber_id)
    old, new = mask(parse(reader.address)), mask(parse(change.address))
    found = suppression.find(session, change.address_key, WHOLE_ORGANISATION)
    if suppression.bars_confirming(found):
        return Change(old, new, is_open=False, barred=True)
    if token.used_at is not None:
        return Change(old, new, is_open=False, done=True)
    return Change(old, new, is_open=token.expires_at > now)


def _move(session: Session, reader: Subscriber, address: Address, act: Act) -> None:
    old, old_key = reader.address, reader.address_key
    other = session.scalars(
        select(Subscriber).where(Subscriber.address_key == key_of(address)).with_for_update()
    ).one_or_none()
    for each in subscriptions_of(session, reader.id):
        consent.record(session, each, ConsentKind.CHANGED, act, was=old, now=address.envelope)
    # first, so that it belongs to the reader like all that was sent to the old address
    notices.ask(
        session,
        TOLD,
        subject=old_key.hex(),
        purpose_key=f"to:{key_of(address).hex()[:16]}:{act.now.date().isoformat()}",
        address=old,
        locale=reader.locale,
        now=act.now,
        expires_at=act.now + timedelta(days=7),
        values={"new_address": mask(address)},
    )
    if other is None:
        _readdress(session, reader, address, act)
    else:
        _hand_over(session, reader, other, act)


def _readdress(session: Session, reader: Subscriber, address: Address, act: Act) -> None:
    """Nobody had the new address: the reader has it now, with everything that is theirs."""
    new_key, old_key = key_of(address), reader.address_key
    for each in _confirmed(session, reader):
        # a restored backup must not write to the old address
        journal.note(session, JournalKind.LEFT, old_key, act.now, scope=each.list_id)
        journal.note(session, JournalKind.REJOINED, new_key, act.now, scope=each.list_id)
        _release(session, new_key, each.list_id, act.now)
    _release(session, new_key, WHOLE_ORGANISATION, act.now)
    # what was sent to the old address stays theirs to see and to have erased
    session.execute(
        update(Notice)
        .where(Notice.address_key == old_key)
        .values(address_key=new_key)
        .execution_options(synchronize_session=False)
    )
    reader.address, reader.address_key = address.envelope, new_key
    reader.domain = address.domain_ascii


def _hand_over(session: Session, reader: Subscriber, other: Subscriber, act: Act) -> None:
    """The new address has a reader already, who has just proven to be the same person."""
    for each in _confirmed(session, reader):
        found = suppression.find(session, other.address_key, each.list_id)
        if suppression.bars_confirming(found):
            continue
        theirs = subscription_on(session, other, each.newsletter, act.now)
        if theirs.state != SubscriptionState.CONFIRMED:
            opt_in.settle(session, theirs, act)
            theirs.paused_until_ms = each.paused_until_ms
        field_answers.hand_over(session, each.id, theirs.id)
        opt_out.end(session, each, act.context, act.now, moved=True)
    other.locale = reader.locale


def _confirmed(session: Session, reader: Subscriber) -> list[Subscription]:
    mine = subscriptions_of(session, reader.id)
    return [each for each in mine if each.state == SubscriptionState.CONFIRMED]


def _release(session: Session, key: bytes, scope: int, now: datetime) -> None:
    suppression.release(
        session, key, scope=scope, by="reader", reason="confirmed as a new address", now=now
    )
