"""Events of providers' webhooks: proven and stored in the request, understood in a worker.

A reader is found by our token in whatever the event carries, never by an address (R 4.3); each
event counts once, and the order in which they come does not matter (R 4.9).
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter_service import queue
from newsletter_service import settings as settings_module
from newsletter_service.bounces import certificates, effects, resolve
from newsletter_service.bounces.providers import PROVIDERS, Incoming, NotGenuine, Said, ses
from newsletter_service.bounces.resolve import Target
from newsletter_service.extensions import db
from newsletter_service.hiding import hidden
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    BounceState,
    Delivery,
    DeliveryState,
    Issue,
    ProviderEvent,
    Subscription,
    changed,
    ms_of,
    writing,
)
from newsletter_service.models.upsert import insert_new
from newsletter_service.settings import Settings
from newsletter_service.subscribers import opt_out
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.verdict_rules import Meaning

log = logging.getLogger(__name__)

AT_ONCE = 200
MOST_EVENTS = 2000
TRIES = 3
PATIENCE = timedelta(seconds=10)
# A time that a provider claims is believed within these bounds of its arrival.
OLDEST = timedelta(days=30)
_HARD = (Meaning.HARD, Meaning.HARD_TWICE)
_CONFIRM_TOPIC = "confirm-topic"


class CertificateWanted(Exception):
    """The signer's certificate is being fetched; the provider will send the event again."""


@dataclass(frozen=True)
class _Begun:
    """An event whose processing has begun."""

    provider: str
    event: dict[str, Any]
    received_at: datetime

    @property
    def topic_url(self) -> str:
        """What must be fetched to confirm a topic."""
        return str(self.event.get("SubscribeURL", "")) if self.provider == "ses" else ""


@dataclass(frozen=True)
class _Ending:
    """How an event ends: its state, the provider's word for it, a sentence for operators.

    `is_spent` where nothing more can be learnt from it, so that only the fact is kept.
    """

    state: BounceState
    name: str
    note: str = ""
    is_spent: bool = False


def secrets_of(provider: str, settings: Settings) -> tuple[str, ...]:
    """What proves a provider; empty where its webhook is not in use."""
    secrets: tuple[str, ...] = getattr(settings, f"{provider}_hook")
    return secrets


def accept(provider: str, request: Incoming) -> int:
    """Prove a request and keep its events for a worker; how many there were.

    Raises `NotGenuine`, `CertificateWanted`, or ValueError for a body that cannot be read.
    """
    door = PROVIDERS[provider]
    door.prove(request, secrets_of(provider, settings_module.current()))
    if provider == "ses":
        _prove_signature(request)
    events = door.split(request.body)[:MOST_EVENTS]
    if provider == "ses" and (url := ses.subscribe_url(request.body)):
        events = [(f"{_CONFIRM_TOPIC}/{url}"[:200], {"SubscribeURL": url})]
    _store(provider, events, request.at)
    return len(events)


def _prove_signature(request: Incoming) -> None:
    pem = certificates.known(ses.certificate_url(request.body), request.at)
    if pem is None:
        raise CertificateWanted
    if not ses.signed_by(request.body, pem):
        raise NotGenuine("the signature does not fit")


def _store(provider: str, events: list[tuple[str, dict[str, Any]]], now: datetime) -> None:
    rows = [
        {
            "provider": provider,
            "event_key": key,
            "payload": json.dumps(event).replace("\\u0000", ""),
            "state": BounceState.STORED,
            "name": "",
            "note": "",
            "tries": 0,
            "received_at": now,
        }
        for key, event in events
        if key
    ]
    if rows:
        with writing() as session:
            session.execute(insert_new(session, ProviderEvent).values(rows))
            queue.nudge("providers.process")


def overdue(now: datetime) -> bool:
    """Whether events wait whose nudge got lost."""
    waiting = select(ProviderEvent.id).where(
        ProviderEvent.state == BounceState.STORED, ProviderEvent.received_at < now - PATIENCE
    )
    return db.session.scalar(waiting.limit(1)) is not None


