"""Whose mail came back: by a token of ours, never by an address in a message (R 4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import tokens
from newsletter_service.bounces.formats.report import Report
from newsletter_service.mail import return_path
from newsletter_service.models import (
    Delivery,
    DeliveryState,
    Issue,
    Notice,
    Subscriber,
    Subscription,
)
from newsletter_service.settings import Settings
from newsletter_service.tokens import BadToken, DeliveryRef, LinkKeys, NoticeRef, UnsubscribeTarget

_UNSUBSCRIBE_PATH = "/unsubscribe/"
_CANDIDATE = re.compile(r"[A-Za-z2-7]{30,64}")
_MOST_TEXTS = 400


@dataclass(frozen=True)
class Target:
    """The copy that something came back for, and its reader; `address` is for comparing only."""

    address_key: bytes
    address: str
    state: DeliveryState
    subscriber_id: int | None = None
    issue_id: int | None = None
    n: int | None = None
    notice_id: int | None = None

    @property
    def domain(self) -> str:
        """The domain of the reader's address."""
        return self.address.rpartition("@")[2]


def is_ours(address: str, settings: Settings) -> bool:
    """Whether this is a return address that we made; asks no database."""
    if address.strip("<> ").rpartition("@")[2].lower() != settings.bounce_domain.lower():
        return False
    return _of_token(LinkKeys(settings.link_keys), return_path.token_of(address) or "") is not None


def find(session: Session, settings: Settings, envelope_to: str, report: Report) -> Target | None:
    """The copy a report is about: by its return address, or by what of ours it returns.

    In this order: the envelope, the report's own recipients, then the returned message's
    Return-Path, Message-ID and List-Unsubscribe, which relays that replace the sender leave us.
    """
    keys = LinkKeys(settings.link_keys)
    reference = _of_envelope(keys, envelope_to, report) or _of_returned(keys, report)
    if reference is not None:
        return _load(session, reference)
    return _of_unsubscribe(session, keys, report)


def find_in_words(session: Session, settings: Settings, texts: Iterable[str]) -> Target | None:
    """The copy that any of these texts names, by a return address or a Message-ID of ours.

    Providers carry the one or the other in fields of their own.
    """
    keys = LinkKeys(settings.link_keys)
    for text in texts:
        for candidate in _CANDIDATE.findall(text)[:20]:
            token = candidate.lower()
            found = _of_token(keys, token) or _of_token(keys, token, tokens.MESSAGE_ID)
            if found is not None:
                return _load(session, found)
    return None


def subscription_of(
    session: Session, named: UnsubscribeTarget | DeliveryRef
) -> Subscription | None:
    """The subscription that a link or a copy of an issue is about; None when it is gone."""
    if isinstance(named, UnsubscribeTarget):
        return session.scalars(
            select(Subscription).where(Subscription.handle == named.handle)
        ).one_or_none()
    return session.scalars(
        select(Subscription)
        .join(Delivery, Delivery.subscriber_id == Subscription.subscriber_id)
        .join(Issue, (Issue.id == Delivery.issue_id) & (Issue.list_id == Subscription.list_id))
        .where(Delivery.issue_id == named.issue_id, Delivery.n == named.n)
    ).one_or_none()


def texts_in(event: Mapping[str, Any]) -> Iterator[str]:
    """Every text in an event, at any depth, where a token may stand; bounded."""
    waiting: list[object] = [event]
    for _ in range(_MOST_TEXTS):
        if not waiting:
            return
        value = waiting.pop(0)
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value[:100]
        elif isinstance(value, str) and _CANDIDATE.search(value[:4000]):
            yield value[:4000]


def _of_envelope(
    keys: LinkKeys, envelope_to: str, report: Report
) -> DeliveryRef | NoticeRef | None:
    addresses = [envelope_to, *(f"{local}@" for local in report.tokens)]
    for address in addresses:
        found = _of_token(keys, return_path.token_of(address) or "")
        if found is not None:
            return found
    return None


def _of_returned(keys: LinkKeys, report: Report) -> DeliveryRef | NoticeRef | None:
    paths = [value for name, value in report.returned_headers if name == "return-path"]
    for path in paths[:5]:
        found = _of_token(keys, return_path.token_of(path) or "")
        if found is not None:
            return found
    token = report.returned_message_id.strip("<> ").rpartition("@")[0]
    return _of_token(keys, token, tokens.MESSAGE_ID)


def _of_token(
    keys: LinkKeys, token: str, purpose: tokens.Reference = tokens.RETURN_PATH
) -> DeliveryRef | NoticeRef | None:
    try:
        return tokens.read_reference(keys, token, purpose)
    except BadToken:
        return None


def _load(session: Session, reference: DeliveryRef | NoticeRef) -> Target | None:
    if isinstance(reference, NoticeRef):
        notice = session.get(Notice, reference.notice_id)
        if notice is None:
            return None
        return Target(notice.address_key, notice.address, notice.state, notice_id=notice.id)
    delivery = session.get(Delivery, (reference.issue_id, reference.n))
    return None if delivery is None else _of_delivery(session, delivery)


def _of_delivery(session: Session, delivery: Delivery) -> Target | None:
    reader = session.get(Subscriber, delivery.subscriber_id)
    if reader is None:
        return None
    return Target(
        reader.address_key,
        reader.address,
        delivery.state,
        subscriber_id=reader.id,
        issue_id=delivery.issue_id,
        n=delivery.n,
    )


def _of_unsubscribe(session: Session, keys: LinkKeys, report: Report) -> Target | None:
    """By the unsubscribe link of the returned message: feedback loops leave little else (R 4.5)."""
    values = [value for name, value in report.returned_headers if name == "list-unsubscribe"]
    for value in values[:5]:
        token = value.partition(_UNSUBSCRIBE_PATH)[2].partition(">")[0].strip()
        try:
            target = tokens.read_unsubscribe(keys, token)
        except BadToken:
            continue
        return _of_handle(session, target)
    return None


def _of_handle(session: Session, target: UnsubscribeTarget) -> Target | None:
    reader = session.scalars(
        select(Subscriber).join(Subscription).where(Subscription.handle == target.handle)
    ).one_or_none()
    if reader is None:
        return None
    delivery = session.scalars(
        select(Delivery).where(
            Delivery.issue_id == (target.issue_id or 0), Delivery.subscriber_id == reader.id
        )
    ).one_or_none()
    if delivery is not None:
        return _of_delivery(session, delivery)
    return Target(reader.address_key, reader.address, DeliveryState.ACCEPTED, reader.id)
