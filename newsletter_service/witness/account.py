"""Holds the ledger against what the sink remembers (pure)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

RECOVERY_ALLOWED_S = 60.0
STOP_ALLOWED_S = 10.0


@dataclass(frozen=True)
class Account:
    """What became of the readers of one send with its strikes.

    `recovery_s` is the longest time from a strike until sending went on and nothing was held by
    the dead any more; `stop_s` how long those took that were told to stop.
    """

    fault: str
    strikes: int
    audience: int
    accepted: int
    lost: int
    double: int
    in_doubt: int
    doubt_allowed: int
    doubt_arrived: int
    recovery_s: float
    stop_s: float
    seconds: float
    balances: bool
    finished: bool

    @property
    def broken(self) -> list[str]:
        """The promises that did not hold, in words."""
        found = {
            f"{self.lost} readers are lost": self.lost > 0,
            f"{self.double} copies too many arrived": self.double > 0,
            f"{self.in_doubt} in doubt, {self.doubt_allowed} allowed": (
                self.in_doubt > self.doubt_allowed
            ),
            "the statement does not balance": not self.balances,
            "the issue was never finished": not self.finished,
            f"recovery took {self.recovery_s:.0f} s": self.recovery_s > RECOVERY_ALLOWED_S,
            f"stopping took {self.stop_s:.1f} s": self.stop_s > STOP_ALLOWED_S,
        }
        return [what for what, is_broken in found.items() if is_broken]

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self) | {"broken": self.broken}


@dataclass(frozen=True)
class Compared:
    """How ledger and sink differ."""

    lost: int
    double: int
    doubt_arrived: int


def compare(states: Mapping[str, str], arrived: Iterable[tuple[str, str]]) -> Compared:
    """`states` of the deliveries by address, `arrived` as recipient and Message-ID.

    Lost is who was accepted or never settled and has nothing. A copy for somebody who should
    have none, or under another Message-ID, is one too many.
    """
    pairs: Sequence[tuple[str, str]] = list(arrived)
    copies = Counter(recipient for recipient, _ in pairs)
    lost = sum(
        not copies[address]
        for address, state in states.items()
        if state not in {"in_doubt", "skipped", "refused"}
    )
    expected = {a for a, state in states.items() if state not in {"skipped", "refused"}}
    double = sum(copies.values()) - len(copies.keys() & expected)
    doubt_arrived = sum(states.get(address) == "in_doubt" for address in copies)
    return Compared(lost, double, doubt_arrived)
