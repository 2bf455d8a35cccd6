"""A person's rights: everything kept about an address, and its erasure (R 5.8)."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, inspect, or_, select, update
from sqlalchemy.orm import Session

from newsletter_service import audit, journal, suppression
from newsletter_service.address import Address, as_stored, parse
from newsletter_service.extensions import Base, db
from newsletter_service.models import (
    AddressChange,
    BounceEvent,
    BounceMessage,
    BounceState,
    ConsentEvent,
    Delivery,
    FieldValue,
    Issue,
    JournalKind,
    ListField,
    Notice,
    PersonalValue,
    ProviderEvent,
    SignUp,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
    Token,
    TokenPurpose,
    writing,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.subscribers.readers import key_of

MESSAGES_AT_ONCE = 50


def export(address_text: str) -> dict[str, Any]:
    """Everything kept about an address, as plain JSON values. Raises `InvalidAddress`."""
    session = db.session()
    address = parse(address_text)
    key = key_of(address)
    reader = _reader(session, key)
    reader_id = reader.id if reader is not None else 0
    return {
        "address": address.as_typed,
        "subscriber": _plain(reader) if reader is not None else None,
        "subscriptions": _rows(session, Subscription, Subscription.subscriber_id == reader_id),
        "consent": _rows(session, ConsentEvent, ConsentEvent.subscriber_id == reader_id),
        "answers": _answers(session, reader_id),
        "deliveries": _deliveries(session, reader_id),
        "personal_values": _rows(
            session, PersonalValue, PersonalValue.subscription_id.in_(_subscriptions(reader_id))
        ),
        "address_changes": _rows(
            session,
            AddressChange,
            (AddressChange.subscriber_id == reader_id) | (AddressChange.address_key == key),
        ),
        "notices": _rows(session, Notice, Notice.address_key == key),
        "bounces": _rows(session, BounceEvent, _about(key, reader_id)),
        "sign_ups": _rows(session, SignUp, SignUp.address_key == key),
        "suppressions": _rows(session, Suppression, Suppression.address_key == key),
        "provider_events": _rows(session, ProviderEvent, _names(address)),
    }


def erase(address_text: str, actor: str, now: datetime) -> bool:
    """Forget a person; only the keyed hash stays, so that no import brings them back.

    The ledger keeps its counts under a number that no longer leads to anybody. Whether there
    was a subscriber. Raises `InvalidAddress`.
    """
    address = parse(address_text)
    key = key_of(address)
    naming = _set_aside(address)
    with writing() as session:
        reader = _reader(session, key)
        _forget_mail(session, key, reader.id if reader is not None else 0)
        session.execute(delete(AddressChange).where(AddressChange.address_key == key))
        session.execute(delete(ProviderEvent).where(_names(address)))
        session.execute(delete(BounceMessage).where(BounceMessage.id.in_(naming)))
        if reader is not None:
            _forget_reader(session, reader.id)
        suppression.suppress(
            session,
            key,
            scope=WHOLE_ORGANISATION,
            reason=SuppressionReason.ERASED,
            source="erasure",
            now=now,
        )
        journal.note(session, JournalKind.ERASED, key, now)
        session.execute(
            update(Suppression).where(Suppression.address_key == key).values(evidence="")
        )
        audit.record(
            session, actor, "subscriber.erased", f"subscriber:{reader.id if reader else 0}"
        )
        return reader is not None


def _reader(session: Session, key: bytes) -> Subscriber | None:
    return session.scalars(select(Subscriber).where(Subscriber.address_key == key)).one_or_none()


def _about(key: bytes, reader_id: int) -> ColumnElement[bool]:
    """Bounces of an address, and of the addresses that its reader had before."""
    return or_(BounceEvent.address_key == key, BounceEvent.subscriber_id == (reader_id or -1))


def _forget_mail(session: Session, key: bytes, reader_id: int) -> None:
    messages = select(BounceEvent.message_id).where(_about(key, reader_id))
    session.execute(delete(BounceMessage).where(BounceMessage.id.in_(messages)))
    # still counted in its issue's report, but about nobody
    session.execute(
        update(BounceEvent)
        .where(_about(key, reader_id))
        .values(address_key=b"", subscriber_id=None, message_id=None, evidence="")
        .execution_options(synchronize_session=False)
    )
    for model in (Notice, SignUp):
        session.execute(delete(model).where(model.address_key == key))


def _names(address: Address) -> ColumnElement[bool]:
    """Events of providers that hold an address, as JSON writes it."""
    written = {json.dumps(text)[1:-1] for text in _spellings(address)}
    return or_(*(ProviderEvent.payload.icontains(each, autoescape=True) for each in written))


def _set_aside(address: Address) -> list[int]:
    """Stored messages that belong to nobody by a token, and name this address in plain text."""
    wanted = [text.lower().encode() for text in _spellings(address)]
    found: list[int] = []
    last = 0
    while page := _belonging_to_nobody(last):
        last = page[-1].id
        found += [row.id for row in page if any(each in row.raw.lower() for each in wanted)]
    return found


def _belonging_to_nobody(after: int) -> Sequence[BounceMessage]:
    nobodys = BounceMessage.state.in_((BounceState.UNMATCHED, BounceState.UNREADABLE))
    query = select(BounceMessage).where(nobodys, BounceMessage.id > after)
    page = db.session.scalars(query.order_by(BounceMessage.id).limit(MESSAGES_AT_ONCE)).all()
    db.session.expunge_all()
    db.session.rollback()
    return page


def _spellings(address: Address) -> set[str]:
    return {address.as_typed, address.normalised, as_stored(address.as_typed)}


def _forget_reader(session: Session, reader_id: int) -> None:
    mine = _subscriptions(reader_id)
    moving = select(AddressChange.id).where(AddressChange.subscriber_id == reader_id)
    of_theirs = or_(
        (Token.purpose == TokenPurpose.CONFIRM) & Token.subject_id.in_(mine),
        (Token.purpose == TokenPurpose.ADDRESS) & Token.subject_id.in_(moving),
        (Token.purpose == TokenPurpose.CHOICES) & (Token.subject_id == reader_id),
    )
    session.execute(delete(Token).where(of_theirs).execution_options(synchronize_session=False))
    # by issue, since the ledger is indexed by issue first; a reply may repeat the address
    session.execute(
        update(Delivery)
        .where(Delivery.issue_id.in_(select(Issue.id)), Delivery.subscriber_id == reader_id)
        .values(reply=None)
    )
    for answers in (FieldValue, PersonalValue):
        session.execute(delete(answers).where(answers.subscription_id.in_(mine)))
    for model in (AddressChange, ConsentEvent, Subscription):
        session.execute(delete(model).where(model.subscriber_id == reader_id))
    session.execute(delete(Subscriber).where(Subscriber.id == reader_id))


def _subscriptions(reader_id: int) -> Select[int]:
    return select(Subscription.id).where(Subscription.subscriber_id == reader_id)


def _answers(session: Session, reader_id: int) -> list[dict[str, Any]]:
    found = session.execute(
        select(ListField.list_id, ListField.key, ListField.label, FieldValue.value)
        .join(ListField, ListField.id == FieldValue.field_id)
        .join(Subscription, Subscription.id == FieldValue.subscription_id)
        .where(Subscription.subscriber_id == reader_id)
        .order_by(ListField.list_id, ListField.position)
    )
    return [dict(row._mapping) for row in found]


def _deliveries(session: Session, reader_id: int) -> list[dict[str, Any]]:
    # by issue, since the ledger is indexed by issue first
    found = session.scalars(
        select(Delivery).where(
            Delivery.issue_id.in_(select(Issue.id)), Delivery.subscriber_id == reader_id
        )
    )
    return [_plain(each) for each in found]


def _rows(session: Session, model: type[Base], condition: Any) -> list[dict[str, Any]]:
    return [_plain(each) for each in session.scalars(select(model).where(condition))]


def _plain(row: Base) -> dict[str, Any]:
    """A row's columns as JSON values, without keys and secrets of links."""
    values = {
        column.key: getattr(row, column.key)
        for column in inspect(type(row)).columns
        if column.key not in {"address_key", "handle", "sealed", "subject", "purpose_key"}
    }
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }
