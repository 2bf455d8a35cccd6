"""Why a reader may be written to (R 5.1): seen, counted, and changed by hand with its evidence."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.models import (
    ConsentKind,
    LegalBasis,
    Subscription,
    SubscriptionState,
    writing,
)
from newsletter_service.subscribers import consent
from newsletter_service.subscribers.consent import Act, RequestContext

LONGEST = 500


class NoEvidence(ValueError):
    """A legal basis without a word on what it rests on."""


class NoSuchSubscription(LookupError):
    """There is none by this number."""


def change(
    subscription_id: int, basis: LegalBasis | None, evidence: str, *, actor: str, now: datetime
) -> None:
    """Say what the subscription rests on; None means nothing, and no issue goes to it.

    Raises `NoEvidence` and `NoSuchSubscription`.
    """
    evidence = " ".join("".join(filter(str.isprintable, evidence)).split())[:LONGEST]
    if not evidence:
        raise NoEvidence
    with writing() as session:
        subscription = session.get(Subscription, subscription_id, with_for_update=True)
        if subscription is None:
            raise NoSuchSubscription
        before = subscription.legal_basis
        subscription.legal_basis, subscription.basis_evidence = basis or "", evidence
        act = Act(subscription.subscriber.locale, RequestContext(channel="desk"), now)
        consent.record(
            session,
            subscription,
            ConsentKind.CHANGED,
            act,
            legal_basis=basis or "",
            was=before,
            evidence=evidence,
        )
        audit.record(
            session,
            actor,
            "subscription.basis_changed",
            f"subscription:{subscription_id}",
            basis=basis or "",
        )


def counts(session: Session) -> dict[str, int]:
    """How many confirmed subscriptions rest on what; the empty text is no basis."""
    rows = session.execute(
        select(Subscription.legal_basis, func.count())
        .where(Subscription.state == SubscriptionState.CONFIRMED)
        .group_by(Subscription.legal_basis)
    )
    return {str(basis): number for basis, number in rows}
