"""The consent receipt: for one reader the chain of proofs, with the words as they were shown.

Answers "show that this person agreed" (GDPR 7.1) as data for a file and for a page.
"""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentEvent,
    Organisation,
    Subscriber,
    Subscription,
    Suppression,
    Wording,
    utc_of_ms,
)
from newsletter_service.subscribers import wordings

_PRIVACY = re.compile(r"sha256 ([0-9a-f]{64})")


def receipt(subscriber_id: int, now: datetime) -> dict[str, Any] | None:
    """Everything that proves a reader's consents, as plain JSON values; None for nobody."""
    session = db.session()
    reader = session.get(Subscriber, subscriber_id)
    if reader is None:
        return None
    organisation = session.get(Organisation, 1)
    events = list(
        session.scalars(
            select(ConsentEvent)
            .where(ConsentEvent.subscriber_id == reader.id)
            .order_by(ConsentEvent.at, ConsentEvent.id)
        )
    )
    texts = _texts(session, events)
    return {
        "controller": organisation.name if organisation else "",
        "made_at": now.isoformat(timespec="seconds"),
        "address": reader.address,
        "locale": reader.locale,
        "subscriptions": [
            _subscription(each, [one for one in events if one.subscription_id == each.id])
            for each in sorted(reader.subscriptions, key=lambda one: one.id)
        ],
        "suppressions": [_suppression(each) for each in _in_force(session, reader)],
        "texts": {digest: _text(found) for digest, found in sorted(texts.items())},
    }


def _subscription(subscription: Subscription, events: list[ConsentEvent]) -> dict[str, Any]:
    paused = subscription.paused_until_ms
    return {
        "id": subscription.id,
        "newsletter": subscription.newsletter.name,
        "state": str(subscription.state),
        "legal_basis": subscription.legal_basis,
        "basis_evidence": subscription.basis_evidence,
        "signed_up_at": _time(subscription.created_at),
        "confirmed_at": _time(subscription.confirmed_at),
        "ended_at": _time(subscription.ended_at),
        "paused_until": _time(utc_of_ms(paused)) if paused else None,
        "events": [_event(each) for each in events],
    }


def _event(event: ConsentEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "kind": str(event.kind),
        "at": _time(event.at),
        "channel": event.channel,
        "address_as_typed": event.address_as_typed,
        "ip": event.ip,
        "user_agent": event.user_agent,
        "form": event.form,
        "locale": event.locale,
        "wording": event.wording,
        "detail": dict(event.detail),
    }


def _texts(session: Session, events: list[ConsentEvent]) -> dict[str, Wording]:
    """The texts that the events name, and the texts on personal data that those led to."""
    shown = wordings.of(session, [each.wording for each in events if each.wording])
    linked = [digest for each in shown.values() for digest in _PRIVACY.findall(each.text)]
    return shown | wordings.of(session, linked)


def _text(found: Wording) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "locale": found.locale,
        "first_shown_at": _time(found.first_at),
        "text": found.text,
    }


def _in_force(session: Session, reader: Subscriber) -> list[Suppression]:
    return list(
        session.scalars(
            select(Suppression).where(
                Suppression.address_key == reader.address_key, Suppression.released_at.is_(None)
            )
        )
    )


def _suppression(row: Suppression) -> dict[str, Any]:
    return {"scope": row.scope, "reason": str(row.reason), "since": _time(row.first_at)}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
