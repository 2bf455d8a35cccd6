"""Who an issue would reach now, and who is skipped and why; the gate decides again (P5)."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from newsletter_service.issues import selection
from newsletter_service.models import (
    Delivery,
    DeliveryState,
    Issue,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    db_stable_now_ms,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.recently import Recently
from newsletter_service.subscribers import segments

_R = SuppressionReason
KEPT_FOR_S = 30.0
LARGE = 50_000
_MAY_HAVE_IT = (DeliveryState.ACCEPTED, DeliveryState.DATA_STARTED, DeliveryState.IN_DOUBT)
# What a page says of a suppression: the mail does not arrive, or the address is barred.
UNREACHABLE = frozenset({_R.HARD_BOUNCE, _R.SOFT_BOUNCES})


@dataclass(frozen=True)
class Recipients:
    """The readers of a list with a legal basis; those of them who are suppressed, by reason, or

    have paused without being suppressed. `groundless` are confirmed and without a legal basis.
    """

    confirmed: int
    suppressed: dict[str, int] = field(default_factory=dict)
    paused: int = 0
    groundless: int = 0

    @property
    def skipped(self) -> int:
        """How many are not written to."""
        return sum(self.suppressed.values()) + self.paused

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
        return self.skipped - self.unreachable - self.paused

    @property
    def left_out(self) -> int:
        """How many confirmed readers are not written to, for whatever reason."""
        return self.skipped + self.groundless


_lately: Recently[Recipients] = Recently(KEPT_FOR_S, lambda found: found.confirmed > LARGE)


def of_issue(session: Session, issue: Issue, now: datetime) -> Recipients:
    """Who an issue would reach: its list or segment, or who got the issue that it corrects."""
    return of_list(session, issue.list_id, *_narrower(session, issue, now))


def meant(session: Session, issue: Issue, now: datetime) -> int:
    """How many a released issue is meant for, whether they have a delivery yet or not."""
    since = [Subscription.confirmed_at <= issue.released_at] if issue.released_at else []
    return confirmed(session, issue.list_id, *_narrower(session, issue, now), *since)


def audience(session: Session, issue: Issue, now: datetime) -> list[ColumnElement[bool]]:
    """Which `Subscription`s an issue is for, suppressed or not."""
    return [
        Subscription.list_id == issue.list_id,
        Subscription.state == SubscriptionState.CONFIRMED,
        Subscription.legal_basis != "",
        *_narrower(session, issue, now),
    ]


def _narrower(session: Session, issue: Issue, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if issue.corrects_id is not None:
        found.append(Subscription.subscriber_id.in_(had_it(issue.corrects_id)))
    chosen = selection.condition(session, issue, now)
    return found if chosen is None else [*found, chosen]


def lately(session: Session, issue: Issue, now: datetime) -> Recipients:
    """The same for pages; of a large list up to half a minute old."""
    said = json.dumps(issue.selection or selection.frozen(session, issue), sort_keys=True)
    key = (_where(session), issue.list_id, issue.corrects_id, issue.segment_id, said)
    return _lately.get(key, lambda: of_issue(session, issue, now))


def of_segment(session: Session, list_id: int, segment_id: int, now: datetime) -> Recipients:
    """Who would be reached if this segment were chosen, as `lately`.

    Raises `segments.NoSuchSegment`.
    """
    said = json.dumps(segments.get(session, segment_id).definition, sort_keys=True)
    fits = segments.matching(session, segment_id, now)
    key = (_where(session), list_id, None, segment_id, said)
    return _lately.get(key, lambda: of_list(session, list_id, fits))


def of_everybody(session: Session, list_id: int) -> Recipients:
    """Who would be reached if nothing were chosen, as `lately`."""
    key = (_where(session), list_id, None, None, "{}")
    return _lately.get(key, lambda: of_list(session, list_id))


def _where(session: Session) -> str:
    return str(session.get_bind().engine.url)


def confirmed(session: Session, list_id: int, *narrower: ColumnElement[bool]) -> int:
    """How many readers of a list may be written to, suppressed or not: from an index alone."""
    wanted = (
        *narrower,
        Subscription.list_id == list_id,
        Subscription.state == SubscriptionState.CONFIRMED,
        Subscription.legal_basis != "",
    )
    return session.scalar(select(func.count()).select_from(Subscription).where(*wanted)) or 0


def more_than(session: Session, list_id: int, number: int) -> bool:
    """Whether a list has more confirmed readers than that, without counting all of them."""
    one_more = (
        select(Subscription.id)
        .where(Subscription.list_id == list_id, Subscription.state == SubscriptionState.CONFIRMED)
        .offset(number)
        .limit(1)
    )
    return session.execute(one_more).first() is not None


def had_it(issue_id: int) -> Select[int]:
    """The subscribers who have an issue, or may have it."""
    return select(Delivery.subscriber_id).where(
        Delivery.issue_id == issue_id, Delivery.state.in_(_MAY_HAVE_IT)
    )


def of_list(session: Session, list_id: int, *narrower: ColumnElement[bool]) -> Recipients:
    """Count them; the suppressions are few, so they lead."""
    has_ground = Subscription.legal_basis != ""
    is_in = Subscription.state == SubscriptionState.CONFIRMED
    in_all, groundless = session.execute(
        select(func.count().filter(has_ground), func.count().filter(~has_ground))
        .select_from(Subscription)
        .where(Subscription.list_id == list_id, is_in, *narrower)
    ).one()
    # The few lead: as a sum the list is no way in, else SQLite walks all of its readers.
    wanted = [Subscription.list_id + 0 == list_id, is_in, has_ground, *narrower]
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
        .where(*wanted)
        .group_by(in_force.c.reason)
    )
    paused = session.scalar(
        select(func.count())
        .select_from(Subscription)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(
            *wanted,
            Subscription.paused_until_ms > db_stable_now_ms(),
            Subscriber.address_key.not_in(select(in_force.c.address_key)),
        )
    )
    suppressed = {str(reason): number for reason, number in rows}
    return Recipients(in_all, suppressed, paused or 0, groundless)
