"""A lane: one connection's stream of messages. Envelope out, gate, body out, reply."""

import logging
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING

from newsletter_service import relays
from newsletter_service.address import InvalidAddress
from newsletter_service.delivery import claims, control, refusals, retry
from newsletter_service.delivery.engine import Stopped
from newsletter_service.delivery.gatekeeper import Gatekeeper
from newsletter_service.delivery.ledger import Answer, Claim, Outcome, Start
from newsletter_service.delivery.letters import parsed
from newsletter_service.delivery.ready import Ready
from newsletter_service.mail.smtp.connection import Connection
from newsletter_service.mail.smtp.dsn import DsnParams
from newsletter_service.mail.smtp.envelope import Ahead, Envelope, EnvelopeReply
from newsletter_service.mail.smtp.errors import (
    InDoubt,
    MalformedAddress,
    MalformedMessage,
    NeedsSmtpUtf8,
    NotSent,
    RelayRefusesUs,
    RelayUnavailable,
)
from newsletter_service.mail.smtp.replies import Phase, Reply
from newsletter_service.models import DeliveryState, SkipReason
from newsletter_service.relays import Route

if TYPE_CHECKING:
    from newsletter_service.delivery.turn import Turn

log = logging.getLogger(__name__)

CRASHES_ALLOWED = 3
SENDER_FAULT_WAIT_MS = 15 * 60 * 1000
DOUBLED_CRASH_WAIT_MS = 60 * 1000
SOON_MS = 5000
_D = DeliveryState


