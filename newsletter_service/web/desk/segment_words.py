"""Segments in words: what conditions may be about, how they are chosen, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from newsletter_service.models import FieldKind, ListField, NewsletterList
from newsletter_service.web.i18n import number, page_locale

Options = list[tuple[str, str]]


@dataclass(frozen=True)
class Subject:
    """Something a condition may be about: its label, its ops, and how its value is given.

    `values` are what may be chosen; with `value_label` alone it is typed; `days` is a number.
    """

    label: str
    ops: Options
    value_label: str = ""
    values: Options | None = None
    days: bool = False


def subjects(
    fields: Sequence[ListField], others: Sequence[NewsletterList], locales: Sequence[str]
) -> dict[str, Subject]:
    """What conditions of a list's segments may be about, by the name that the form uses."""
    found = {f"field:{each.id}": _field(each) for each in fields}
    if len(locales) > 1:
        names = [("sv", _("Swedish")), ("en", _("English"))]
        found["language"] = Subject(_("Language"), [("is", _("is"))], _("Language"), names)
    if others:
        on = [("on", _("subscribes too")), ("not_on", _("does not subscribe"))]
        lists = [(str(each.id), each.title(page_locale())) for each in others]
        found["list"] = Subject(_("Another newsletter"), on, _("Newsletter"), lists)
    age = [("over", _("longer than")), ("under", _("shorter than"))]
    found["age"] = Subject(_("Has subscribed"), age, _("Days"), days=True)
    came = [("some", _("has come back")), ("none", _("has not come back"))]
    found["bounces"] = Subject(_("Mail"), came, _("In the last days"), days=True)
    return found


def sentence(definition: Mapping[str, Any], known: Mapping[str, Subject]) -> str:
    """What a definition says, for people."""
    join, groups = next(iter(definition.items()))
    said = []
    for each in groups:
        inner, leaves = next(iter(each.items()))
        parts = [_said(leaf, known) for leaf in leaves]
        text = _joined(parts, inner)
        said.append(f"({text})" if len(groups) > 1 and len(parts) > 1 else text)
    return _joined(said, join)


def faults() -> dict[str, str]:
    """What is wrong with a condition, in words."""
    return {
        "unknown": _("What this asks for is gone. Remove the condition."),
        "missing": _("Say what to compare with."),
        "too_long": _("This is too long. Shorten it and save again."),
        "number": _("Write a number of days, such as 30."),
        "not_a_choice": _("This choice is gone. Choose another."),
        "nothing": _("Add a condition first."),
        "too_many": _("These are more conditions than there may be."),
    }


def _field(field: ListField) -> Subject:
    label = field.title(page_locale())
    if field.kind == FieldKind.CHECKBOX:
        return Subject(label, [("filled", _("is ticked")), ("empty", _("is not ticked"))])
    ops = [("is", _("is")), ("is_not", _("is not"))]
    ops += [("holds", _("contains"))] if field.kind == FieldKind.TEXT else []
    ops += [("filled", _("is filled in")), ("empty", _("is empty"))]
    if field.kind == FieldKind.CHOICE:
        return Subject(label, ops, _("Choice"), field.options(page_locale()))
    return Subject(label, ops, _("Value"))


def _said(leaf: Mapping[str, Any], known: Mapping[str, Subject]) -> str:
    about = f"field:{leaf['field']}" if leaf["about"] == "field" else leaf["about"]
    subject = known.get(about)
    if subject is None:
        return str(_("something that is gone"))
    op = dict(subject.ops).get(leaf["op"], leaf["op"])
    if subject.days:
        return _days_said(leaf, op)
    value = str(leaf.get("list", leaf.get("value", "")))
    if subject.values is not None:
        value = dict(subject.values).get(value, value)
    if about == "list":
        return f"{op}: {value}"
    quoted = value if subject.values is not None else f"”{value}”"
    return f"{subject.label} {op} {quoted}" if value else f"{subject.label} {op}"


def _days_said(leaf: Mapping[str, Any], op: str) -> str:
    days = ngettext("%(n)s day", "%(n)s days", leaf["days"], n=number(leaf["days"]))
    if leaf["about"] == "age":
        return str(_("has subscribed %(longer)s %(days)s", longer=op, days=days))
    return str(_("mail %(came)s in the last %(days)s", came=op, days=days))


def _joined(parts: Sequence[str], join: str) -> str:
    word = _("or") if join == "any" else _("and")
    return f" {word} ".join(parts)
