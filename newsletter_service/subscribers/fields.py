"""The fields of a list: what it asks its readers besides the address. Answers: `field_answers`."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.mail import clean
from newsletter_service.models import FieldKind, FieldValue, ListField, Segment, changed, writing
from newsletter_service.subscribers import field_uses, segment_tree
from newsletter_service.subscribers.segment_tree import Leaf

FIELDS_AT_MOST = 20
CHOICES_AT_MOST = 100
LONGEST_LABEL = 100


class NoSuchField(LookupError):
    """The list has no such field any more."""


class Unfit(ValueError):
    """Something cannot be kept; `faults` maps a field or a key to a code.

    Codes: `missing`, `too_long`, `characters`, `not_a_choice`, `too_many`, `too_few`, `taken`,
    `in_use` (by a segment).
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(f"Cannot be kept so: {self.faults}.")


class InLetters(Unfit):
    """A field cannot go while issues with these numbers ask for it: their words would change."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = tuple(numbers)
        super().__init__({"field": "in_use"})


@dataclass(frozen=True)
class Choice:
    """One answer to choose. An empty value is a new choice; one without a label is taken away."""

    label: str
    label_en: str = ""
    value: str = ""


@dataclass(frozen=True)
class Definition:
    """What a field is. The kind is settled when it is defined."""

    label: str
    kind: FieldKind
    label_en: str = ""
    choices: tuple[Choice, ...] = ()
    required: bool = False
    shown: bool = True


def of_list(session: Session, list_id: int, *, shown: bool = False) -> list[ListField]:
    """A list's fields in their order; with `shown`, those that its form asks for."""
    query = select(ListField).where(ListField.list_id == list_id)
    if shown:
        query = query.where(ListField.shown)
    return list(session.scalars(query.order_by(ListField.position, ListField.id)))


def names(asked: Iterable[ListField]) -> dict[int, list[str]]:
    """What a file may call each field: its key, or its label in either language."""
    return {each.id: [each.key, each.label, each.label_en or each.label] for each in asked}


def any_at_all(session: Session) -> bool:
    """Whether any list has a field."""
    return session.scalar(select(ListField.id).limit(1)) is not None


def define(list_id: int, new: Definition, *, actor: str, now: datetime) -> ListField:
    """Add a field at the end of a list's. Raises `Unfit`."""
    choices = _checked(new)
    with writing() as session:
        others = of_list(session, list_id)
        if len(others) >= FIELDS_AT_MOST:
            raise Unfit({"label": "too_many"})
        _refuse_twins(others, new.label)
        field = ListField(
            list_id=list_id,
            key=_free(slug(new.label), {each.key for each in others}),
            kind=new.kind,
            position=max((each.position for each in others), default=0) + 1,
            created_at=now,
        )
        _fill(field, new, choices)
        session.add(field)
        session.flush()
        audit.record(session, actor, "field.defined", f"list:{list_id}", key=field.key)
    return field


def change(field_id: int, new: Definition, *, actor: str) -> ListField:
    """Change everything of a field but its kind and its key.

    Answers of a choice that is taken away are taken away, too. Raises `Unfit` and `NoSuchField`.
    """
    with writing() as session:
        field = _get(session, field_id)
        choices = _checked(new, kind=FieldKind(field.kind))
        others = [each for each in of_list(session, field.list_id) if each.id != field_id]
        _refuse_twins(others, new.label)
        gone = {each["value"] for each in field.choices} - {each["value"] for each in choices}
        if gone & {str(each.get("value")) for each in _asked_for(session, field)}:
            raise Unfit({"choices": "in_use"})
        _fill(field, new, choices)
        if gone:
            session.execute(
                delete(FieldValue).where(
                    FieldValue.field_id == field_id, FieldValue.folded.in_(gone)
                )
            )
        audit.record(session, actor, "field.changed", f"list:{field.list_id}", key=field.key)
    return field


def remove(field_id: int, *, actor: str) -> int:
    """Take a field away with all its answers; how many there were.

    Raises `NoSuchField`, `Unfit` while a segment asks for it, and `InLetters` while an issue does
    that is written, planned or being sent.
    """
    with writing() as session:
        field = _get(session, field_id)
        if _asked_for(session, field):
            raise Unfit({"field": "in_use"})
        if numbers := field_uses.in_letters(session, field):
            raise InLetters(numbers)
        answers = changed(session, delete(FieldValue).where(FieldValue.field_id == field_id))
        session.delete(field)
        audit.record(
            session, actor, "field.removed", f"list:{field.list_id}", key=field.key, answers=answers
        )
        return answers


