"""What a bench is, and the lines it gives (pure)."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Setting:
    """How to measure: `quick` looks whether it runs, `rounds` are taken of everything.

    `place` is a directory for this run, removed afterwards. `tell` shows progress to a person.
    `bounces` is a directory of messages to read, `score` the script that knows their labels,
    `readers` the most readers that any bench takes.
    """

    place: Path
    tell: Callable[[str], None]
    quick: bool = False
    rounds: int = 5
    bounces: Path | None = None
    score: Path | None = None
    readers: int | None = None

    def audience(self, number: int) -> int:
        """How many readers to take where `number` is meant: a twentieth when it is quick."""
        wanted = number // 20 if self.quick else number
        return min(wanted, self.readers) if self.readers else wanted


@dataclass(frozen=True)
class Line:
    """One measured figure: the median of `samples` in `unit`.

    `ratio` is to the line named in `against`, of the same run. `bar` is the least ratio that
    is promised; `most` the highest value that is. `detail` holds further figures by name.
    `exact` is what must hold however small the numbers are.
    """

    bench: str
    what: str
    unit: str
    samples: tuple[float, ...]
    against: str = ""
    ratio: float | None = None
    bar: float | None = None
    most: float | None = None
    exact: bool = False
    detail: dict[str, float | str] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The median."""
        return median(self.samples)

    @property
    def holds(self) -> bool | None:
        """Whether what is promised was reached; None where nothing is promised."""
        if self.bar is not None and self.ratio is not None:
            return self.ratio >= self.bar
        if self.most is not None:
            return self.value <= self.most
        return None

    def as_json(self) -> dict[str, Any]:
        """The line for programs."""
        return asdict(self) | {"value": self.value, "holds": self.holds}


@dataclass(frozen=True)
class Bench:
    """One part of the table: `run` measures and gives its lines."""

    name: str
    about: str
    run: Callable[[Setting], Iterable[Line]]


def missed(lines: Iterable[Line], *, quick: bool) -> list[Line]:
    """The lines whose promise does not hold; of a quick run only those that must always."""
    return [line for line in lines if line.holds is False and (line.exact or not quick)]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of rounds that were taken side by side."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))
