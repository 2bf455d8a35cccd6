"""A segment as a form: rows in groups, read into a definition and written back.

Names: `join` and `join-0` say how groups and a group's conditions are joined; a condition is
`c-0-1-about`, `c-0-1-op`, `c-0-1-value`. `about`: `field:3`, `language`, `list`, `age`, `bounces`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_ABOUT = re.compile(r"c-(\d{1,3})-(\d{1,3})-about")
_FIRST_OP = {"language": "is", "list": "on", "age": "over", "bounces": "some"}
_DAYS = {"age": "30", "bounces": "90"}
_WITH_DAYS = frozenset({"age", "bounces"})


@dataclass
class Row:
    """One condition as it stands in the form."""

    about: str
    op: str = ""
    value: str = ""


@dataclass
class Group:
    """Conditions that stand together."""

    join: str = "all"
    rows: list[Row] = field(default_factory=list)


@dataclass
class Builder:
    """The whole form."""

    name: str = ""
    join: str = "all"
    groups: list[Group] = field(default_factory=lambda: [Group()])

    def act(self, do: str, form: Mapping[str, str]) -> None:
        """What a button of the form changes in it: `add-0`, `remove-0-1`, `group`."""
        verb, *where = do.split("-")
        numbers = [int(each) for each in where if each.isdigit() and len(each) < 4]
        if verb == "group":
            self.groups.append(Group())
        elif verb == "add" and numbers and numbers[0] < len(self.groups):
            about = form.get(f"new-{numbers[0]}", "")
            if about:
                new = Row(about, _FIRST_OP.get(about, ""), _DAYS.get(about, ""))
                self.groups[numbers[0]].rows.append(new)
        elif verb == "remove" and len(numbers) == 2:
            self._remove(*numbers)

    def definition(self) -> dict[str, Any]:
        """The tree that the form says, unchecked."""
        groups = [{each.join: [_leaf(row) for row in each.rows]} for each in self.groups]
        return {self.join: groups}

    def _remove(self, group: int, row: int) -> None:
        if group < len(self.groups) and row < len(self.groups[group].rows):
            del self.groups[group].rows[row]
            if not self.groups[group].rows and len(self.groups) > 1:
                del self.groups[group]


def read(form: Mapping[str, str]) -> Builder:
    """What was typed, in the order in which it stood."""
    found: dict[int, dict[int, Row]] = {}
    for key in form:
        match = _ABOUT.fullmatch(key)
        if match:
            n, m = int(match[1]), int(match[2])
            at = f"c-{n}-{m}"
            row = Row(form[key], form.get(f"{at}-op", ""), form.get(f"{at}-value", "").strip())
            found.setdefault(n, {})[m] = row
    count = max([*found, *_empty_groups(form)], default=0) + 1
    groups = [
        Group(_join(form.get(f"join-{n}")), [row for _m, row in sorted(found.get(n, {}).items())])
        for n in range(min(count, 20))
    ]
    return Builder(form.get("name", ""), _join(form.get("join")), groups)


def written(name: str, definition: Mapping[str, Any]) -> Builder:
    """A kept segment as a form."""
    join, groups = next(iter(definition.items()))
    made = []
    for each in groups:
        inner, leaves = next(iter(each.items()))
        made.append(Group(inner, [_row(leaf) for leaf in leaves]))
    return Builder(name, join, made)


def _empty_groups(form: Mapping[str, str]) -> Iterator[int]:
    for key in form:
        prefix, _dash, number = key.partition("-")
        if prefix == "join" and number.isdigit() and len(number) < 3:
            yield int(number)


def _join(text: str | None) -> str:
    return "any" if text == "any" else "all"


def _leaf(row: Row) -> dict[str, Any]:
    about, _colon, number = row.about.partition(":")
    leaf: dict[str, Any] = {"about": about, "op": row.op}
    if about == "field":
        return leaf | {"field": _number(number), "value": row.value}
    if about == "list":
        return leaf | {"list": _number(row.value)}
    if about in _WITH_DAYS:
        return leaf | {"days": _number(row.value)}
    return leaf | {"value": row.value}


def _row(leaf: Mapping[str, Any]) -> Row:
    about = leaf["about"]
    if about == "field":
        return Row(f"field:{leaf['field']}", leaf["op"], leaf.get("value", ""))
    value = leaf.get("list", leaf.get("days", leaf.get("value", "")))
    return Row(about, leaf["op"], str(value))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
