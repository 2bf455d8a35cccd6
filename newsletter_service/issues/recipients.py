"""Who an issue would reach now, and who is skipped and why; the gate decides again (P5)."""

from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION

_R = SuppressionReason
# What a page says of a suppression: the mail does not arrive, or the address is barred.
UNREACHABLE = frozenset({_R.HARD_BOUNCE, _R.SOFT_BOUNCES})


@dataclass(frozen=True)
class Recipients:
    """The confirmed readers of a list, and how many of them are suppressed, by reason."""

    confirmed: int
    suppressed: dict[str, int] = field(default_factory=dict)

    @property
    def skipped(self) -> int:
        """How many are not written to."""
        return sum(self.suppressed.values())

    @property
    def reached(self) -> int:
        """How many are written to."""
        return max(0, self.confirmed - self.skipped)

    @property
    def unreachable(self) -> int:
        """How many are skipped because mail to them came back."""
        return sum(number for reason, number in self.suppressed.items() if reason in UNREACHABLE)

    @property
    def barred(self) -> int:
        """How many are skipped for any other reason."""
        return self.skipped - self.unreachable


def of_list(session: Session, list_id: int) -> Recipients:
    """Count them; the suppressions are few, so they lead."""
    confirmed = session.scalar(
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.list_id == list_id, Subscription.state == SubscriptionState.CONFIRMED)
    )
    in_force = (
        select(Suppression.address_key, func.min(Suppression.reason).label("reason"))
        .where(
            Suppression.scope.in_((WHOLE_ORGANISATION, list_id)), Suppression.released_at.is_(None)
        )
        .group_by(Suppression.address_key)
        .subquery()
    )
    rows = session.execute(
        select(in_force.c.reason, func.count())
        .join(Subscriber, Subscriber.address_key == in_force.c.address_key)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.list_id == list_id, Subscription.state == SubscriptionState.CONFIRMED)
        .group_by(in_force.c.reason)
    )
    return Recipients(confirmed or 0, {str(reason): number for reason, number in rows})
