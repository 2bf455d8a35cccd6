"""Segments: what they fit, on both databases, and what cannot be one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from newsletter_service.extensions import db
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    FieldKind,
    NewsletterList,
    Subscriber,
    Subscription,
    SubscriptionState,
    writing,
)
from newsletter_service.subscribers import (
    bulk,
    field_answers,
    fields,
    segment_tree,
    segments,
)
from newsletter_service.subscribers.fields import Choice, Definition, Unfit
from newsletter_service.subscribers.segment_tree import NotASegment
from tests.integration.subscribers.parken import NOW, Desk

ADA = "ada@example.org"
LATER = NOW + timedelta(days=60)
NAMES = ("anna", "bo", "cilla", "dan")
Names = Callable[[dict[str, Any]], set[str]]


def ids(slug: str) -> int:
    return db.session.scalars(select(NewsletterList.id).where(NewsletterList.slug == slug)).one()


def add(desk: Desk, slug: str, names: tuple[str, ...], now: datetime) -> None:
    readers = [
        bulk.NewReader(desk.key(f"{name}@example.org"), f"{name}@example.org", "example.org", "sv")
        for name in names
    ]
    with writing() as session:
        bulk.add_confirmed(session, readers, bulk.Grounds(ids(slug), now, "", {}))


def answer(desk: Desk, name: str, field_id: int, text: str) -> None:
    subscription_id = desk.subscription(f"{name}@example.org").id
    with writing() as session:
        field_answers.keep(session, subscription_id, {field_id: text})


@pytest.fixture
def asked(desk: Desk) -> dict[str, int]:
    """Four readers of `nytt`, one of them of `jobb` too, and what they have answered."""
    add(desk, "nytt", NAMES[:3], NOW)
    add(desk, "nytt", NAMES[3:], LATER - timedelta(days=5))
    add(desk, "jobb", ("bo", "eva"), NOW)
    wanted = (
        Definition("Organisation", FieldKind.TEXT),
        Definition("Område", FieldKind.CHOICE, choices=(Choice("Energi"), Choice("Vård"))),
        Definition("Inbjudningar", FieldKind.CHECKBOX),
    )
    made = {each.kind: fields.define(ids("nytt"), each, actor=ADA, now=NOW).id for each in wanted}
    answer(desk, "anna", made["text"], "Ångström 100% AB")
    answer(desk, "bo", made["text"], "Labbet")
    answer(desk, "anna", made["choice"], "energi")
    answer(desk, "cilla", made["choice"], "vard")
    answer(desk, "bo", made["checkbox"], "yes")
    with writing() as session:
        session.execute(
            update(Subscriber).where(Subscriber.address.startswith("cilla")).values(locale="en")
        )
        reader = session.scalars(select(Subscriber.id).where(Subscriber.address.startswith("bo")))
        session.add(
            BounceEvent(
                address_key=b"x",
                subscriber_id=reader.one(),
                kind=BounceKind.SOFT,
                reason="full",
                source="test",
                at=LATER - timedelta(days=20),
            )
        )
    return made


@pytest.fixture
def fits(asked: dict[str, int]) -> Names:
    def names(definition: dict[str, Any]) -> set[str]:
        tree = segment_tree.checked(definition, segments.known(db.session(), ids("nytt")))
        found = db.session.scalars(
            select(Subscriber.address)
            .join(Subscription)
            .where(
                Subscription.list_id == ids("nytt"),
                Subscription.state == SubscriptionState.CONFIRMED,
                segments.condition(tree, LATER),
            )
        )
        said = {address.partition("@")[0] for address in found}
        assert segments.count(db.session(), ids("nytt"), tree, LATER) == len(said)
        return said

    return names


def test_a_condition_fits_whom_it_says(fits: Names, asked: dict[str, int]) -> None:
    text, choice, box = (
        {"about": "field", "field": asked[kind]} for kind in ("text", "choice", "checkbox")
    )
    everybody = set(NAMES)
    for leaf, expected in (
        (text | {"op": "is", "value": "LABBET"}, {"bo"}),
        (text | {"op": "is_not", "value": "Labbet"}, everybody - {"bo"}),
        (text | {"op": "holds", "value": "åNGstr"}, {"anna"}),
        (text | {"op": "holds", "value": "0%"}, {"anna"}),
        (text | {"op": "holds", "value": "_abbet"}, set()),
        (text | {"op": "filled"}, {"anna", "bo"}),
        (text | {"op": "empty"}, {"cilla", "dan"}),
        (choice | {"op": "is", "value": "energi"}, {"anna"}),
        (choice | {"op": "is_not", "value": "energi"}, everybody - {"anna"}),
        (box | {"op": "filled"}, {"bo"}),
        (box | {"op": "empty"}, everybody - {"bo"}),
        ({"about": "language", "op": "is", "value": "en"}, {"cilla"}),
        ({"about": "list", "op": "on", "list": ids("jobb")}, {"bo"}),
        ({"about": "list", "op": "not_on", "list": ids("jobb")}, everybody - {"bo"}),
        ({"about": "age", "op": "over", "days": 30}, everybody - {"dan"}),
        ({"about": "age", "op": "under", "days": 30}, {"dan"}),
        ({"about": "bounces", "op": "some", "days": 30}, {"bo"}),
        ({"about": "bounces", "op": "some", "days": 10}, set()),
        ({"about": "bounces", "op": "none", "days": 30}, everybody - {"bo"}),
    ):
        assert fits({"all": [leaf]}) == expected, leaf


def test_groups_are_joined_by_all_and_by_any(fits: Names, asked: dict[str, int]) -> None:
    energy = {"about": "field", "field": asked["choice"], "op": "is", "value": "energi"}
    english = {"about": "language", "op": "is", "value": "en"}
    young = {"about": "age", "op": "under", "days": 30}
    old = {"about": "age", "op": "over", "days": 30}
    assert fits({"any": [{"all": [energy]}, {"all": [english]}]}) == {"anna", "cilla"}
    assert fits({"all": [{"any": [energy, english, young]}, {"all": [old]}]}) == {"anna", "cilla"}
    assert fits({"all": [{"all": [energy, english]}, {"all": []}]}) == set()


@pytest.mark.parametrize(
    ("definition", "faults"),
    [
        ({}, {"": "nothing"}),
        ({"all": []}, {"": "nothing"}),
        ({"all": [{"any": []}]}, {"": "nothing"}),
        ({"all": [{"about": "weather", "op": "is"}]}, {"0-0": "unknown"}),
        ({"all": [{"about": "field", "field": 99, "op": "is", "value": "x"}]}, {"0-0": "unknown"}),
        ({"all": [{"about": "age", "op": "over", "days": 0}]}, {"0-0": "number"}),
        ({"all": [{"about": "age", "op": "over", "days": "1; DROP"}]}, {"0-0": "number"}),
        ({"all": [{"about": "list", "op": "on", "list": 99}]}, {"0-0": "missing"}),
        ({"all": [{"any": [{"any": [{"about": "age"}]}]}]}, {"0-0": "unknown"}),
        ({"all": [{"about": "age", "op": "over", "days": 1}] * 31}, {"": "too_many"}),
    ],
)
def test_what_is_no_segment_says_where_and_why(
    app: Flask, definition: dict[str, Any], faults: dict[str, str]
) -> None:
    with pytest.raises(NotASegment) as fault:
        segments.save(ids("nytt"), "Urval", definition, actor=ADA, now=NOW)
    assert fault.value.faults == faults


def test_a_segment_is_kept_changed_and_taken_out_of_use(desk: Desk) -> None:
    add(desk, "nytt", NAMES[:2], NOW)
    add(desk, "jobb", NAMES[:2], NOW)
    old = {"all": [{"about": "age", "op": "over", "days": 30}]}
    made = segments.save(ids("nytt"), " Gamla  vänner ", old, actor=ADA, now=NOW)
    assert made.name == "Gamla vänner"
    members = segments.members(db.session(), made.id, LATER)
    assert len(db.session.scalars(members).all()) == 2  # of this list alone
    with pytest.raises(Unfit, match="taken"):
        segments.save(ids("nytt"), "gamla vänner", old, actor=ADA, now=NOW)
    young = {"any": [{"about": "age", "op": "under", "days": 30}]}
    segments.change(made.id, "Nya", young, actor=ADA, now=NOW)
    assert db.session.scalars(segments.members(db.session(), made.id, LATER)).all() == []
    segments.remove(made.id, actor=ADA, now=NOW)
    assert segments.of_list(db.session(), ids("nytt")) == []
    with pytest.raises(segments.NoSuchSegment):
        segments.matching(db.session(), made.id, LATER)
