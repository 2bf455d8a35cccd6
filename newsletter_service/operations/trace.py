"""One reader's story in order, and for each issue why it came or did not (R 9.9).

Values only; `trace_words` says them. Found by the keyed hash of the address, so that it also
answers for somebody who was erased and is only known as suppressed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.address import parse
from newsletter_service.extensions import db
from newsletter_service.hiding import hidden
from newsletter_service.models import (
    BounceEvent,
    ConsentEvent,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    NewsletterList,
    Notice,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    utc_of_ms,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.subscribers.readers import key_of

ISSUES_LOOKED_AT = 60
RELEASED = (IssueState.SENDING, IssueState.PAUSED, IssueState.SENT, IssueState.CANCELLED)


@dataclass(frozen=True)
class Entry:
    """Something that happened; `code` is a sentence of `trace_words`, `kind` how good it is."""

    at: datetime
    code: str
    kind: str = "neutral"
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """Why one issue came or did not; `code` and `values` as in `Entry`."""

    issue_id: int
    number: int
    list_name: str
    code: str
    kind: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Story:
    """All that is known of an address. `subscriber_id` is None for one who is no subscriber."""

    subscriber_id: int | None
    entries: tuple[Entry, ...]
    answers: tuple[Answer, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the address is quite unknown."""
        return self.subscriber_id is None and not self.entries


def by_address(text: str) -> Story:
    """The story of an address. Raises `InvalidAddress`."""
    key = key_of(parse(text))
    reader = db.session.scalars(
        select(Subscriber).where(Subscriber.address_key == key)
    ).one_or_none()
    return _story(db.session(), key, reader)


def by_id(subscriber_id: int) -> Story | None:
    """The story of a subscriber; None when there is none with this id."""
    reader = db.session.get(Subscriber, subscriber_id)
    return None if reader is None else _story(db.session(), reader.address_key, reader)


def _story(session: Session, key: bytes, reader: Subscriber | None) -> Story:
    names = dict(session.execute(select(NewsletterList.id, NewsletterList.name)).all())
    bounces = session.scalars(
        select(BounceEvent).where(BounceEvent.address_key == key).order_by(BounceEvent.id)
    ).all()
    suppressions = session.scalars(
        select(Suppression).where(Suppression.address_key == key).order_by(Suppression.id)
    ).all()
    entries = [
        *_notices(session, key),
        *(_bounce(event) for event in bounces),
        *_suppressed(suppressions, names),
    ]
    answers: list[Answer] = []
    if reader is not None:
        entries += _consents(session, reader, names)
        answers = [_answer(told, bounces, suppressions) for told in _issues(session, reader, names)]
        entries += _sends(session, reader)
    return Story(
        subscriber_id=reader.id if reader else None,
        entries=tuple(sorted(entries, key=lambda entry: entry.at)),
        answers=tuple(answers),
    )


def _notices(session: Session, key: bytes) -> Iterator[Entry]:
    found = session.scalars(select(Notice).where(Notice.address_key == key).order_by(Notice.id))
    for notice in found:
        yield Entry(
            at=utc_of_ms(notice.settled_ms) if notice.settled_ms else notice.created_at,
            code=f"notice_{notice.state}",
            kind=_kind(notice.state),
            values={
                "notice": notice.kind,
                "reply": hidden(notice.reply or ""),
                "reason": str(notice.skip_reason or ""),
            },
        )


def _bounce(event: BounceEvent) -> Entry:
    return Entry(
        at=event.at,
        code=f"bounce_{event.kind}" if event.final else "bounce_delayed",
        kind="bad" if event.final else "wait",
        values={"reason": event.reason, "evidence": event.evidence},
    )


def _suppressed(found: Sequence[Suppression], names: dict[int, str]) -> Iterator[Entry]:
    for row in found:
        values = {
            "reason": str(row.reason),
            "list": "" if row.scope == WHOLE_ORGANISATION else names.get(row.scope, ""),
            "evidence": row.evidence,
            "source": row.source,
        }
        yield Entry(row.first_at, "suppressed", "bad", values)
        if row.released_at is not None:
            lifted = {"by": row.released_by, "why": row.release_reason} | values
            yield Entry(row.released_at, "released", "good", lifted)


def _consents(session: Session, reader: Subscriber, names: dict[int, str]) -> Iterator[Entry]:
    found = session.execute(
        select(ConsentEvent, Subscription.list_id)
        .outerjoin(Subscription, Subscription.id == ConsentEvent.subscription_id)
        .where(ConsentEvent.subscriber_id == reader.id)
        .order_by(ConsentEvent.id)
    )
    kinds = {"confirmed": "good", "withdrawn": "bad"}
    for event, list_id in found:
        yield Entry(
            at=event.at,
            code=f"consent_{event.kind}",
            kind=kinds.get(event.kind, "neutral"),
            values={"list": names.get(list_id, ""), "channel": event.channel},
        )


