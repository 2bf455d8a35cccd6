"""What an import is to do and what became of it: its plan, its rows left out, its report."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter_service.models import LegalBasis
from newsletter_service.subscribers.columns import Columns, Row

REPORTED_ROWS = 1000


class EvidenceMissing(ValueError):
    """Readers cannot be imported as confirmed without a word on what allows it (R 5.1, 5.6)."""


class Reason(StrEnum):
    """Why a row was not taken; of `ANSWER_UNFIT` only an answer was not."""

    INVALID_ADDRESS = "invalid_address"
    NO_READER = "no_reader"
    LEFT_THERE = "left_there"
    REPEATED = "repeated"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    ALREADY = "already_subscribed"
    WAITING = "waiting_for_confirmation"
    ANSWER_UNFIT = "answer_unfit"


@dataclass(frozen=True)
class NotTaken:
    """A row that was left out."""

    line: int
    reason: Reason


@dataclass(frozen=True)
class Plan:
    """What an import is to do: on which list, with which evidence, on whose word, how it reads.

    Without `columns` they are found by the headings. A dry run changes nothing.
    """

    slug: str
    confirmed: bool
    evidence: str
    actor: str
    file_name: str = ""
    columns: Columns | None = None
    encoding: str = ""
    dry: bool = False
    basis: LegalBasis = LegalBasis.CONSENT

    def check(self) -> None:
        """Raise `EvidenceMissing`, unless nobody is confirmed by it."""
        if self.confirmed and not self.dry and not self.evidence.strip():
            raise EvidenceMissing


@dataclass
class Report:
    """What became of a file's rows; `rows` names the first thousand of those not taken."""

    read: int = 0
    taken: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    rows: list[NotTaken] = field(default_factory=list)

    def add(self, read: int, outcome: "Outcome") -> None:
        """Count a block."""
        self.read += read
        self.taken += outcome.taken
        self.reasons.update(each.reason for each in outcome.left)
        self.rows += outcome.left[: max(0, REPORTED_ROWS - len(self.rows))]


@dataclass
class Outcome:
    """What became of one block."""

    taken: int = 0
    left: list[NotTaken] = field(default_factory=list)

    def leave_out(self, row: Row, reason: Reason) -> None:
        """A row that is not taken."""
        self.left.append(NotTaken(row.line, reason))
