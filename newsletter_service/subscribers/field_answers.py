"""What readers answer to a list's fields: checked as a form or a file says it, kept, and read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter_service.mail import clean
from newsletter_service.models import FieldKind, FieldValue, ListField
from newsletter_service.models.fields import LONGEST_ANSWER
from newsletter_service.models.many import among, insert_all
from newsletter_service.subscribers.fields import Unfit, folded

TICKED = "yes"
_TICKS = frozenset({"1", "yes", "y", "true", "on", "x", "ja", "j", "sant", "checked", "ikryssad"})
_NO_TICKS = frozenset({"", "0", "no", "n", "false", "off", "nej", "falskt", "unchecked", "-"})


def form_name(field: ListField) -> str:
    """What a form calls a field."""
    return f"field_{field.key}"


def from_form(fields: Iterable[ListField], form: Mapping[str, str]) -> dict[int, str]:
    """The answers of a form by the field's id, an empty text for what is not answered.

    Raises `Unfit`, whose faults are by `form_name`.
    """
    answers, faults = {}, {}
    for field in fields:
        try:
            answers[field.id] = answer(field, form.get(form_name(field), ""))
            if field.required and not answers[field.id]:
                faults[form_name(field)] = "missing"
        except Unfit as unfit:
            faults[form_name(field)] = unfit.faults[field.key]
    if faults:
        raise Unfit(faults)
    return answers


def answer(field: ListField, text: str) -> str:
    """What is kept of an answer: a choice by its value or its label, a tick by any usual word.

    Empty where there is none. Raises `Unfit` by the field's key.
    """
    text = " ".join(text.split())
    if not clean.is_harmless(text):
        raise Unfit({field.key: "characters"})
    if field.kind == FieldKind.CHECKBOX:
        return _tick(field, text)
    if field.kind == FieldKind.CHOICE:
        return _choice(field, text)
    if len(text) > LONGEST_ANSWER:
        raise Unfit({field.key: "too_long"})
    return text


def keep(session: Session, subscription_id: int, answers: Mapping[int, str]) -> None:
    """Put down a subscription's answers, by field, inside a verb; an empty one takes it away.

    Whoever calls has made sure that the reader asks: a stranger's form must not change what a
    confirmed reader has answered.
    """
    keep_many(session, {subscription_id: answers})


def keep_many(session: Session, answers: Mapping[int, Mapping[int, str]]) -> None:
    """The same for many subscriptions, in few statements; each names the same fields."""
    named = sorted({field_id for each in answers.values() for field_id in each})
    if not named:
        return
    # fields one by one and rows in one order: two writers never wait for each other in a circle
    for field_id in named:
        texts = {one: each[field_id] for one, each in sorted(answers.items()) if field_id in each}
        session.execute(
            delete(FieldValue).where(
                FieldValue.field_id == field_id,
                among(session, FieldValue.subscription_id, list(texts)),
            )
        )
        kept = {one: text for one, text in texts.items() if text}
        rows: dict[str, list[Any]] = {
            "subscription_id": list(kept),
            "value": list(kept.values()),
            "folded": [folded(text) for text in kept.values()],
        }
        insert_all(session, FieldValue, rows, {"field_id": field_id})


def hand_over(session: Session, old: int, new: int) -> None:
    """Within a transaction: what one subscription answered is the other's, which keeps its own."""
    answers = values_of(session, (old, new))
    added = {name: text for name, text in answers[old].items() if name not in answers[new]}
    session.execute(delete(FieldValue).where(FieldValue.subscription_id == old))
    keep(session, new, added)


def values_of(session: Session, subscription_ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """What subscriptions have answered, by subscription and field."""
    found: dict[int, dict[int, str]] = {each: {} for each in subscription_ids}
    rows = session.execute(
        select(FieldValue.subscription_id, FieldValue.field_id, FieldValue.value).where(
            FieldValue.subscription_id.in_(subscription_ids)
        )
    )
    for subscription_id, field_id, value in rows:
        found[subscription_id][field_id] = value
    return found


def shown_answer(field: ListField, value: str, locale: str) -> str:
    """An answer as people read it; a tick stays `TICKED`, which pages translate."""
    return field.said(value, locale)


def _tick(field: ListField, text: str) -> str:
    word = text.casefold()
    if word in _NO_TICKS:
        return ""
    if word in _TICKS or word in {folded(field.label), folded(field.label_en)}:
        return TICKED
    raise Unfit({field.key: "not_a_choice"})


def _choice(field: ListField, text: str) -> str:
    if not text:
        return ""
    word = folded(text)
    for each in field.choices:
        if word in {each["value"], folded(each["label"]), folded(each.get("label_en", ""))}:
            return each["value"]
    raise Unfit({field.key: "not_a_choice"})
