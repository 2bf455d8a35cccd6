"""Segments (*Urval*): saved, live filters over a list's readers.

A definition is a checked tree (`segment_tree`). It is compiled to a condition on `Subscription`
that both databases answer by index, so that a page can count while it is built and an audience
can be taken range by range.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from newsletter_service import audit
from newsletter_service.extensions import db
from newsletter_service.mail import clean
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    FieldKind,
    FieldValue,
    NewsletterList,
    Segment,
    Subscriber,
    Subscription,
    SubscriptionState,
    writing,
)
from newsletter_service.recently import Recently
from newsletter_service.subscribers import fields, segment_tree
from newsletter_service.subscribers.fields import Unfit, folded
from newsletter_service.subscribers.segment_tree import Known, Leaf, Tree

LONGEST_NAME = 100
LARGE = 50_000
_NEGATED = frozenset({"is_not", "empty", "not_on", "none"})
_OPS = {
    FieldKind.TEXT: segment_tree.TEXT_OPS,
    FieldKind.CHOICE: segment_tree.CHOICE_OPS,
    FieldKind.CHECKBOX: segment_tree.BOX_OPS,
}


class NoSuchSegment(LookupError):
    """There is no such segment, or it has been removed."""


def matching(session: Session, segment_id: int, now: datetime) -> ColumnElement[bool]:
    """The condition that a `Subscription` of the segment's list belongs to it at a moment.

    For an audience: `select(…).where(Subscription.list_id == …, segments.matching(…))`, by ranges
    of subscribers as cheap as by all at once. Raises `NoSuchSegment`.
    """
    segment = get(session, segment_id)
    return and_(Subscription.list_id == segment.list_id, condition(segment.definition, now))


def members(session: Session, segment_id: int, now: datetime) -> Select[int]:
    """The ids of the confirmed subscribers in a segment. Raises `NoSuchSegment`."""
    return select(Subscription.subscriber_id).where(
        Subscription.state == SubscriptionState.CONFIRMED,
        Subscription.legal_basis != "",
        matching(session, segment_id, now),
    )


_lately: Recently[int] = Recently(30.0, lambda found: found > LARGE)


def count(session: Session, list_id: int, definition: Mapping[str, Any], now: datetime) -> int:
    """How many readers of a list, who may be written to, a checked definition fits.

    A large number may be half a minute old.
    """
    key = (str(session.get_bind().engine.url), list_id, json.dumps(definition, sort_keys=True))
    return _lately.get(key, lambda: _counted(session, list_id, definition, now))


def _counted(session: Session, list_id: int, definition: Mapping[str, Any], now: datetime) -> int:
    by_sets = session.get_bind().dialect.name == "sqlite"
    if not by_sets:  # compiling takes longer than counting, and the sets of an "any" need room
        session.execute(text("SET LOCAL jit = off"))
        session.execute(text("SET LOCAL work_mem = '64MB'"))
    return (
        session.scalar(
            select(func.count())
            .select_from(Subscription)
            .where(
                Subscription.list_id == list_id,
                Subscription.state == SubscriptionState.CONFIRMED,
                Subscription.legal_basis != "",
                condition(definition, now, by_sets=by_sets),
            )
        )
        or 0
    )


def of_list(session: Session, list_id: int) -> list[Segment]:
    """A list's segments by name."""
    return list(
        session.scalars(
            select(Segment)
            .where(Segment.list_id == list_id, Segment.removed_at.is_(None))
            .order_by(func.lower(Segment.name), Segment.id)
        )
    )


def get(session: Session, segment_id: int) -> Segment:
    """A segment in use. Raises `NoSuchSegment`."""
    found = session.get(Segment, segment_id)
    if found is None or found.removed_at is not None:
        raise NoSuchSegment(segment_id)
    return found


def known(session: Session, list_id: int) -> Known:
    """What conditions of a list's segments may be about."""
    of = fields.of_list(session, list_id)
    return Known(
        fields={each.id: _OPS[FieldKind(each.kind)] for each in of},
        choices={
            each.id: [choice["value"] for choice in each.choices]
            for each in of
            if each.kind == FieldKind.CHOICE
        },
        lists=set(session.scalars(select(NewsletterList.id).where(NewsletterList.id != list_id))),
    )


def save(list_id: int, name: str, definition: Tree, *, actor: str, now: datetime) -> Segment:
    """Keep a new segment. Raises `Unfit` for its name and `NotASegment`."""
    with writing() as session:
        segment = Segment(list_id=list_id, created_at=now, created_by=actor[:254])
        _fill(session, segment, name, definition, now)
        session.add(segment)
        session.flush()
        audit.record(session, actor, "segment.made", f"list:{list_id}", segment=segment.id)
    return segment


