"""What an issue said at one moment, and what has changed between two of them, part by part.

Pure: takes and returns plain values, which are stored with each step of an approval.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

Content = Mapping[str, Any]
_WORDS = re.compile(r"\s+|[^\s]+")
ONLY_LOCALE = "only_locale"
TEXTS = ("subject", "preheader", "introduction")
# The settings of a block that are no words: what they were is not shown, only that they changed.
_SILENT = frozenset({"lead", "width", "height", "image_height"})


class Change(StrEnum):
    """What became of a part."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True)
class Run:
    """A stretch of words: kept (`=`), new (`+`) or gone (`-`)."""

    mark: str
    text: str


@dataclass(frozen=True)
class Difference:
    """One part that differs. `kind` is a block's kind or the name of a text; `lines` by field."""

    place: str
    kind: str
    change: Change
    lines: tuple[tuple[str, tuple[Run, ...]], ...] = ()


def between(before: Content, after: Content) -> list[Difference]:
    """Every part that differs, in the order in which the letter is read now."""
    if not before:
        return []
    found = [
        Difference(f"{name}:{locale}", name, Change.CHANGED, ((name, tuple(runs(*pair))),))
        for locale in {**before["texts"], **after["texts"]}
        for name in TEXTS
        if (pair := (_text(before, locale, name), _text(after, locale, name)))[0] != pair[1]
    ]
    old = {block["id"]: block for block in before["blocks"]}
    new = {block["id"]: block for block in after["blocks"]}
    moved = _moved([one for one in old if one in new], [one for one in new if one in old])
    for block_id, block in new.items():
        found += _of_block(old.get(block_id), block, moved=block_id in moved)
    return found + [
        Difference(f"block:{one}", block["kind"], Change.REMOVED, _whole(block, "-"))
        for one, block in old.items()
        if one not in new
    ]


def runs(before: str, after: str) -> Iterator[Run]:
    """The words of both, each marked as kept, new or gone."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    gone = come = ""
    opcodes = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    for number, (act, i, j, k, m) in enumerate(opcodes, 1):
        same = "".join(old[i:j]) if act == "equal" else ""
        # a blank between two changes belongs to them: word for word reads like a stammer
        if act != "equal" or (same.isspace() and (gone or come) and number < len(opcodes)):
            gone, come = gone + "".join(old[i:j]), come + "".join(new[k:m])
            continue
        yield from _change(gone, come)
        gone = come = ""
        yield Run("=", same)
    yield from _change(gone, come)


def _change(gone: str, come: str) -> Iterator[Run]:
    if gone:
        yield Run("-", gone)
    if come:
        yield Run("+", come)


def _of_block(old: Content | None, new: Content, *, moved: bool) -> list[Difference]:
    place = f"block:{new['id']}"
    if old is None:
        return [Difference(place, new["kind"], Change.ADDED, _whole(new, "+"))]
    lines = tuple(
        (name, () if name in _SILENT else tuple(runs(was, now)))
        for (name, was), now in zip(_fields(old, new), _said(new, old), strict=True)
        if was != now
    )
    if lines:
        return [Difference(place, new["kind"], Change.CHANGED, lines)]
    return [Difference(place, new["kind"], Change.MOVED)] if moved else []


def _fields(block: Content, other: Content) -> list[tuple[str, str]]:
    """The fields of a block in every language that either of the two has, in a steady order."""
    keys = [
        (locale, name)
        for locale in {**block["data"], **other["data"]}
        for name in {**block["data"].get(locale, {}), **other["data"].get(locale, {})}
    ]
    found = []
    for locale, name in sorted(keys):
        value = block["data"].get(locale, {}).get(name)
        found.append((name, "" if value in (None, False) else str(value)))
    if ONLY_LOCALE in block and ONLY_LOCALE in other:  # what was stored long ago does not say
        found.append((ONLY_LOCALE, str(block[ONLY_LOCALE])))
    return found


def _said(block: Content, other: Content) -> list[str]:
    return [text for _name, text in _fields(block, other)]


def _whole(block: Content, mark: str) -> tuple[tuple[str, tuple[Run, ...]], ...]:
    said = (one for one in _fields(block, block) if one[1] and one[0] not in _SILENT)
    return tuple((name, (Run(mark, text),)) for name, text in said)


def _moved(before: list[int], after: list[int]) -> set[int]:
    """The fewest parts that were taken elsewhere, so that the others kept their order."""
    kept = SequenceMatcher(a=before, b=after, autojunk=False).get_matching_blocks()
    return set(after) - {one for run in kept for one in after[run.b : run.b + run.size]}


def _text(content: Content, locale: str, name: str) -> str:
    return str(content["texts"].get(locale, {}).get(name, ""))
