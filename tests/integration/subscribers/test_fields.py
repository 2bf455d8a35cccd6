"""A list's own fields, and what readers answer, on both databases."""

import json

import pytest
from flask import Flask
from sqlalchemy import select

from newsletter_service.extensions import Base, db
from newsletter_service.models import (
    FieldKind,
    FieldValue,
    ListField,
    NewsletterList,
    Segment,
    writing,
)
from newsletter_service.subscribers import field_answers, fields, opt_in, privacy
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.fields import Choice, Definition, Unfit
from tests.integration.subscribers.parken import NOW, Desk

ADA = "ada@example.org"
ANNA = "anna@example.org"
AREA = Definition(
    "Område",
    FieldKind.CHOICE,
    "Area",
    (Choice("Energi", "Energy"), Choice("Hälsa & vård", "Health")),
)


def list_id(slug: str = "nytt") -> int:
    return db.session.scalars(select(NewsletterList.id).where(NewsletterList.slug == slug)).one()


def define(new: Definition) -> ListField:
    return fields.define(list_id(), new, actor=ADA, now=NOW)


def reader(desk: Desk) -> int:
    opt_in.subscribe("nytt", ANNA, "sv", RequestContext(), NOW)
    return desk.subscription(ANNA).id


def put_down(subscription_id: int, answers: dict[int, str]) -> None:
    with writing() as session:
        field_answers.keep(session, subscription_id, answers)


def answers_of(subscription_id: int) -> dict[int, str]:
    return field_answers.values_of(db.session(), [subscription_id])[subscription_id]


def test_a_field_has_a_key_of_its_own_and_stands_last(app: Flask) -> None:
    first, second = define(Definition("Organisation", FieldKind.TEXT)), define(AREA)
    assert (first.key, second.key) == ("organisation", "omrade")
    assert second.choices == [
        {"value": "energi", "label": "Energi", "label_en": "Energy"},
        {"value": "halsa_vard", "label": "Hälsa & vård", "label_en": "Health"},
    ]
    assert second.title("en") == "Area"
    fields.move(second.id, -1, actor=ADA)
    assert [each.key for each in fields.of_list(db.session(), list_id())] == [
        "omrade",
        "organisation",
    ]


@pytest.mark.parametrize(
    ("wrong", "faults"),
    [
        (Definition(" ", FieldKind.TEXT), {"label": "missing"}),
        (Definition("x" * 101, FieldKind.TEXT), {"label": "too_long"}),
        (Definition("Namn\x00", FieldKind.TEXT), {"label": "characters"}),
        (Definition("ORGANISATION", FieldKind.TEXT), {"label": "taken"}),
        (Definition("Val", FieldKind.CHOICE, choices=(Choice("Ett"),)), {"choices": "too_few"}),
        (
            Definition("Val", FieldKind.CHOICE, choices=(Choice("Ett"), Choice("ett"))),
            {"choices": "taken"},
        ),
    ],
)
def test_what_cannot_be_a_field_says_why(
    app: Flask, wrong: Definition, faults: dict[str, str]
) -> None:
    define(Definition("Organisation", FieldKind.TEXT))
    with pytest.raises(Unfit) as unfit:
        define(wrong)
    assert unfit.value.faults == faults


def test_answers_of_a_form_are_checked_and_kept(desk: Desk) -> None:
    text, choice = define(Definition("Organisation", FieldKind.TEXT, required=True)), define(AREA)
    box = define(Definition("Inbjudningar", FieldKind.CHECKBOX))
    every = fields.of_list(db.session(), list_id())
    typed = {
        "field_organisation": "  Labbet  AB ",
        "field_omrade": "Health",
        "field_inbjudningar": "on",
    }
    answers = field_answers.from_form(every, typed)
    subscription_id = reader(desk)
    put_down(subscription_id, answers)
    assert answers_of(subscription_id) == {
        text.id: "Labbet AB",
        choice.id: "halsa_vard",
        box.id: "yes",
    }
    put_down(subscription_id, field_answers.from_form(every, typed | {"field_inbjudningar": ""}))
    assert box.id not in answers_of(subscription_id)


@pytest.mark.parametrize(
    ("typed", "faults"),
    [
        ({}, {"field_organisation": "missing"}),
        ({"field_organisation": "x" * 201}, {"field_organisation": "too_long"}),
        ({"field_organisation": "a\x1bb"}, {"field_organisation": "characters"}),
        ({"field_organisation": "A", "field_omrade": "Annat"}, {"field_omrade": "not_a_choice"}),
    ],
)
def test_answers_that_do_not_fit_say_why(
    app: Flask, typed: dict[str, str], faults: dict[str, str]
) -> None:
    define(Definition("Organisation", FieldKind.TEXT, required=True))
    define(AREA)
    with pytest.raises(Unfit) as unfit:
        field_answers.from_form(fields.of_list(db.session(), list_id()), typed)
    assert unfit.value.faults == faults


def test_a_choice_is_renamed_with_its_answers_and_taken_away_with_them(desk: Desk) -> None:
    field = define(AREA)
    subscription_id = reader(desk)
    put_down(subscription_id, {field.id: "energi"})
    renamed = (Choice("El och värme", value="energi"), Choice("Vård", value="halsa_vard"))
    fields.change(field.id, Definition("Område", FieldKind.CHOICE, choices=renamed), actor=ADA)
    assert answers_of(subscription_id) == {field.id: "energi"}
    left = (Choice("", value="energi"), renamed[1], Choice("Nytt"))
    fields.change(field.id, Definition("Område", FieldKind.CHOICE, choices=left), actor=ADA)
    assert answers_of(subscription_id) == {}


def test_a_field_goes_with_its_answers_unless_a_segment_asks_for_it(desk: Desk) -> None:
    field = define(AREA)
    put_down(reader(desk), {field.id: "energi"})
    asks = {"all": [{"about": "field", "field": field.id, "op": "is", "value": "energi"}]}
    with writing() as session:
        segment = Segment(
            list_id=field.list_id, name="El", definition=asks, created_at=NOW, changed_at=NOW
        )
        session.add(segment)
    with pytest.raises(Unfit):
        fields.remove(field.id, actor=ADA)
    with writing() as session:
        session.get_one(Segment, segment.id).removed_at = NOW
    assert fields.remove(field.id, actor=ADA) == 1
    assert db.session.scalars(select(FieldValue)).all() == []


def test_r_5_8_answers_are_exported_and_erased_with_the_person(desk: Desk) -> None:
    field = define(Definition("Organisation", FieldKind.TEXT))
    put_down(reader(desk), {field.id: "Annas hemliga labb"})
    found = privacy.export(ANNA)
    assert json.loads(json.dumps(found)) == found
    assert [each["value"] for each in found["answers"]] == ["Annas hemliga labb"]
    privacy.erase(ANNA, ADA, NOW)
    for table in Base.metadata.sorted_tables:
        assert "hemliga labb" not in repr(db.session.execute(select(table)).all()).lower()