def move(field_id: int, steps: int, *, actor: str) -> None:
    """Move a field up (-1) or down (1) among its list's. Raises `NoSuchField`."""
    with writing() as session:
        field = _get(session, field_id)
        order = of_list(session, field.list_id)
        here = order.index(field)
        there = min(max(here + steps, 0), len(order) - 1)
        order.insert(there, order.pop(here))
        for position, each in enumerate(order, 1):
            each.position = position
        audit.record(session, actor, "field.moved", f"list:{field.list_id}", key=field.key)


def counted(session: Session, list_id: int) -> dict[int, int]:
    """How many have answered each field of a list."""
    rows = session.execute(
        select(FieldValue.field_id, func.count())
        .join(ListField, ListField.id == FieldValue.field_id)
        .where(ListField.list_id == list_id)
        .group_by(FieldValue.field_id)
    )
    return dict(rows.all())


def folded(text: str) -> str:
    """An answer as it is compared: without regard to capitals."""
    return unicodedata.normalize("NFC", text).casefold()


def slug(text: str) -> str:
    """`Vad gör du?` becomes `vad_gor_du`."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:32].strip("_") or "falt"


def _get(session: Session, field_id: int) -> ListField:
    found = session.get(ListField, field_id)
    if found is None:
        raise NoSuchField(field_id)
    return found


def _asked_for(session: Session, field: ListField) -> list[Leaf]:
    """The conditions of the list's segments that are about a field."""
    kept = session.scalars(
        select(Segment.definition).where(
            Segment.list_id == field.list_id, Segment.removed_at.is_(None)
        )
    )
    leaves = [leaf for definition in kept for leaf in segment_tree.leaves(definition)]
    return [leaf for leaf in leaves if leaf.get("field") == field.id]


def _fill(field: ListField, new: Definition, choices: list[dict[str, str]]) -> None:
    field.label = " ".join(new.label.split())
    field.label_en = " ".join(new.label_en.split())
    field.choices = choices
    field.required, field.shown = new.required, new.shown


def _refuse_twins(others: Iterable[ListField], label: str) -> None:
    if folded(" ".join(label.split())) in {folded(each.label) for each in others}:
        raise Unfit({"label": "taken"})


def _checked(new: Definition, kind: FieldKind | None = None) -> list[dict[str, str]]:
    """The choices as they are kept. Raises `Unfit`."""
    faults = {}
    for name, text in (("label", new.label), ("label_en", new.label_en)):
        if not clean.is_harmless(text.strip()):
            faults[name] = "characters"
        elif len(text.strip()) > LONGEST_LABEL:
            faults[name] = "too_long"
    if not new.label.strip():
        faults["label"] = "missing"
    choices: list[dict[str, str]] = []
    if (kind or new.kind) == FieldKind.CHOICE:
        choices, fault = _choices(new.choices)
        faults |= {"choices": fault} if fault else {}
    if faults:
        raise Unfit(faults)
    return choices


def _choices(wanted: Iterable[Choice]) -> tuple[list[dict[str, str]], str]:
    kept = [each for each in wanted if each.label.strip()]
    taken = {each.value for each in kept if each.value}
    made, labels = [], set()
    for each in kept:
        label, label_en = " ".join(each.label.split()), " ".join(each.label_en.split())
        if not (clean.is_harmless(label) and clean.is_harmless(label_en)):
            return [], "characters"
        if max(len(label), len(label_en)) > LONGEST_LABEL:
            return [], "too_long"
        if folded(label) in labels:
            return [], "taken"
        labels.add(folded(label))
        value = each.value or _free(slug(label), taken)
        taken.add(value)
        made.append({"value": value, "label": label, "label_en": label_en})
    if len(made) < 2:
        return [], "too_few"
    return (made, "") if len(made) <= CHOICES_AT_MOST else ([], "too_many")


def _free(wanted: str, taken: set[str]) -> str:
    if wanted not in taken:
        return wanted
    return next(each for n in range(2, 1000) if (each := f"{wanted}_{n}") not in taken)