def change(segment_id: int, name: str, definition: Tree, *, actor: str, now: datetime) -> Segment:
    """Keep a segment anew. Raises `NoSuchSegment`, `Unfit` for its name and `NotASegment`."""
    with writing() as session:
        segment = get(session, segment_id)
        _fill(session, segment, name, definition, now)
        audit.record(
            session, actor, "segment.changed", f"list:{segment.list_id}", segment=segment_id
        )
    return segment


def remove(segment_id: int, *, actor: str, now: datetime) -> None:
    """Take a segment out of use; issues sent to it still know its name. Raises `NoSuchSegment`."""
    with writing() as session:
        segment = get(session, segment_id)
        segment.removed_at = now
        audit.record(
            session, actor, "segment.removed", f"list:{segment.list_id}", segment=segment_id
        )


def any_field() -> bool:
    """Whether there is a field on any list: before that, segments are not shown."""
    return fields.any_at_all(db.session())


def condition(
    definition: Mapping[str, Any], now: datetime, *, by_sets: bool = False
) -> ColumnElement[bool]:
    """A checked tree as a condition on `Subscription`.

    Each reader is looked up by key, or with `by_sets` whoever fits is gathered first: quicker on
    SQLite where all are asked at once.
    """
    join, parts = next(iter(definition.items()))
    clauses = [
        _leaf(part, now, by_sets) if "about" in part else condition(part, now, by_sets=by_sets)
        for part in parts
    ]
    return and_(*clauses) if join == "all" else or_(*clauses)


def _fill(session: Session, segment: Segment, name: str, definition: Tree, now: datetime) -> None:
    name = " ".join(name.split())
    others = {folded(each.name) for each in of_list(session, segment.list_id) if each != segment}
    if not name:
        raise Unfit({"name": "missing"})
    if len(name) > LONGEST_NAME or not clean.is_harmless(name):
        raise Unfit({"name": "too_long" if clean.is_harmless(name) else "characters"})
    if folded(name) in others:
        raise Unfit({"name": "taken"})
    segment.definition = segment_tree.checked(definition, known(session, segment.list_id))
    segment.name, segment.changed_at = name, now


def _leaf(leaf: Leaf, now: datetime, by_sets: bool) -> ColumnElement[bool]:
    about, op = leaf["about"], leaf["op"]
    if about == "age":
        since = now - timedelta(days=leaf["days"])
        confirmed = Subscription.confirmed_at
        return confirmed <= since if op == "over" else confirmed > since
    if about == "field":
        outer, fitting = Subscription.id, _answered(leaf)
    elif about == "language":
        outer = Subscription.subscriber_id
        fitting = select(Subscriber.id).where(Subscriber.locale == leaf["value"])
    elif about == "list":
        outer, fitting = Subscription.subscriber_id, _on(leaf["list"])
    else:
        outer, fitting = Subscription.subscriber_id, _bounced(now - timedelta(days=leaf["days"]))
    negated = op in _NEGATED
    if by_sets:
        return outer.not_in(fitting) if negated else outer.in_(fitting)
    # by the subscription alone, whatever else the query around it joins
    one = fitting.where(fitting.selected_columns[0] == outer).correlate(Subscription).exists()
    return ~one if negated else one


def _answered(leaf: Leaf) -> Select[int]:
    answered = select(FieldValue.subscription_id).where(FieldValue.field_id == leaf["field"])
    if leaf["op"] in {"filled", "empty"}:
        return answered
    wanted = folded(leaf["value"])
    if leaf["op"] == "holds":
        return answered.where(FieldValue.folded.contains(wanted, autoescape=True))
    return answered.where(FieldValue.folded == wanted)


def _on(list_id: int) -> Select[int]:
    other = aliased(Subscription)
    return select(other.subscriber_id).where(
        other.list_id == list_id, other.state == SubscriptionState.CONFIRMED
    )


def _bounced(since: datetime) -> Select[Any]:
    return select(BounceEvent.subscriber_id).where(
        BounceEvent.subscriber_id.is_not(None),
        BounceEvent.at > since,
        BounceEvent.kind.in_((BounceKind.HARD, BounceKind.SOFT)),
        # what is held as an operator's outage says nothing about the reader
        BounceEvent.wave_id.is_(None),
    )