def process(now: datetime) -> int:
    """Act on what is stored, the oldest first; asks to be called again while there is more."""
    ids = db.session.scalars(
        select(ProviderEvent.id)
        .where(ProviderEvent.state == BounceState.STORED)
        .order_by(ProviderEvent.id)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    done = sum(_process_one(event_id, now) for event_id in ids)
    if done and len(ids) == AT_ONCE:
        queue.nudge_now([("providers.process", ())])
    return done


def _process_one(event_id: int, now: datetime) -> bool:
    begun = _begin(event_id, now)
    if begun is None:
        return False
    if begun.topic_url:
        note = certificates.confirm_topic(begun.topic_url)
        with writing() as session:
            return _end(
                session, event_id, _Ending(BounceState.PROCESSED, _CONFIRM_TOPIC, note), now
            )
    said = PROVIDERS[begun.provider].read(begun.event)
    with writing() as session:
        texts = resolve.texts_in(begun.event)
        target = resolve.find_in_words(session, settings_module.current(), texts)
        if target is not None and target.state == DeliveryState.DATA_STARTED:
            _wait(session, event_id)
            return False
        ending = _ending(said, target)
        if not _end(session, event_id, ending, now):
            return False
        if target is not None and said.kind != "other":
            _act(session, begun, said, target, now)
    return True


def _begin(event_id: int, now: datetime) -> _Begun | None:
    """Count a try by itself, so that an event that kills its worker counts too."""
    with writing() as session:
        row = session.get(ProviderEvent, event_id, with_for_update=True)
        if row is None or row.state != BounceState.STORED:
            return None
        if row.tries >= TRIES:
            row.state, row.processed_at = BounceState.UNREADABLE, now
            row.note = f"Reading it broke off {TRIES} times; the log says how."
            log.error("provider_event_given_up", extra={"event": event_id})
            return None
        row.tries += 1
        return _Begun(row.provider, json.loads(row.payload), row.received_at)


def _wait(session: Session, event_id: int) -> None:
    """The relay's reply is not in the ledger yet; nothing is charged."""
    session.execute(
        update(ProviderEvent)
        .where(ProviderEvent.id == event_id, ProviderEvent.state == BounceState.STORED)
        .values(tries=ProviderEvent.tries - 1)
    )


def _ending(said: Said, target: Target | None) -> _Ending:
    if said.kind == "other":
        note = "Nothing follows from events of this kind."
        return _Ending(BounceState.PROCESSED, said.name, note, is_spent=True)
    if target is None:
        note = "It carries no token of ours, or what it names is gone. Nothing was changed."
        return _Ending(BounceState.UNMATCHED, said.name, note)
    spent = said.kind in ("delivered", "unsubscribed")
    return _Ending(BounceState.PROCESSED, said.name, is_spent=spent)


def _end(session: Session, event_id: int, ending: _Ending, now: datetime) -> bool:
    statement = (
        update(ProviderEvent)
        .where(ProviderEvent.id == event_id, ProviderEvent.state == BounceState.STORED)
        .values(state=ending.state, name=ending.name[:64], note=ending.note[:300], processed_at=now)
    )
    if ending.is_spent:
        statement = statement.values(payload="")
    return changed(session, statement) == 1


def _act(session: Session, begun: _Begun, said: Said, target: Target, now: datetime) -> None:
    at = _believable(said.at, begun.received_at)
    effects.settle_doubt(session, target)
    if said.kind == "delivered":
        _arrived(session, target, at)
    elif said.kind == "unsubscribed":
        _unsubscribe(session, target, now)
    else:
        effects.take(session, target, _event(begun.provider, said, target, at), now)


def _event(provider: str, said: Said, target: Target, at: datetime) -> BounceEvent:
    event = effects.event_about(target, provider, at)
    event.final = said.final
    if said.judgement is None:
        event.kind, event.reason, event.evidence = BounceKind.COMPLAINT, "feedback", said.name
        return event
    judged = said.judgement
    hard = said.final and judged.meaning in _HARD
    event.kind = BounceKind.HARD if hard else BounceKind.SOFT
    event.reason, event.meaning = judged.reason, judged.meaning
    event.status, event.evidence = judged.status[:16], hidden(judged.evidence)[:500]
    return event


def _arrived(session: Session, target: Target, at: datetime) -> None:
    """Keep the first arrival; it clears what was counted against the reader before it (R 4.7)."""
    session.execute(
        update(Delivery)
        .where(
            Delivery.issue_id == target.issue_id,
            Delivery.n == target.n,
            Delivery.arrived_ms.is_(None),
        )
        .values(arrived_ms=ms_of(at))
    )


def _unsubscribe(session: Session, target: Target, now: datetime) -> None:
    """The provider's own link was used: the subscription that the copy was sent for ends."""
    issue = session.get(Issue, target.issue_id) if target.issue_id is not None else None
    subscription = session.scalars(
        select(Subscription).where(
            Subscription.subscriber_id == target.subscriber_id,
            Subscription.list_id == (issue.list_id if issue else None),
        )
    ).one_or_none()
    if subscription is not None and issue is not None:
        context = RequestContext(channel="other", form="provider")
        opt_out.end(session, subscription, context, now, issue_id=issue.id)


def _believable(claimed: datetime | None, received_at: datetime) -> datetime:
    if claimed is None or not received_at - OLDEST <= claimed <= received_at:
        return received_at
    return claimed
