"""A turn: what one send job does. It claims batches from SQL until its time is up."""

import asyncio
import gc
import logging
import math
import time
from datetime import UTC, datetime

from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from newsletter_service import queue, relays
from newsletter_service.delivery import brake, claims, control, groups, outlook, shares
from newsletter_service.delivery.batches import Batches
from newsletter_service.delivery.claims import Batched
from newsletter_service.delivery.engine import SendingEngine, engine_of
from newsletter_service.delivery.gatekeeper import Gatekeeper, LedgerLost
from newsletter_service.delivery.groups import Groups
from newsletter_service.delivery.lane import Lane
from newsletter_service.delivery.ledger import Claim, Outcome
from newsletter_service.delivery.letters import Letters
from newsletter_service.delivery.line import Line
from newsletter_service.delivery.outlook import Outlook
from newsletter_service.delivery.quotas import Quotas
from newsletter_service.mail.dkim_keys import DkimKeyError
from newsletter_service.mail.smtp.replies import Reply
from newsletter_service.models import DeliveryState, Relay
from newsletter_service.relays import Route, Routes

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
        self.letters = Letters(engine.settings, engine.keys, engine.dkim, engine.read)
        self.breaker = engine.breaker
        self.flow = engine.flow
        self.ends_at = time.monotonic() + engine.settings.turn_seconds
        self.routes: Routes
        self.halted = ""
        self.stranded_s = 0.0
        self.knows_groups = False
        self.quotas = Quotas(engine)
        self.lists: set[int] = set()
        self.closed_lists: frozenset[int] = frozenset()
        self.slowing: dict[str, tuple[float, bool]] = {}
        self.batches = Batches(engine)
        self.retries_at = self.looked_at = -math.inf
        self.line: Line | None = None
        self.sending = False

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
        if self.routes.is_open(route.id):
            log.warning("relay_left_alone", extra={"relay": route.name, "why": why})
        self.routes = self.routes.without(route.id, wait_ms)
        if not self.routes.any_open(for_notice=False):
            self.halt(why)

    def route_of(self, claim: Claim) -> Route | None:
        """The relay for a claim, or None when all that fit are closed."""
        return self.routes.choose(claim.address or "", for_notice=False, before=claim.relay_id)

    def strand(self, seconds: float) -> None:
        """What is left of this claim waits, at least so long."""
        self.stranded_s = min(self.stranded_s or seconds, seconds)

    async def slow_down(self, claim: Claim, reply: Reply) -> bool:
        """A reader's provider asked us to slow down; whether its group is known and does."""
        domain = (claim.address or "").rpartition("@")[2].lower()
        since, slowed = self.slowing.get(domain, (0.0, False))
        if time.monotonic() < since + LOOK_S:
            return slowed
        told = (domain, str(reply), datetime.now(UTC))
        slowed = await self.engine.sql(groups.slow_down, *told) is not None
        self.slowing[domain] = time.monotonic(), slowed
        if slowed:
            await self._look()
        return slowed

    async def run(self) -> bool:
        """Work until it is over or nothing is left; whether something could be claimed still."""
        gc.collect()  # what the turn before left in cycles: by itself the collector comes too late
        besides = [asyncio.ensure_future(act()) for act in (self.batches.prolong, self._watch)]
        try:
            left = await self._work()
        finally:
            for task in besides:
                task.cancel()
            await asyncio.gather(*besides, return_exceptions=True)
            await self.batches.let_go(SOON_MS if self.halted else 0)
            await self.quotas.give_back()
        if not left:
            await self.engine.leave_limits(self.engine.owner)
        return left

    async def _work(self) -> bool:
        while not self.over:
            if time.monotonic() > self.looked_at + LOOK_S:
                await self._look()
            # Without an open relay nothing is claimed: the sweep looks again in a while.
            if (
                self.halted
                or not self.routes.any_open(for_notice=False)
                or not await self._one_claim()
            ):
                return False
        await self.batches.let_go(SOON_MS if self.halted else 0)
        return await self.engine.read(claims.work_left)

    async def _look(self) -> None:
        """See how the relays stand, and whether somebody stopped the sending."""
        self.looked_at = time.monotonic()
        seen = await self.engine.read(outlook.look, self.settings)
        self.routes, self.closed_lists = seen.routes, seen.closed_lists
        if seen.held is not None:
            self.halt(f"stopped by {seen.held.actor}: {seen.held.reason}")
        await self._take_shares(seen)

    async def _take_shares(self, seen: Outlook) -> None:
        """Renew this worker's part of every limit; what is not renewed stays as it was."""
        if seen.groups and not self.knows_groups:
            self.flow.group_of = Groups(await self.engine.read(groups.learnt)).of
            self.knows_groups = True
        limits = seen.limits()
        granted = {}
        if limits:
            used = self.engine.in_use()
            granted = await self.engine.sql(shares.lease, self.engine.owner, limits, used)
        self.flow.domain_of = seen.senders
        more = await self.quotas.take(seen.plans)
        self.flow.allow(seen.allowed(granted, more, self.settings.smtp_connections))
        for plan in seen.plans:
            if not plan.left and not self.flow.quota(plan.what) and not plan.of_sender:
                self.routes = self.routes.without(plan.relay_id, plan.wait_ms)
        if self.closed_lists & self.lists:
            self.halt("the list's send window has closed")
        await self.engine.narrow()
        took, self.flow.took = self.flow.took, set()
        if seen.slowed:
            await self.engine.sql(_recover, took)

    async def _watch(self) -> None:
        """Look again every second, so that what operators change is obeyed in the middle of it."""
        while not self.over:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look()
            except SQLAlchemyError:
                log.exception("not_looked")

    async def _one_claim(self) -> bool:
        """Send a batch and those that join it, or what is due again; whether there was any."""
        first = time.monotonic() >= self.retries_at
        if first and await self._send_retries():
            return True
        batched = await self.batches.next(self.closed_lists)
        if batched is None:
            return not first and await self._send_retries()
        self.line, self.sending = None, True
        coming = asyncio.ensure_future(self._go_on(batched))
        try:
            await self._send(batched.claims, careful=batched.careful)
        finally:
            self.sending = False
            joined = await coming
            wait_ms = SOON_MS if self.halted else int(self.stranded_s * 1000)
            self.stranded_s = 0.0
            await self.batches.close([batched, *joined], wait_ms, self._note_relays())
        return True

    async def _send_retries(self) -> bool:
        """Send what was put off and is due; where nothing is, nobody asks again for a second."""
        owner, retried = await self.batches.retries(self.closed_lists)
        if retried.claims:
            await self._send(retried.claims, careful=retried.careful)
            await self._note_relays()
        else:
            self.retries_at = time.monotonic() + LOOK_S
        self.batches.forget(owner)
        return bool(retried.claims)

    async def _go_on(self, first: Batched) -> list[Batched]:
        """Claim the next batch ahead of time, again and again; those that joined the first."""
        joined: list[Batched] = []

        def left() -> int | None:
            if not self.sending or self.over or first.careful:
                return None
            return len(first.claims) if self.line is None else len(self.line)

        few = len(first.claims) // 2
        while ahead := await self.batches.claim_ahead(few, left, self.closed_lists):
            joins = len(first.claims) >= self.settings.smtp_connections and self._may_join(ahead)
            await self.letters.expect(ahead.claims, besides=joins)
            if not (joins and self.line is not None and self.line.extend(ahead.claims)):
                break
            self.lists |= {claim.list_id for claim in ahead.claims}
            joined.append(self.batches.join())
        return joined

    def _may_join(self, ahead: Batched) -> bool:
        """Whether a batch's claims may go over the sessions that are sending: lanes that end and
        begin anew cost as much as a tenth of a batch. What is due again must not wait for them.
        """
        wanted = {(claim.issue_id, claim.locale) for claim in ahead.claims}
        due = time.monotonic() >= self.retries_at
        return not (due or ahead.careful) and self.letters.has(wanted)

    async def _send(self, claimed: list[Claim], *, careful: bool) -> None:
        if not await self._load(claimed):
            return
        several = len(self.routes.configured) > 1
        line = self.line = Line(claimed, self.flow, self.route_of, several=several)
        # One at a time where a worker died before: the row that is touched is the one to blame.
        width = 1 if careful else min(len(claimed), self.settings.smtp_connections)
        gatekeeper = Gatekeeper(self.engine, width)
        lanes = [Lane(self, gatekeeper, line, careful=careful).run() for _ in range(width)]
        results = await asyncio.gather(*lanes, return_exceptions=True)
        wait_ms = max(SOON_MS, int(self.stranded_s * 1000))
        for claim in line.rest():
            if claim.retried:  # nobody took it; a batch gives its rows back by itself
                gatekeeper.settle(Outcome(claim, DeliveryState.PENDING, wait_ms=wait_ms))
        results += await asyncio.gather(gatekeeper.close(), return_exceptions=True)
        for result in results:
            if isinstance(result, LedgerLost):
                self.halt(str(result))
            elif isinstance(result, BaseException):
                raise result

    async def _load(self, claimed: list[Claim]) -> bool:
        """Have the editions ready; without the key that should sign them, none may leave."""
        self.lists = {claim.list_id for claim in claimed}
        wanted = {(claim.issue_id, claim.locale) for claim in claimed}
        if not self.letters.has(wanted):
            try:
                await self.engine.read(self.letters.load, wanted)
            except DkimKeyError as error:
                for issue_id in {issue_id for issue_id, _ in wanted}:
                    await self.engine.sql(control.trip, issue_id, str(error))
                self.halt(str(error))
                return False
        if not self.letters.expects(claimed):
            await self.letters.expect(claimed)
        return True

    async def _note_relays(self) -> None:
        """Tell the relays' rows what this claim learnt about them."""
        used, self.breaker.used = self.breaker.used, set()
        for relay_id in used:
            await self.engine.sql(_accepted, relay_id, datetime.now(UTC))


def _recover(connection: Connection, took: set[str]) -> None:
    groups.recover(connection, took)
    brake.speed_up(connection, Relay)


def _accepted(connection: relays.Executor, relay_id: int, now: datetime) -> None:
    relays.accepted(connection, relay_id, for_notice=False, now=now)
