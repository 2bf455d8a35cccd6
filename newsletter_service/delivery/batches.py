"""What a turn has claimed: batches, the next one ahead of time, due retries, their leases."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from newsletter_service.delivery import claims
from newsletter_service.delivery.claims import Batched, Retried
from newsletter_service.delivery.engine import SendingEngine

log = logging.getLogger(__name__)

GLANCE_S = 0.02
SOON_DONE_S = 5.0


class Batches:
    """Claims in the thread aside and gives back behind the next one's sending."""

    def __init__(self, engine: SendingEngine) -> None:
        self._engine = engine
        self._owners: set[str] = set()
        self._ahead: Batched | None = None
        self._closing: asyncio.Future[None] | None = None

    async def retries(self, closed_lists: Collection[int]) -> tuple[str, Retried]:
        """Deferred ones that are due, and by what name they are held until `forget`."""
        owner = self._new_owner()
        return owner, await self._engine.sql_aside(
            claims.claim_retries, owner, self._engine.lease_ms, closed_lists
        )

    def forget(self, owner: str) -> None:
        """Its lease need not be kept any longer."""
        self._owners.discard(owner)

    async def next(self, closed_lists: Collection[int]) -> Batched | None:
        """A batch, the one that was claimed ahead if there is one."""
        batched, self._ahead = self._ahead, None
        return batched or await self._claim(closed_lists)

    async def claim_ahead(
        self, few: int, left: Callable[[], int | None], closed_lists: Collection[int]
    ) -> Batched | None:
        """Claim the next when few are `left` of this one, if it goes fast; None ends the wait."""
        ends = time.monotonic() + SOON_DONE_S
        while (number := left()) is not None and time.monotonic() < ends:
            if number <= few:
                self._ahead = await self._claim(closed_lists)
                return self._ahead
            await asyncio.sleep(GLANCE_S)
        return None

    def join(self) -> Batched:
        """What was claimed ahead, without its claims: they are sent with those before them."""
        batched, self._ahead = self._ahead, None
        if batched is None:
            raise ValueError("nothing was claimed ahead")
        return replace(batched, claims=[])

    async def close(self, batches: Sequence[Batched], wait_ms: int, then: Awaitable[None]) -> None:
        """Give batches back and do what comes `then`, while the next ones are sent."""
        await self._closed()
        self._closing = asyncio.ensure_future(self._close(batches, wait_ms, then))

    async def let_go(self, wait_ms: int) -> None:
        """Hold nothing any more."""
        batched, self._ahead = self._ahead, None
        await self._closed()
        if batched is not None:
            await self._close([batched], wait_ms)

    async def prolong(self) -> None:
        """Keep the lease of what is in hand while the turn works; a failure is tried again."""
        while True:
            await asyncio.sleep(self._engine.lease_ms / 3000)
            try:
                for owner in tuple(self._owners):
                    await self._engine.sql(claims.prolong, owner, self._engine.lease_ms)
            except SQLAlchemyError:
                log.exception("lease_not_prolonged")

    async def _claim(self, closed_lists: Collection[int]) -> Batched | None:
        owner = self._new_owner()
        batched = await self._engine.sql_aside(
            claims.claim_batch, owner, self._engine.lease_ms, closed_lists
        )
        if batched is None:
            self.forget(owner)
        return batched

    def _new_owner(self) -> str:
        owner = self._engine.next_owner()
        self._owners.add(owner)
        return owner

    async def _closed(self) -> None:
        closing, self._closing = self._closing, None
        if closing is not None:
            await closing

    async def _close(
        self, batches: Sequence[Batched], wait_ms: int, then: Awaitable[None] | None = None
    ) -> None:
        for batched in batches:
            self.forget(batched.owner)
        try:
            for batched in batches:
                await self._engine.sql(claims.close_batch, batched, wait_ms)
        finally:
            if then is not None:
                await then
