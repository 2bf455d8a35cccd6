"""How many subscribe to a list, and how that changed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service.models import Subscription, SubscriptionState


@dataclass(frozen=True)
class Readers:
    """The confirmed readers of a list now, and who came and left since a moment."""

    confirmed: int
    came: int
    left: int

    @property
    def change(self) -> int:
        """How many more there are than at that moment."""
        return self.came - self.left


def of_list(session: Session, list_id: int, since: datetime) -> Readers:
    """Count a list's readers in one walk over its subscriptions."""
    is_in = Subscription.state == SubscriptionState.CONFIRMED
    is_out = Subscription.state == SubscriptionState.UNSUBSCRIBED
    row = session.execute(
        select(
            func.count().filter(is_in),
            func.count().filter(is_in, Subscription.confirmed_at >= since),
            func.count().filter(
                is_out, Subscription.ended_at >= since, Subscription.confirmed_at < since
            ),
        ).where(Subscription.list_id == list_id)
    ).one()
    return Readers(*row)
