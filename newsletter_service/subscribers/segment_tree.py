"""The definition of a segment: a small tree of conditions, as JSON, checked. Pure.

Two storeys: `{"all": […]}` or `{"any": […]}` of groups, which are the same of conditions:

    {"about": "field", "field": 3, "op": "is", "value": "lab"}    also is_not, holds, filled, empty
    {"about": "language", "op": "is", "value": "en"}
    {"about": "list", "list": 2, "op": "on"}                      also not_on
    {"about": "age", "op": "over", "days": 30}                    also under
    {"about": "bounces", "op": "some", "days": 90}                also none
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Leaf = Mapping[str, Any]
Tree = dict[str, Any]

CONDITIONS_AT_MOST = 30
DAYS_AT_MOST = 36_500
LONGEST_VALUE = 200
TEXT_OPS = ("is", "is_not", "holds", "filled", "empty")
CHOICE_OPS = ("is", "is_not", "filled", "empty")
BOX_OPS = ("filled", "empty")
OPS: dict[str, tuple[str, ...]] = {
    "language": ("is",),
    "list": ("on", "not_on"),
    "age": ("over", "under"),
    "bounces": ("some", "none"),
}
_WITH_VALUE = frozenset({"is", "is_not", "holds"})


@dataclass(frozen=True)
class Known:
    """What conditions may be about: the ops of each field by id, the choices of those that have
    some, the other lists' ids and the languages."""

    fields: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    choices: Mapping[int, Collection[str]] = field(default_factory=dict)
    lists: Collection[int] = ()
    locales: Collection[str] = ("sv", "en")


class NotASegment(ValueError):
    """The tree cannot be kept; `faults` maps `group-condition` to a code.

    Codes: `unknown` (what it is about is gone), `missing`, `too_long`, `number`, `not_a_choice`;
    under an empty name `nothing` (no condition) or `too_many`.
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(f"No segment: {self.faults}.")


def leaves(definition: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every condition of a tree, whatever groups it stands in."""
    parts = definition.get("all", definition.get("any"))
    if parts is None:
        yield definition
        return
    for part in parts:
        yield from leaves(part)


def checked(definition: Mapping[str, Any], known: Known) -> Tree:
    """The tree as it is kept, without empty groups and what no condition needs.

    A condition that stands among the groups becomes a group of one. Raises `NotASegment`.
    """
    join, parts = _group(definition)
    faults: dict[str, str] = {}
    groups, number = [], 0
    for n, part in enumerate(parts):
        inner, conditions = _group(part) if _is_group(part) else ("all", [part])
        kept = []
        for m, condition in enumerate(conditions):
            number += 1
            if number > CONDITIONS_AT_MOST:
                raise NotASegment({"": "too_many"})
            leaf, fault = _condition(condition, known)
            faults |= {f"{n}-{m}": fault} if fault else {}
            kept.append(leaf)
        if kept:
            groups.append({inner: kept})
    if faults:
        raise NotASegment(faults)
    if not groups:
        raise NotASegment({"": "nothing"})
    return {join: groups}


def _is_group(part: object) -> bool:
    return isinstance(part, Mapping) and ("all" in part or "any" in part)


def _group(definition: Mapping[str, Any]) -> tuple[str, list[Any]]:
    join = "any" if "any" in definition else "all"
    parts = definition.get(join)
    if not isinstance(parts, list):
        raise NotASegment({"": "nothing"})
    return join, parts


def _condition(given: object, known: Known) -> tuple[Tree, str]:
    """A condition as it is kept, and what is wrong with it."""
    if not isinstance(given, Mapping):
        return {}, "unknown"
    about, op = given.get("about"), given.get("op")
    if about == "field":
        return _of_field(given, known)
    if about not in OPS or op not in OPS[str(about)]:
        return {}, "unknown"
    kept: Tree = {"about": about, "op": op}
    if about == "language":
        fault = "" if given.get("value") in known.locales else "missing"
        return kept | {"value": given.get("value")}, fault
    if about == "list":
        fault = "" if given.get("list") in known.lists else "missing"
        return kept | {"list": given.get("list")}, fault
    days = given.get("days")
    right = isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= DAYS_AT_MOST
    return kept | {"days": days}, "" if right else "number"


def _of_field(given: Leaf, known: Known) -> tuple[Tree, str]:
    number, op, value = given.get("field"), given.get("op"), given.get("value", "")
    if not isinstance(number, int) or op not in known.fields.get(number, ()):
        return {}, "unknown"
    kept: Tree = {"about": "field", "field": number, "op": op}
    if op not in _WITH_VALUE:
        return kept, ""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    kept["value"] = text
    if not text:
        return kept, "missing"
    if number in known.choices:
        return kept, "" if text in known.choices[number] else "not_a_choice"
    return kept, "too_long" if len(text) > LONGEST_VALUE else ""
