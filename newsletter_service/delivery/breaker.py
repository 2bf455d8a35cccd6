"""Refusals that are about us: in a row they pause the issue and suppress nobody (R 1.9b)."""

from dataclasses import dataclass, field

IN_A_ROW = 5


@dataclass
class Breaker:
    """Counts sender faults in a row; an acceptance starts over. `used` notes working relays."""

    in_a_row: int = 0
    used: set[int] = field(default_factory=set)

    def accepted(self, relay_id: int) -> None:
        """The relay took a message."""
        self.in_a_row = 0
        self.used.add(relay_id)

    def sender_fault(self) -> bool:
        """One more refusal for our sake; whether that is too many."""
        self.in_a_row += 1
        return self.in_a_row >= IN_A_ROW