class Lane:
    """Takes claims from the shared queue until it is empty or the turn is over."""

    def __init__(
        self, turn: "Turn", gatekeeper: Gatekeeper, waiting: deque[Claim], *, careful: bool
    ) -> None:
        self.turn = turn
        self.gatekeeper = gatekeeper
        self.waiting = waiting
        self.careful = careful
        self.in_hand: Claim

    async def run(self) -> None:
        """Work; every claim taken is settled, given back, or left to its lease."""
        while self.waiting and not self.turn.over:
            claim = self.waiting.popleft()
            route = self._route(claim)
            if route is None:  # others may still have one: in trial mode it depends on the reader
                self._return(claim)
                self.turn.stranded = True
                continue
            self.in_hand = claim
            try:
                await self._send(claim, route)
            except Stopped:
                self._return(self.in_hand)
            except RelayRefusesUs as error:
                self._return(self.in_hand)
                await self._close_relay(route, error)
            except RelayUnavailable as error:
                self._return(self.in_hand)
                await self._back_off(route, error)

    def _route(self, claim: Claim) -> Route | None:
        return self.turn.routes.choose(claim.address or "", for_notice=False)

    async def _send(self, claim: Claim, route: Route) -> None:
        if claim.crashes >= CRASHES_ALLOWED:
            self._skip(claim, SkipReason.INTERNAL_ERROR)
            log.error("reader_skipped", extra={"issue_id": claim.issue_id, "n": claim.n})
            return
        if self.careful and not await self.turn.engine.sql(claims.mark_touched, claim):
            return
        ready = self._ready(claim, route)
        if ready is None:
            return
        engine = self.turn.engine
        await engine.pause(self.turn.pace.next_wait())
        async with engine.connection(route, self.turn.settings.smtp_connections) as connection:
            await self._streak(connection, ready, route)

    async def _streak(self, connection: Connection, ready: Ready, route: Route) -> None:
        """This message, and as many as follow right behind one another on the session."""
        taken = await self._taken(ready.claim, connection.envelope(*ready.envelope))
        while taken and await self._passes(connection, ready.start):
            following, ahead = self._following(connection, route)
            goes_on = False
            try:
                await self._body(connection, ready, ahead)
                goes_on = connection.follows
            finally:
                if following is not None and not goes_on:
                    self.waiting.appendleft(following.claim)
            if following is None or not goes_on:
                return
            ready, self.in_hand = following, following.claim
            taken = await self._taken(ready.claim, connection.followed())

    def _following(self, connection: Connection, route: Route) -> tuple[Ready | None, Ahead | None]:
        """The next message, if its envelope may leave right behind the one in hand."""
        most = self.turn.settings.smtp_messages_per_connection
        alone = self.careful or route.rate_per_second or connection.messages >= most
        while self.waiting and not alone and not self.turn.over:
            claim = self.waiting[0]
            if claim.crashes >= CRASHES_ALLOWED or self._route(claim) != route:
                break
            self.waiting.popleft()
            ready = self._ready(claim, route)
            if ready is None:
                continue
            with suppress(NotSent):  # what is wrong with it is said when its own turn comes
                if ahead := connection.ahead(Envelope(*ready.envelope)):
                    return ready, ahead
            self.waiting.appendleft(claim)
            break
        return None, None

    def _ready(self, claim: Claim, route: Route) -> Ready | None:
        prepared = self._prepare(claim)
        if prepared is None:
            return None
        dated_ms, data = prepared
        address = parsed(claim.address or "")
        envelope = (
            self.turn.letters.sender(claim),
            address.envelope,
            len(data),
            address.needs_smtputf8,
            DsnParams(envid=f"{claim.issue_id}.{claim.n}"),
        )
        return Ready(Start(claim, route.id, dated_ms), data, envelope)

    def _prepare(self, claim: Claim) -> tuple[int, bytes] | None:
        """The Date and the bytes, or None when the claim was settled instead."""
        if claim.address is None or claim.handle is None:
            self._skip(claim, SkipReason.UNSUBSCRIBED)
            return None
        dated_ms = claim.dated_ms or int(time()) * 1000
        try:
            return dated_ms, self.turn.letters.message(claim, dated_ms)
        except InvalidAddress:
            self._skip(claim, SkipReason.INVALID_ADDRESS)
        except Exception:  # one reader's data must never stop the others (P12)
            log.exception("message_failed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self._crashed(claim)
        return None

    async def _taken(self, claim: Claim, answer: Awaitable[EnvelopeReply]) -> bool:
        """Whether the relay took the envelope; otherwise the claim is settled."""
        try:
            envelope = await answer
        except NeedsSmtpUtf8:
            self._skip(claim, SkipReason.EAI_UNSUPPORTED)
            return False
        except MalformedAddress:
            self._skip(claim, SkipReason.INVALID_ADDRESS)
            return False
        except (RelayUnavailable, RelayRefusesUs):
            raise
        except NotSent as error:
            self._not_sent(claim, error)
            return False
        except Exception:  # as in _prepare: no body has left
            log.exception("envelope_failed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self._crashed(claim)
            return False
        if not envelope.accepted:
            await self._refused(claim, envelope.reply, envelope.phase)
        return envelope.accepted

    async def _passes(self, connection: Connection, start: Start) -> bool:
        claim = start.claim
        if self.turn.engine.stopping.is_set():
            await connection.abandon()
            self._return(claim)
            return False
        answer = await self.gatekeeper.ask(start)
        if answer is not Answer.PASSED:
            await connection.abandon()
            if answer is Answer.STOPPED:
                self._return(claim)
                self.turn.halt("the issue or the relay was stopped")
        return answer is Answer.PASSED

    async def _body(self, connection: Connection, ready: Ready, then: Ahead | None) -> None:
        claim = ready.claim
        try:
            reply = await connection.body(ready.data, then)
        except InDoubt as error:
            log.warning("in_doubt", extra={"issue_id": claim.issue_id, "n": claim.n})
            self.gatekeeper.settle(Outcome(claim, _D.IN_DOUBT, reply=error.reason))
            return
        except MalformedMessage:
            log.exception("message_malformed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self._skip(claim, SkipReason.INTERNAL_ERROR)
            return
        except (RelayUnavailable, RelayRefusesUs) as error:
            self._uncharged(claim, error)
            raise
        except NotSent as error:
            self._not_sent(claim, error)
            return
        except Exception:  # it passed the gate: nobody can say whether it left
            log.exception("body_failed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self.gatekeeper.settle(Outcome(claim, _D.IN_DOUBT, reply="The worker failed."))
            return
        if reply.ok:
            self.turn.breaker.accepted(ready.start.relay_id)
            self.gatekeeper.settle(Outcome(claim, _D.ACCEPTED, reply.code, reply.text))
        else:
            await self._refused(claim, reply, Phase.DOT)

    async def _refused(self, claim: Claim, reply: Reply, phase: Phase) -> None:
        """The relay said no to this message: for now, for good, or for our own sake."""
        said = refusals.read(reply, phase)
        if said.meaning in refusals.OURS:
            self._defer(claim, reply, SENDER_FAULT_WAIT_MS)
            if self.turn.breaker.sender_fault():
                await self._pause_issue(claim, reply)
        elif said.retry:
            self._defer(claim, reply)
        else:
            self.gatekeeper.settle(Outcome(claim, _D.REFUSED, reply.code, str(reply), phase=phase))

    def _defer(self, claim: Claim, reply: Reply, least_ms: int = 0) -> None:
        wait = max(self._wait_ms(claim), least_ms)
        outcome = Outcome(claim, _D.DEFERRED, reply.code, str(reply), wait_ms=wait)
        self.gatekeeper.settle(outcome)

    def _not_sent(self, claim: Claim, error: NotSent) -> None:
        """Certainly not accepted: as a 451 (R 2.32)."""
        self.gatekeeper.settle(
            Outcome(claim, _D.DEFERRED, error.code, error.reason, wait_ms=self._wait_ms(claim))
        )

    def _uncharged(self, claim: Claim, error: NotSent) -> None:
        """The relay closed on us or wants another log-in: tried again soon, charged to nobody."""
        outcome = Outcome(
            claim, _D.DEFERRED, error.code, error.reason, wait_ms=SOON_MS, uncharged=True
        )
        self.gatekeeper.settle(outcome)

    def _wait_ms(self, claim: Claim) -> int:
        seed = f"{claim.issue_id}:{claim.n}"
        return retry.wait_ms(claim.tries + 1, self.turn.settings.retry_seconds, seed)

    def _crashed(self, claim: Claim) -> None:
        if claim.crashes + 1 >= CRASHES_ALLOWED:
            self._skip(claim, SkipReason.INTERNAL_ERROR)
            return
        wait = DOUBLED_CRASH_WAIT_MS * 2**claim.crashes
        self.gatekeeper.settle(Outcome(claim, _D.DEFERRED, wait_ms=wait, crashed=True))

    def _skip(self, claim: Claim, reason: SkipReason) -> None:
        self.gatekeeper.settle(Outcome(claim, _D.SKIPPED, skip_reason=reason))

    def _return(self, claim: Claim) -> None:
        self.gatekeeper.settle(Outcome(claim, _D.PENDING, wait_ms=SOON_MS))

    async def _back_off(self, route: Route, error: RelayUnavailable) -> None:
        if self.turn.halted:
            return
        self.turn.halt(f"the relay is not available: {error.reason}")
        await self.turn.engine.sql(_back_off, route.id, str(error), datetime.now(UTC))

    async def _close_relay(self, route: Route, error: RelayRefusesUs) -> None:
        """The relay wants another log-in: nobody is charged, an operator must look (R 2.41)."""
        log.error("relay_refuses_us", extra={"relay": route.name, "smtp_code": error.code})
        self.turn.halt(f"the relay {route.name} refuses our log-in")
        await self.turn.engine.sql(relays.pause, route.id, str(error), datetime.now(UTC))

    async def _pause_issue(self, claim: Claim, reply: Reply) -> None:
        log.error("circuit_open", extra={"issue_id": claim.issue_id, "smtp_code": reply.code})
        self.turn.halt("the relay refuses our mail for our own sake")
        reason = f"The relay refuses our mail, not the readers: {reply}"
        await self.turn.engine.sql(control.pause_row, claim.issue_id, reason)


def _back_off(connection: relays.Executor, relay_id: int, reason: str, now: datetime) -> None:
    relays.back_off(connection, relay_id, reason, for_notice=False, now=now)
