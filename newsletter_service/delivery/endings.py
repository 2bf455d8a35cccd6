"""What becomes of a claim, in the words of the ledger: refused, deferred, skipped, given back."""

import logging
from typing import TYPE_CHECKING

from newsletter_service.delivery import control, refusals, retry
from newsletter_service.delivery.gatekeeper import Gatekeeper
from newsletter_service.delivery.groups import provider_of
from newsletter_service.delivery.ledger import Claim, Outcome
from newsletter_service.mail.smtp.errors import NotSent
from newsletter_service.mail.smtp.replies import Phase, Reply
from newsletter_service.models import DeliveryState, SkipReason

if TYPE_CHECKING:
    from newsletter_service.delivery.turn import Turn

log = logging.getLogger(__name__)

CRASHES_ALLOWED = 3
SENDER_FAULT_WAIT_MS = 15 * 60 * 1000
DOUBLED_CRASH_WAIT_MS = 60 * 1000
SOON_MS = 5000
_D = DeliveryState


class Endings:
    """Settles claims of one turn; everything is handed to the gatekeeper."""

    def __init__(self, turn: "Turn", gatekeeper: Gatekeeper) -> None:
        self._turn = turn
        self._settle = gatekeeper.settle

    def accepted(self, claim: Claim, relay_id: int, reply: Reply) -> None:
        """The relay took it."""
        breaker = self._turn.breaker
        watched = breaker.watches(claim.issue_id)
        provider = provider_of(claim.address or "") if watched else ""
        breaker.accepted(claim.issue_id, provider, relay_id)
        self._settle(Outcome(claim, _D.ACCEPTED, reply.code, reply.text))

    async def refused(self, claim: Claim, reply: Reply, phase: Phase) -> None:
        """The relay said no to this message: for now, for good, or for our own sake."""
        said = refusals.read(reply, phase)
        if refusals.is_about_speed(reply) and await self._turn.slow_down(claim, reply):
            self._defer(claim, reply)
        elif said.meaning in refusals.OURS:
            self._defer(claim, reply, SENDER_FAULT_WAIT_MS)
            if self._turn.breaker.sender_fault(claim.issue_id, provider_of(claim.address or "")):
                await self._pause_issue(claim, reply)
        elif said.retry:
            self._defer(claim, reply)
        else:
            self._settle(Outcome(claim, _D.REFUSED, reply.code, str(reply), phase=phase))

    def not_sent(self, claim: Claim, error: NotSent) -> None:
        """Certainly not accepted: as a 451 (R 2.32)."""
        self._settle(
            Outcome(claim, _D.DEFERRED, error.code, error.reason, wait_ms=self._wait_ms(claim))
        )

    def uncharged(self, claim: Claim, error: NotSent) -> None:
        """The relay closed on us or wants another log-in: tried again soon, charged to nobody."""
        self._settle(
            Outcome(claim, _D.DEFERRED, error.code, error.reason, wait_ms=SOON_MS, uncharged=True)
        )

    def in_doubt(self, claim: Claim, why: str) -> None:
        """The body left and nobody knows what became of it (R 2.38)."""
        self._settle(Outcome(claim, _D.IN_DOUBT, reply=why))

    def crashed(self, claim: Claim) -> None:
        """Its data made us fail: later again, and given up after the third time (P12)."""
        if claim.crashes + 1 >= CRASHES_ALLOWED:
            self.skip(claim, SkipReason.INTERNAL_ERROR)
            return
        wait = DOUBLED_CRASH_WAIT_MS * 2**claim.crashes
        self._settle(Outcome(claim, _D.DEFERRED, wait_ms=wait, crashed=True))

    def skip(self, claim: Claim, reason: SkipReason) -> None:
        """It will not be tried."""
        self._settle(Outcome(claim, _D.SKIPPED, skip_reason=reason))

    def give_back(self, claim: Claim, wait_ms: int = SOON_MS) -> None:
        """No body left: it waits again, as if nobody had had it."""
        self._settle(Outcome(claim, _D.PENDING, wait_ms=wait_ms))

    def _defer(self, claim: Claim, reply: Reply, least_ms: int = 0) -> None:
        wait = max(self._wait_ms(claim), least_ms)
        self._settle(Outcome(claim, _D.DEFERRED, reply.code, str(reply), wait_ms=wait))

    def _wait_ms(self, claim: Claim) -> int:
        seed = f"{claim.issue_id}:{claim.n}"
        return retry.wait_ms(claim.tries + 1, self._turn.settings.retry_seconds, seed)

    async def _pause_issue(self, claim: Claim, reply: Reply) -> None:
        log.error("circuit_open", extra={"issue_id": claim.issue_id, "smtp_code": reply.code})
        self._turn.halt("the relay refuses our mail for our own sake")
        reason = f"The relay refuses our mail, not the readers: {reply}"
        await self._turn.engine.sql(control.trip, claim.issue_id, reason)