def _sends(session: Session, reader: Subscriber) -> Iterator[Entry]:
    """The deliveries that have come to an end or stand in doubt."""
    for delivery, issue in _deliveries(session, reader.id):
        if delivery.settled_ms is None:
            continue
        yield Entry(
            at=utc_of_ms(delivery.settled_ms),
            code=f"delivery_{delivery.state}",
            kind=_kind(delivery.state),
            values=_of_delivery(delivery, issue),
        )


def _deliveries(session: Session, reader_id: int) -> Sequence[tuple[Delivery, Issue]]:
    newest = (
        select(Issue.id)
        .where(Issue.state.in_(RELEASED))
        .order_by(Issue.id.desc())
        .limit(ISSUES_LOOKED_AT)
    )
    # issue by issue, since the ledger is indexed by issue first
    return session.execute(
        select(Delivery, Issue)
        .join(Issue, Issue.id == Delivery.issue_id)
        .where(
            Delivery.issue_id.in_(list(session.scalars(newest))),
            Delivery.subscriber_id == reader_id,
        )
    ).all()


@dataclass(frozen=True)
class _Told:
    issue: Issue
    list_name: str
    subscription: Subscription
    delivery: Delivery | None


def _issues(session: Session, reader: Subscriber, names: dict[int, str]) -> Iterator[_Told]:
    """The newest issues of every list the reader was ever on, newest first."""
    subscriptions = {each.list_id: each for each in reader.subscriptions}
    deliveries = {issue.id: delivery for delivery, issue in _deliveries(session, reader.id)}
    issues = session.scalars(
        select(Issue)
        .where(Issue.list_id.in_(subscriptions), Issue.state.in_(RELEASED))
        .order_by(Issue.id.desc())
        .limit(ISSUES_LOOKED_AT)
    )
    for issue in issues:
        yield _Told(
            issue, names[issue.list_id], subscriptions[issue.list_id], deliveries.get(issue.id)
        )


def _answer(
    told: _Told, bounces: Sequence[BounceEvent], suppressions: Sequence[Suppression]
) -> Answer:
    issue, delivery = told.issue, told.delivery
    code, kind, values = (
        _why_none(issue, told.subscription)
        if delivery is None
        else _why(delivery, issue, bounces, suppressions)
    )
    return Answer(
        issue_id=issue.id,
        number=issue.number,
        list_name=told.list_name,
        code=code,
        kind=kind,
        values={"number": issue.number} | values,
    )


_Why = tuple[str, str, dict[str, Any]]


def _why(
    delivery: Delivery,
    issue: Issue,
    bounces: Sequence[BounceEvent],
    suppressions: Sequence[Suppression],
) -> _Why:
    values = _of_delivery(delivery, issue)
    came_back = next(
        (each for each in bounces if (each.issue_id, each.n) == (issue.id, delivery.n)), None
    )
    if delivery.state == DeliveryState.ACCEPTED and came_back is not None and came_back.final:
        values |= {"reason": came_back.reason, "evidence": came_back.evidence}
        return ("came_back", "bad", values)
    if delivery.state == DeliveryState.SKIPPED:
        values["why"] = next((str(each.reason) for each in reversed(suppressions)), "")
        return (f"skipped_{delivery.skip_reason or 'internal_error'}", "bad", values)
    return (f"issue_{delivery.state}", _kind(delivery.state), values)


def _why_none(issue: Issue, subscription: Subscription) -> _Why:
    """Why there is no delivery at all: the audience is who was confirmed at the release."""
    released, ended = issue.released_at, subscription.ended_at
    confirmed = subscription.confirmed_at
    if ended is not None and released is not None and ended <= released:
        return ("left_before", "neutral", {"at": ended})
    if subscription.state == SubscriptionState.PENDING and confirmed is None:
        return ("never_confirmed", "bad", {"at": subscription.created_at})
    if confirmed is not None and released is not None and confirmed > released:
        return ("confirmed_after", "neutral", {"at": confirmed})
    if issue.state == IssueState.CANCELLED:
        return ("cancelled_before", "neutral", {})
    if issue.expanded_at is None:
        return ("not_reached_yet", "wait", {})
    return ("not_in_audience", "bad", {})


def _of_delivery(delivery: Delivery, issue: Issue) -> dict[str, Any]:
    return {
        "number": issue.number,
        "at": utc_of_ms(delivery.settled_ms) if delivery.settled_ms else None,
        "reply": hidden(delivery.reply or ""),
        "reason": str(delivery.skip_reason or ""),
        "tries": delivery.tries,
        "delivery": f"{delivery.issue_id}.{delivery.n}",
    }


def _kind(state: str) -> str:
    good = {DeliveryState.ACCEPTED: "good", DeliveryState.REFUSED: "bad"}
    bad = {DeliveryState.SKIPPED: "bad", DeliveryState.IN_DOUBT: "wait"}
    return (good | bad).get(DeliveryState(state), "wait")
