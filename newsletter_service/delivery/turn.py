"""A turn: what one send job does. It claims batches from SQL until its time is up."""

import asyncio
import logging
import time
from collections import deque
from datetime import UTC, datetime

from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from newsletter_service import queue, relays
from newsletter_service.delivery import claims, holds
from newsletter_service.delivery.breaker import Breaker
from newsletter_service.delivery.claims import Batched
from newsletter_service.delivery.engine import SendingEngine, engine_of
from newsletter_service.delivery.gatekeeper import Gatekeeper, LedgerLost
from newsletter_service.delivery.lane import Lane
from newsletter_service.delivery.ledger import Claim, Outcome
from newsletter_service.delivery.letters import Letters
from newsletter_service.delivery.pace import Pace
from newsletter_service.models import DeliveryState, Hold
from newsletter_service.relays import Route, Routes
from newsletter_service.settings import Settings

log = logging.getLogger(__name__)

SOON_MS = 5000
LOOK_S = 1.0


def take() -> None:
    """Send for `turn_seconds`, then nudge the next turn if anything is left."""
    engine = engine_of(current_app._get_current_object())  # type: ignore[attr-defined]
    left = engine.run(Turn(engine).run())
    if left and not engine.stopping.is_set():
        queue.nudge_now([("delivery.turn", ())])


class Turn:
    """One turn of one worker."""

    def __init__(self, engine: SendingEngine) -> None:
        self.engine = engine
        self.settings = engine.settings
        self.letters = Letters(engine.settings, engine.keys)
        self.breaker = Breaker()
        self.pace = Pace()
        self.ends_at = time.monotonic() + engine.settings.turn_seconds
        self.routes: Routes
        self.halted = ""
        self.stranded = False
        self.owner = engine.owner

    @property
    def over(self) -> bool:
        """Whether nothing new may be begun."""
        return self.engine.stopping.is_set() or bool(self.halted) or time.monotonic() > self.ends_at

    def halt(self, why: str) -> None:
        """Stop taking new messages in this turn; the reason is logged once."""
        if not self.halted:
            log.warning("turn_halted", extra={"why": why})
        self.halted = self.halted or why

    def leave_alone(self, route: Route, wait_ms: int, why: str) -> None:
        """Use a relay no more for a while; without another one the turn is over."""
        log.warning("relay_left_alone", extra={"relay": route.name, "why": why})
        self.routes = self.routes.without(route.id, wait_ms)
        if not self.routes.any_open(for_notice=False):
            self.halt(why)

    async def run(self) -> bool:
        """Work until it is over or nothing is left; whether something could be claimed still."""
        besides = [asyncio.ensure_future(act()) for act in (self._prolong, self._watch)]
        try:
            while not self.over:
                await self._look()
                # Without an open relay nothing is claimed: the sweep looks again in a while.
                if (
                    self.halted
                    or not self.routes.any_open(for_notice=False)
                    or not await self._one_claim()
                ):
                    return False
            return await self.engine.read(claims.work_left)
        finally:
            for task in besides:
                task.cancel()
            await asyncio.gather(*besides, return_exceptions=True)

    async def _look(self) -> None:
        """See how the relays stand, and whether somebody stopped the sending."""
        self.routes, held = await self.engine.read(_standing, self.settings)
        if held is not None:
            self.halt(f"stopped by {held.actor}: {held.reason}")

    async def _watch(self) -> None:
        """Look again every second, so that what operators change is obeyed in the middle of it."""
        while not self.over:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look()
            except SQLAlchemyError:
                log.exception("not_looked")

    async def _one_claim(self) -> bool:
        """Send one batch, or the retries that are due; whether there was anything."""
        engine = self.engine
        self.owner = engine.next_owner()
        retried = await engine.sql(claims.claim_retries, self.owner, engine.lease_ms)
        if retried.claims:
            await self._send(retried.claims, careful=retried.careful)
            return True
        batched = await engine.sql(claims.claim_batch, self.owner, engine.lease_ms)
        if batched is None:
            return False
        try:
            await self._send(batched.claims, careful=batched.careful)
        finally:
            await self._close(batched)
        return True

    async def _close(self, batched: Batched) -> None:
        wait_ms = SOON_MS if self.halted or self.stranded else 0
        self.stranded = False
        await self.engine.sql(claims.close_batch, batched, wait_ms)

    async def _send(self, claimed: list[Claim], *, careful: bool) -> None:
        await self._load(claimed)
        gatekeeper = Gatekeeper(self.engine)
        waiting = deque(claimed)
        # One at a time where a worker died before: the row that is touched is the one to blame.
        width = 1 if careful else min(len(claimed), self.settings.smtp_connections)
        lanes = [Lane(self, gatekeeper, waiting, careful=careful).run() for _ in range(width)]
        results = await asyncio.gather(*lanes, return_exceptions=True)
        for claim in waiting:
            if claim.retried:  # nobody took it; a batch gives its rows back by itself
                gatekeeper.settle(Outcome(claim, DeliveryState.PENDING, wait_ms=SOON_MS))
        results += await asyncio.gather(gatekeeper.close(), return_exceptions=True)
        for result in results:
            if isinstance(result, LedgerLost):
                self.halt(str(result))
            elif isinstance(result, BaseException):
                raise result
        await self._note_relays()

    async def _load(self, claimed: list[Claim]) -> None:
        """Have the editions ready, and this worker's share of the rate."""
        wanted = {(claim.issue_id, claim.locale) for claim in claimed}
        if not self.letters.has(wanted):
            await self.engine.read(self.letters.load, wanted)
        rates = [route.rate_per_second for route in self.routes.configured]
        slowest = min((rate for rate in rates if rate), default=0.0)
        sharers = await self.engine.read(claims.sharers, self.engine.owner) if slowest else 1
        self.pace.share(slowest, sharers)

    async def _note_relays(self) -> None:
        """Tell the relays' rows what this claim learnt about them."""
        used, self.breaker.used = self.breaker.used, set()
        for relay_id in used:
            await self.engine.sql(_accepted, relay_id, datetime.now(UTC))

    async def _prolong(self) -> None:
        """Keep the lease of what is in hand while the turn works; a failure is tried again."""
        while True:
            await asyncio.sleep(self.engine.lease_ms / 3000)
            try:
                await self.engine.sql(claims.prolong, self.owner, self.engine.lease_ms)
            except SQLAlchemyError:
                log.exception("lease_not_prolonged")


def _standing(connection: Connection, settings: Settings) -> tuple[Routes, Hold | None]:
    return relays.routes(connection, settings), holds.stopped(connection, holds.ISSUES)


def _accepted(connection: relays.Executor, relay_id: int, now: datetime) -> None:
    relays.accepted(connection, relay_id, for_notice=False, now=now)
