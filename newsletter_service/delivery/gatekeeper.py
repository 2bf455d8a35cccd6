"""Gathers the connections that are ready into one gate transaction at a time."""

import asyncio
import logging
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from newsletter_service.delivery import gate
from newsletter_service.delivery.engine import SendingEngine
from newsletter_service.delivery.ledger import Answer, Outcome, Start

log = logging.getLogger(__name__)

DATABASE_WAITS_S = (0.1, 0.5, 1, 2, 5, 10)


class LedgerLost(Exception):
    """The database did not take a gate; nothing more may leave."""


class Gatekeeper:
    """Lanes hand in outcomes and wait at the gate; a task passes them on, in order.

    An outcome handed in before a start is committed no later than it, so that at most one
    message of a connection is ever between its gate and its outcome.
    """

    def __init__(self, engine: SendingEngine) -> None:
        self._engine = engine
        self._outcomes: list[Outcome] = []
        self._starts: list[tuple[Start, asyncio.Future[Answer]]] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.ensure_future(self._work())

    def settle(self, outcome: Outcome) -> None:
        """Hand in what became of a claim; it is committed with the next gate."""
        self._outcomes.append(outcome)
        self._wake.set()

    async def ask(self, start: Start) -> Answer:
        """Wait until the ledger answers. Raises `LedgerLost`."""
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._starts.append((start, waiting))
        self._wake.set()
        return await waiting

    async def close(self) -> None:
        """Commit what was handed in. Raises `LedgerLost` if that was impossible."""
        self._closing = True
        self._wake.set()
        await self._task

    async def _work(self) -> None:
        while not (self._closing and not self._outcomes and not self._starts):
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(0)  # let lanes that became ready in the same moment join
            if self._outcomes or self._starts:
                await self._pass_on()
            if self._closing:
                self._wake.set()

    async def _pass_on(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        starts, self._starts = self._starts, []
        asked = [start for start, _ in starts]
        try:
            answers = await self._commit(outcomes, asked)
        except LedgerLost as error:
            for _, waiting in starts:
                waiting.set_exception(LedgerLost(str(error)))
            if not starts:
                raise
            return
        for start, waiting in starts:
            waiting.set_result(answers[start.claim.key])

    async def _commit(
        self, outcomes: list[Outcome], starts: list[Start]
    ) -> dict[tuple[int, int], Answer]:
        """One transaction; outcomes are tried again for a while, starts are not."""
        for wait in (*DATABASE_WAITS_S, None):
            try:
                return await self._engine.sql(
                    gate.pass_through, outcomes, starts, datetime.now(UTC)
                )
            except SQLAlchemyError as error:
                log.exception("gate_failed", extra={"outcomes": len(outcomes)})
                if wait is None:
                    raise LedgerLost("The database does not take our outcomes.") from error
                await asyncio.sleep(wait)
        raise AssertionError("unreachable")
