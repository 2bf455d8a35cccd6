"""The values that pass between the turn, the gate and the ledger's SQL."""

from enum import StrEnum
from typing import NamedTuple

from newsletter_service.mail.smtp.replies import Phase
from newsletter_service.models import DeliveryState, SkipReason


class Claim(NamedTuple):
    """A claimed delivery with all that its message needs.

    `dated_ms` is set when an earlier try settled the Date. `retried` rows stand in the retry
    table; `relay_id` is the relay it was last tried through. `handle`, `address` and
    `address_key` are None when the subscriber is gone.
    """

    issue_id: int
    list_id: int
    n: int
    epoch: int
    tries: int
    crashes: int
    locale: str
    dated_ms: int | None
    relay_id: int | None
    subscriber_id: int
    address: str | None
    address_key: bytes | None
    handle: bytes | None
    batch_id: int
    retried: bool

    @property
    def key(self) -> tuple[int, int]:
        """The ledger's key."""
        return self.issue_id, self.n


class Start(NamedTuple):
    """A wish to let a body leave: the claim, through which relay, with which Date."""

    claim: Claim
    relay_id: int
    dated_ms: int


class Outcome(NamedTuple):
    """What became of a claim. `code` and `reply` are the relay's; `wait_ms` is for a deferral.

    An `uncharged` try does not count: the relay was closing or refused our log-in (R 2.32).
    """

    claim: Claim
    state: DeliveryState
    code: int | None = None
    reply: str = ""
    skip_reason: SkipReason | None = None
    wait_ms: int = 0
    crashed: bool = False
    uncharged: bool = False
    phase: Phase = Phase.RCPT

    @property
    def said(self) -> str:
        """The reply without NUL, which PostgreSQL takes in no text and a relay may say."""
        return self.reply.replace("\0", "")


class Answer(StrEnum):
    """What the gate says to a start."""

    PASSED = "passed"
    # it was settled: suppressed or unsubscribed meanwhile
    SKIPPED = "skipped"
    # the issue is paused or cancelled, or the relay closed: give the claim back
    STOPPED = "stopped"
    # somebody else has it now: forget it
    LOST = "lost"
