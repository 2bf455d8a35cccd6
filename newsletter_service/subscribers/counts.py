"""How many subscribe to a list, and how that changed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service.models import Subscription, SubscriptionState
from newsletter_service.recently import Recently

LARGE = 50_000


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


_lately: Recently[Readers] = Recently(60.0, lambda found: found.confirmed > LARGE)


def of_list(session: Session, list_id: int, since: datetime) -> Readers:
    """Count a list's readers; of a large list up to a minute old."""
    key = (str(session.get_bind().engine.url), list_id, since.date())
    return _lately.get(key, lambda: _counted(session, list_id, since))


def _counted(session: Session, list_id: int, since: datetime) -> Readers:
    """Each number from the index alone."""
    on_it = select(func.count()).select_from(Subscription).where(Subscription.list_id == list_id)
    is_in = Subscription.state == SubscriptionState.CONFIRMED
    is_out = Subscription.state == SubscriptionState.UNSUBSCRIBED
    wanted = (
        on_it.where(is_in),
        on_it.where(is_in, Subscription.confirmed_at >= since),
        on_it.where(is_out, Subscription.ended_at >= since, Subscription.confirmed_at < since),
    )
    return Readers(*(session.scalar(query) or 0 for query in wanted))
