"""Gathers the connections that are ready into one gate transaction at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from newsletter_service.delivery import gate, passage
from newsletter_service.delivery.engine import SendingEngine
from newsletter_service.delivery.ledger import Answer, Outcome, Start
from newsletter_service.models import ledger

Answers = dict[tuple[int, int], Answer]
Act = Callable[[list[Outcome], list[Start]], Awaitable[Answers | None]]

log = logging.getLogger(__name__)

# So long a gate waits for others, until half of the lanes are there: what a gate costs is nearly
# the same for one as for five, and no lane waits for long; as long again where most of them are
# there already (with a relay that took five letters a millisecond, 14 went where 20 could).
# Where the loop goes on while one is committed, no more than that half goes at once: all together,
# they would all wait for it.
GATHER_S = 0.002
DATABASE_WAITS_S = (0.1, 0.5, 1, 2, 5, 10)


class LedgerLost(Exception):
    """The ledger did not take a gate; nothing more may leave, and its rows await recovery."""


class Gatekeeper:
    """Lanes hand in outcomes and wait at the gate; a task passes them on, in order.

    An outcome handed in before a start is committed no later than it, so that at most one
    message of a connection is ever between its gate and its outcome. When a gate fails for
    good, everybody who waits or comes later is told so.
    """

    def __init__(self, engine: SendingEngine, lanes: int = 1, gather_s: float = GATHER_S) -> None:
        self._engine = engine
        self._enough = max(1, lanes // 2)
        self._gather_s = gather_s
        self._most = self._enough if engine.passage.leaves_the_loop else lanes
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._outcomes: list[Outcome] = []
        self._starts: list[tuple[Start, asyncio.Future[Answer]]] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._lost = ""
        self._task = asyncio.ensure_future(self._work())

    def settle(self, outcome: Outcome) -> None:
        """Hand in what became of a claim; it is committed with the next gate."""
        self._outcomes.append(outcome)
        self._gather()

    def ask(self, start: Start) -> "asyncio.Future[Answer]":
        """To be waited for until the ledger answers. Raises `LedgerLost`, then or now."""
        if self._lost:
            raise LedgerLost(self._lost)
        waiting: asyncio.Future[Answer] = self._loop.create_future()
        self._starts.append((start, waiting))
        self._gather()
        return waiting

    def _gather(self) -> None:
        if len(self._starts) >= self._enough:
            self._wake.set()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._gather_s, self._waited, True)

    def _waited(self, once_more: bool) -> None:
        """Where more than half of those who are enough came so soon, the others will, too."""
        if once_more and 2 * len(self._starts) > self._enough:
            self._timer = self._loop.call_later(self._gather_s, self._waited, False)
        else:
            self._wake.set()

    async def close(self) -> None:
        """Commit what was handed in. Raises `LedgerLost` if that was impossible."""
        self._closing = True
        self._wake.set()
        await self._task
        if self._lost:
            raise LedgerLost(self._lost)

    async def _work(self) -> None:
        while not (self._closing and not self._outcomes and not self._starts):
            await self._wake.wait()
            if len(self._starts) < self._most:
                await asyncio.sleep(0)  # let lanes that became ready in the same moment join
            self._wake.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._outcomes or self._starts:
                await self._pass_on()
            if self._closing:
                self._wake.set()

    async def _pass_on(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        starts, self._starts = self._starts[: self._most], self._starts[self._most :]
        if self._starts:
            self._gather()
        asked = [start for start, _ in starts]
        try:
            answers = await self._commit(outcomes, asked)
        except Exception as error:  # lanes must never wait for a gate that is gone
            log.exception("ledger_lost", extra={"outcomes": len(outcomes), "starts": len(starts)})
            self._lost = f"The ledger does not take our outcomes: {type(error).__name__}"
            late, self._starts = self._starts, []
            for _, waiting in (*starts, *late):
                if not waiting.done():
                    waiting.set_exception(LedgerLost(self._lost))
            return
        for start, waiting in starts:
            if not waiting.done():
                waiting.set_result(Answer.PASSED if answers is None else answers[start.claim.key])

    async def _commit(self, outcomes: list[Outcome], starts: list[Start]) -> Answers | None:
        """One transaction, tried again for a while as long as nobody stops us."""
        act: Act = self._at_once
        for wait in DATABASE_WAITS_S:
            try:
                return await act(outcomes, starts)
            except self._engine.passage.errors:
                log.exception("gate_failed", extra={"outcomes": len(outcomes)})
                act = partial(self._one_by_one, again=True)
                await self._engine.pause(wait)
        return await act(outcomes, starts)

    async def _at_once(self, outcomes: list[Outcome], starts: list[Start]) -> Answers | None:
        """The ordinary ones in one go, the others before or after it one by one; None: all passed.

        An odd outcome goes first: its lane's next message must not pass the gate before it.
        """
        ordinary = [one for one in outcomes if passage.is_ordinary(one)]
        if len(ordinary) < len(outcomes):
            await self._one_by_one([one for one in outcomes if not passage.is_ordinary(one)], [])
        if not ordinary and not starts:
            return None
        moved = await self._engine.passage.take(ordinary, starts)
        if moved is None:
            return None
        settled, started = moved
        answers = {start.claim.key: Answer.PASSED for start in starts}
        late = [one for one in ordinary if one.claim.key not in settled]
        refused = [start for start in starts if start.claim.key not in started]
        if late or refused:
            answers |= await self._one_by_one(late, refused)
        return answers

    async def _one_by_one(
        self, outcomes: list[Outcome], starts: list[Start], *, again: bool = False
    ) -> Answers:
        return await self._engine.alone(self._slowly, outcomes, starts, again)

    def _slowly(self, outcomes: list[Outcome], starts: list[Start], again: bool) -> Answers:
        with ledger(self._engine.database) as connection:
            return gate.pass_through(connection, outcomes, starts, datetime.now(UTC), again=again)
