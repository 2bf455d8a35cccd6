"""Refusals that are about us: too many pause the issue and suppress nobody (R 1.9b)."""

from collections import Counter, deque
from dataclasses import dataclass, field

IN_A_ROW = 5
IN_A_ROW_AT_ONE_PROVIDER = 10
LATELY = 60
TOO_MANY_LATELY = 30
ACTOR = "circuit breaker"


@dataclass
class Breaker:
    """Counts sender faults of each issue: in a row, in a row at one provider, and lately.

    Kept for the life of a worker, so that a slow send trips it too. `used` notes working relays.
    """

    used: set[int] = field(default_factory=set)
    _in_a_row: Counter[tuple[int, str]] = field(default_factory=Counter)
    _lately: dict[int, deque[bool]] = field(default_factory=dict)

    def accepted(self, issue_id: int, provider: str, relay_id: int) -> None:
        """The relay took a message."""
        self.used.add(relay_id)
        if not self.watches(issue_id):
            return
        self._in_a_row.pop((issue_id, ""), None)
        self._in_a_row.pop((issue_id, provider), None)
        self._lately[issue_id].append(False)

    def watches(self, issue_id: int) -> bool:
        """Whether anything of it was refused for our sake: seldom."""
        return issue_id in self._lately

    def sender_fault(self, issue_id: int, provider: str) -> bool:
        """One more refusal for our sake; whether that is too many."""
        lately = self._lately.setdefault(issue_id, deque(maxlen=LATELY))
        lately.append(True)
        self._in_a_row[issue_id, ""] += 1
        if provider:
            self._in_a_row[issue_id, provider] += 1
        tripped = (
            self._in_a_row[issue_id, ""] >= IN_A_ROW
            or self._in_a_row[issue_id, provider] >= IN_A_ROW_AT_ONE_PROVIDER
            or sum(lately) >= TOO_MANY_LATELY
        )
        if tripped:
            self._forget(issue_id)
        return tripped

    def _forget(self, issue_id: int) -> None:
        """When it is resumed the cause is mended: it starts anew."""
        del self._lately[issue_id]
        for key in [key for key in self._in_a_row if key[0] == issue_id]:
            del self._in_a_row[key]
