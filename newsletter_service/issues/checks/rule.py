"""What a rule of the check is: how much it weighs, how it looks, what it says, how it is mended."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from newsletter_service.issues.checks.case import Case

Values = dict[str, Any]
Found = Iterator[tuple[str, Values]]


class Level(StrEnum):
    """How much a finding weighs: it blocks, it is worth a look, or it is advice."""

    BLOCKS = "blocks"
    WARNS = "warns"
    TIP = "tip"


@dataclass(frozen=True)
class Correction:
    """What would mend a finding: words by (name, locale), values by (block, locale), blocks out."""

    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    values: Mapping[tuple[int, str], Mapping[str, Any]] = field(default_factory=dict)
    removed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule of the check: how much it weighs, how it looks, and its sentences.

    `look` yields a place, such as subject:sv or block:12, and the values of the sentences.
    `mend` says what would put a finding right, or None where a person must. `kind` tells a door
    that there is another way past it than mending.
    """

    name: str
    level: Level
    look: Callable[[Case], Found]
    what: Any
    remedy: Any
    mend: Callable[[Case, str, Values], Correction | None] | None = None
    kind: str = ""


def block_of(place: str) -> int:
    """The id in a place such as block:12; 0 where it is no block's."""
    name, _colon, number = place.partition(":")
    return int(number) if name == "block" and number.isdigit() else 0
