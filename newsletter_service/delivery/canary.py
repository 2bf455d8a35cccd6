"""A first wave (*provomgång*): staff and one reader in a hundred get an issue before the rest.

The wave is the first part of the expansion; the rest of the audience has no deliveries until the
wave has passed, so that nothing in the sending needs to know of it. It halts itself when too much
comes back, and goes on by itself when it was watched long enough, or when somebody says so.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Exists, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter_service import audit, queue
from newsletter_service import settings as settings_module
from newsletter_service.accounts import sending
from newsletter_service.address import InvalidAddress, address_key, parse
from newsletter_service.delivery.breaker import ACTOR
from newsletter_service.delivery.statement import tallies
from newsletter_service.extensions import db
from newsletter_service.issues import outcome, recipients
from newsletter_service.models import (
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Person,
    SkipReason,
    Subscriber,
    Subscription,
    writing,
)

log = logging.getLogger(__name__)

ONE_IN = 100
# Shares of the wave, and the least number that may say something about the rest.
MOST_LOST = 0.05
LEAST_LOST = 3
MOST_COMPLAINTS = 0.003  # R 1.8: at this rate the large providers turn against a sender
ERRORS = 1


class NotWaiting(ValueError):
    """No first wave of this issue is being watched."""


@dataclass(frozen=True)
class Wave:
    """What is known of a first wave."""

    size: int
    settled: int
    lost: int = 0
    complained: int = 0
    errors: int = 0

    @property
    def trouble(self) -> str:
        """Why the rest should not get it, a sentence that pages translate; empty if all is well."""
        if self.errors >= ERRORS:
            return f"The first wave was halted: {self.errors} copies could not be made."
        if self.lost >= LEAST_LOST and self.lost > MOST_LOST * self.size:
            return f"The first wave was halted: {self.lost} of {self.size} did not arrive."
        if self.complained and self.complained > MOST_COMPLAINTS * self.size:
            return f"The first wave was halted: {self.complained} of {self.size} complained."
        return ""


def belongs(session: Session, issue: Issue) -> ColumnElement[bool]:
    """Whether a `Subscription` is in the wave: spread over all, and the staff."""
    key = settings_module.current().address_key
    staff = []
    for email in session.scalars(select(Person.email).where(Person.disabled_at.is_(None))):
        try:
            staff.append(address_key(parse(email).normalised, key))
        except InvalidAddress:
            continue
    one_of_many = Subscription.subscriber_id % ONE_IN == issue.id % ONE_IN
    return or_(one_of_many, Subscriber.address_key.in_(staff)) if staff else one_of_many


def has_it(issue_id: int) -> Exists:
    """That a reader's delivery of the issue exists already, since the wave made it."""
    return exists().where(
        Delivery.issue_id == issue_id, Delivery.subscriber_id == Subscription.subscriber_id
    )


def is_watched(issue: Issue) -> bool:
    """Whether the rest of the issue waits for its first wave."""
    return issue.canary and issue.canary_n > 0 and issue.canary_passed_at is None


def rest(session: Session, issue: Issue, now: datetime) -> int:
    """How many get it after the wave: they are meant, and have no delivery yet."""
    if not is_watched(issue):
        return 0
    return max(0, recipients.meant(session, issue, now) - issue.audience)


def seen(session: Session, issue: Issue) -> Wave:
    """How the wave stands."""
    counted = tallies(session, issue.id)
    back = outcome.came_back(session, issue.id)
    errors = session.scalar(
        select(func.count()).where(
            Delivery.issue_id == issue.id,
            Delivery.state == DeliveryState.SKIPPED,
            Delivery.skip_reason == SkipReason.INTERNAL_ERROR,
        )
    )
    return Wave(
        size=sum(counted.values()),
        settled=sum(counted.values()) - counted["pending"],
        lost=counted["refused"] + back["bounced"],
        complained=back["complained"],
        errors=errors or 0,
    )


def judge_all(now: datetime) -> list[int]:
    """Halt waves in trouble, let go on what was watched long enough; issues that moved."""
    watched = db.session.scalars(
        select(Issue.id).where(
            Issue.state == IssueState.SENDING,
            Issue.canary.is_(True),
            Issue.canary_n > 0,
            Issue.canary_passed_at.is_(None),
        )
    ).all()
    db.session.rollback()
    return [issue_id for issue_id in watched if _judge(issue_id, now)]


def go_on(issue_id: int, *, actor: str, now: datetime) -> None:
    """Somebody says that the rest may have it; a halted wave goes on too. Raises `NotWaiting`."""
    with writing() as session:
        issue = session.get(Issue, issue_id, with_for_update=True)
        states = (IssueState.SENDING, IssueState.PAUSED)
        if issue is None or issue.state not in states or not is_watched(issue):
            raise NotWaiting
        if issue.state == IssueState.PAUSED:
            issue.move(IssueState.SENDING)
            issue.paused_reason = ""
        _pass(session, issue, actor, now)


def _judge(issue_id: int, now: datetime) -> bool:
    with writing() as session:
        issue = session.get(Issue, issue_id, with_for_update=True)
        if issue is None or issue.state != IssueState.SENDING or not is_watched(issue):
            return False
        wave = seen(session, issue)
        # Whoever lets a halted wave go on has seen the numbers: they halt nothing twice.
        if wave.trouble and issue.canary_halted_at is None:
            return _halt(session, issue, wave, now)
        if wave.settled < wave.size:
            return False
        minutes = sending.of_list(issue.newsletter).canary_minutes
        if issue.canary_until is None and minutes:
            issue.canary_until = now + timedelta(minutes=minutes)
            return True
        if issue.canary_until is not None and now >= issue.canary_until:
            _pass(session, issue, "scheduler", now)
            return True
        return False


def _halt(session: Session, issue: Issue, wave: Wave, now: datetime) -> bool:
    issue.move(IssueState.PAUSED)
    issue.paused_reason, issue.canary_halted_at = wave.trouble, now
    audit.record(session, ACTOR, "issue.paused", f"issue:{issue.id}", reason=wave.trouble)
    return True


def _pass(session: Session, issue: Issue, actor: str, now: datetime) -> None:
    issue.canary_passed_at = now
    audit.record(session, actor, "issue.canary_passed", f"issue:{issue.id}")
    queue.nudge("audience.expand", issue.id)
    queue.nudge("delivery.turn")
