"""A lane: one connection's stream of messages. Envelope out, gate, body out, reply."""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import UTC, datetime
from time import monotonic, time
from typing import TYPE_CHECKING

from newsletter_service import relays
from newsletter_service.address import InvalidAddress
from newsletter_service.delivery import brake, claims, control
from newsletter_service.delivery.endings import CRASHES_ALLOWED, Endings
from newsletter_service.delivery.engine import Stopped
from newsletter_service.delivery.flow import FREE, Held
from newsletter_service.delivery.gatekeeper import Gatekeeper
from newsletter_service.delivery.ledger import Answer, Claim, Start
from newsletter_service.delivery.letters import Copy
from newsletter_service.delivery.line import Line, Taken
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
from newsletter_service.mail.smtp.replies import Phase
from newsletter_service.models import Relay, SkipReason
from newsletter_service.relays import Route

if TYPE_CHECKING:
    from newsletter_service.delivery.turn import Turn

log = logging.getLogger(__name__)

SOON_S = 5.0
LOOK_S = 0.1
REPORTS = DsnParams()


class Lane:
    """Takes claims from the shared queue until it is empty or the turn is over."""

    def __init__(self, turn: "Turn", gatekeeper: Gatekeeper, line: Line, *, careful: bool) -> None:
        self.turn = turn
        self.gatekeeper = gatekeeper
        self.endings = Endings(turn, gatekeeper)
        self.line = line
        self.waiting = line.waiting
        self.careful = careful
        self.in_hand: Claim | None = None
        self.passed = self.coming = FREE

    async def run(self) -> None:
        """Work; every claim taken is settled, given back, or left to its lease."""
        try:
            await self._work()
        finally:
            self.line.leave()

    async def _work(self) -> None:
        while taken := await self._next():
            claim, route = taken.claim, taken.route
            if route is None:  # others may still have one: in trial mode it depends on the reader
                self.endings.give_back(claim)
                self.turn.strand(SOON_S)
                continue
            self.in_hand, self.passed = claim, taken.passed
            try:
                await self._send(claim, route)
            except Stopped:
                self._put_back()
            except RelayRefusesUs as error:
                await self._close_relay(route, error)
                self._put_back()
            except RelayUnavailable as error:
                await self._back_off(route, error)
                self._put_back()
            finally:
                self.passed.leave()

    async def _next(self) -> Taken | None:
        """The next claim that may start now; waits for its turn, while there is hope."""
        while not self.turn.over:
            taken = self.line.take()
            if taken is not None or not len(self.line):
                return taken
            if self.line.hopeless:
                self.turn.strand(self.line.wait)
                return None
            await asyncio.sleep(min(self.line.wait, LOOK_S))
        return None

    def _put_back(self) -> None:
        """What was in hand takes another relay, if one is open, or waits."""
        claim, self.in_hand = self.in_hand, None
        if claim is None:
            return
        if self.turn.over or self.turn.route_of(claim) is None:
            self.endings.give_back(claim)
            self.turn.strand(SOON_S)
        else:
            self.waiting.appendleft(claim)

    async def _send(self, claim: Claim, route: Route) -> None:
        if claim.crashes >= CRASHES_ALLOWED:
            self.endings.skip(claim, SkipReason.INTERNAL_ERROR)
            log.error("reader_skipped", extra={"issue_id": claim.issue_id, "n": claim.n})
            return
        if self.careful and not await self.turn.engine.sql(claims.mark_touched, claim):
            return
        ready = self._ready(claim, route)
        if ready is None:
            return
        engine = self.turn.engine
        async with engine.connection(route, self.turn.settings.smtp_connections) as connection:
            await self._streak(connection, ready, route)

    async def _streak(self, connection: Connection, ready: Ready, route: Route) -> None:
        """This message, and as many as follow right behind one another on the session."""
        claim = ready.start.claim
        taken = await self._taken(claim, connection.envelope(ready.envelope))
        while taken and await self._passes(connection, ready.start):
            following, ahead = self._following(connection, route)
            goes_on = False
            try:
                await self._body(connection, ready, ahead)
                goes_on = connection.follows
            finally:
                if following is not None and not goes_on:
                    self.waiting.appendleft(following.start.claim)
                    self.coming.leave()
            if following is None or not goes_on:
                return
            self.passed = self.passed.hand_on(self.coming)
            ready, claim = following, following.start.claim
            self.in_hand = claim
            taken = connection.taken_ahead() or await self._taken(claim, connection.followed())

    def _following(self, connection: Connection, route: Route) -> tuple[Ready | None, Ahead | None]:
        """The next message, if its envelope may leave right behind the one in hand."""
        most = self.turn.settings.smtp_messages_per_connection
        alone = self.careful or connection.messages >= most
        while self.waiting and not alone and not self.turn.over:
            claim = self.waiting[0]
            other = self.turn.route_of(claim)
            if claim.crashes >= CRASHES_ALLOWED or other is None or other.id != route.id:
                break
            if self.line.owes_a_turn:
                break
            coming = self.turn.flow.admit(claim, route, self.passed.seat)
            if isinstance(coming, Held):
                break
            self.coming = coming
            self.waiting.popleft()
            ready = self._ready(claim, route)
            if ready is None:
                coming.leave()
                continue
            try:
                if ahead := connection.ahead(ready.envelope):
                    return ready, ahead
            except NotSent:
                pass  # what is wrong with it is said when its own turn comes
            coming.leave()
            self.waiting.appendleft(claim)
            break
        return None, None

    def _ready(self, claim: Claim, route: Route) -> Ready | None:
        prepared = self._prepare(claim, route)
        if prepared is None:
            return None
        dated_ms, copy = prepared
        envid = f"{claim.issue_id}.{claim.n}"
        size = sum(map(len, copy.parts))
        envelope = Envelope(copy.sender, copy.to, size, REPORTS, envid)
        return Ready(Start(claim, route.id, dated_ms), copy.parts, copy.sound, envelope)

    def _prepare(self, claim: Claim, route: Route) -> tuple[int, Copy] | None:
        """The Date and the copy, or None when the claim was settled instead."""
        if claim.address is None or claim.handle is None:
            self.endings.skip(claim, SkipReason.UNSUBSCRIBED)
            return None
        dated_ms = claim.dated_ms or int(time()) * 1000
        try:
            return dated_ms, self.turn.letters.copy(claim, dated_ms, route.url)
        except InvalidAddress:
            self.endings.skip(claim, SkipReason.INVALID_ADDRESS)
        except Exception:  # one reader's data must never stop the others (P12)
            log.exception("message_failed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self.endings.crashed(claim)
        return None

    async def _taken(self, claim: Claim, answer: Awaitable[EnvelopeReply]) -> bool:
        """Whether the relay took the envelope; otherwise the claim is settled."""
        try:
            envelope = await answer
        except NeedsSmtpUtf8:
            self.endings.skip(claim, SkipReason.EAI_UNSUPPORTED)
            return False
        except MalformedAddress:
            self.endings.skip(claim, SkipReason.INVALID_ADDRESS)
            return False
        except (RelayUnavailable, RelayRefusesUs):
            raise
        except NotSent as error:
            self.endings.not_sent(claim, error)
            return False
        except Exception:  # as in _prepare: no body has left
            log.exception("envelope_failed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self.endings.crashed(claim)
            return False
        if not envelope.accepted:
            await self.endings.refused(claim, envelope.reply, envelope.phase)
        return envelope.accepted

    async def _passes(self, connection: Connection, start: Start) -> bool:
        claim = start.claim
        if self.turn.engine.stopping.is_set():
            await connection.abandon()
            self.endings.give_back(claim)
            return False
        answer = await self.gatekeeper.ask(start)
        if answer is not Answer.PASSED:
            await connection.abandon()
            if answer is Answer.STOPPED:
                self.endings.give_back(claim)
                self.turn.halt("the issue or the relay was stopped")
        return answer is Answer.PASSED

    async def _body(self, connection: Connection, ready: Ready, then: Ahead | None) -> None:
        claim, began = ready.start.claim, monotonic()
        try:
            reply = await connection.body(ready.parts, then, sound=ready.sound)
        except InDoubt as error:
            log.warning("in_doubt", extra={"issue_id": claim.issue_id, "n": claim.n})
            self.endings.in_doubt(claim, error.reason)
            return
        except MalformedMessage:
            log.exception("message_malformed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self.endings.skip(claim, SkipReason.INTERNAL_ERROR)
            return
        except (RelayUnavailable, RelayRefusesUs) as error:
            self.endings.uncharged(claim, error)
            self.in_hand = None
            raise
        except NotSent as error:
            self.endings.not_sent(claim, error)
            return
        except Exception:  # it passed the gate: nobody can say whether it left
            log.exception("body_failed", extra={"issue_id": claim.issue_id, "n": claim.n})
            self.endings.in_doubt(claim, "The worker failed.")
            return
        if reply.ok:
            relay_id = ready.start.relay_id
            self.endings.accepted(claim, relay_id, reply)
            self.turn.flow.accepted(self.passed, relay_id, monotonic() - began)
        else:
            await self.endings.refused(claim, reply, Phase.DOT)

    async def _back_off(self, route: Route, error: RelayUnavailable) -> None:
        told = (route.id, str(error), datetime.now(UTC))
        wait_ms = await self.turn.engine.sql(_back_off, *told)
        self.turn.leave_alone(route, wait_ms, f"the relay is not available: {error.reason}")

    async def _close_relay(self, route: Route, error: RelayRefusesUs) -> None:
        """The relay wants another log-in: nobody is charged, an operator must look (R 2.41)."""
        log.error("relay_refuses_us", extra={"relay": route.name, "smtp_code": error.code})
        await self.turn.engine.sql(control.trip_relay, route.id, str(error), datetime.now(UTC))
        why = f"the relay {route.name} refuses our log-in"
        self.turn.leave_alone(route, relays.LONGEST_BACKOFF_MS, why)


def _back_off(connection: relays.Executor, relay_id: int, reason: str, now: datetime) -> int:
    brake.slow_down(connection, Relay, Relay.id == relay_id)
    return relays.back_off(connection, relay_id, reason, for_notice=False, now=now)
