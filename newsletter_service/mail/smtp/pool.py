"""Open sessions with one relay, kept for the next message (R 2.36).

A pool belongs to one event loop and to one relay; how many sessions a relay may have, and which
are kept back for confirmations, is for the caller to say by making pools of the right sizes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from newsletter_service.mail.smtp.connection import Connection
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.mail.smtp.timeouts import Timeouts


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session is kept, in messages and seconds.

    One that rested for `noop_after` is asked whether it still lives before it is used.
    """

    messages_per_connection: int = 100
    noop_after: float = 15.0
    idle: float = 60.0
    age: float = 600.0


@dataclass(slots=True)
class _Resting:
    connection: Connection
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class Pool:
    """At most `size` sessions at once; `async with` it, or close() it at the end."""

    def __init__(
        self,
        relay: RelayUrl,
        size: int,
        *,
        ehlo_name: str,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        if size < 1:
            raise ValueError("A pool has at least one connection.")
        self.relay = relay
        self._ehlo_name = ehlo_name
        self._limits = limits or Limits()
        self._timeouts = timeouts or Timeouts()
        self._slots = asyncio.Semaphore(size)
        self._most = size
        self._lent = 0
        self._parting = 0
        self._resting: list[_Resting] = []
        self._closed = False

    @property
    def open_sessions(self) -> int:
        """How many sessions the relay sees."""
        return self._lent + len(self._resting) + self._parting

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a session, a rested one or a new one; waits while all are lent.

        Raises RelayUnavailable or RelayRefusesUs if none can be opened. A session handed back
        in the middle of something is closed, so that nothing half said is ever continued.
        """
        async with self._slots:
            self._lent += 1
            try:
                connection = await self._rested() or await self._open()
                try:
                    yield connection
                finally:
                    await self._take_back(connection)
            finally:
                self._lent -= 1

    async def keep_at_most(self, number: int) -> None:
        """Part from resting sessions until no more than so many are open."""
        self._most = number
        while self._resting and self._lent + len(self._resting) > number:
            await self._part_from(self._resting.pop(0))

    async def hang_up(self) -> None:
        """Take leave of every resting session."""
        resting, self._resting = self._resting, []
        await asyncio.gather(*(self._part_from(rest) for rest in resting))

    async def close(self) -> None:
        """Hang up for good; sessions still lent are closed when handed back."""
        self._closed = True
        await self.hang_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_why: object) -> None:
        await self.close()

    async def _part_from(self, rest: _Resting) -> None:
        self._parting += 1
        try:
            await rest.connection.quit()
        finally:
            self._parting -= 1

    async def _open(self) -> Connection:
        return await Connection.open(self.relay, self._timeouts, self._ehlo_name)

    async def _rested(self) -> Connection | None:
        """Return the session that rested least, having parted from those too old to use."""
        now = asyncio.get_running_loop().time()
        while self._resting:
            rest = self._resting.pop()
            try:
                if await self._still_good(rest, now):
                    return rest.connection
                await rest.connection.quit()
            except BaseException:
                await rest.connection.abandon()
                raise
        return None

    async def _still_good(self, rest: _Resting, now: float) -> bool:
        connection, idle = rest.connection, now - rest.since
        if not connection.usable or self._is_old(connection, now) or idle > self._limits.idle:
            return False
        return idle <= self._limits.noop_after or await connection.noop()

    async def _take_back(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        spent = connection.messages >= self._limits.messages_per_connection
        surplus = self._lent + len(self._resting) > self._most
        if (
            self._closed
            or spent
            or surplus
            or not connection.usable
            or self._is_old(connection, now)
        ):
            await connection.quit()
        else:
            self._resting.append(_Resting(connection))

    def _is_old(self, connection: Connection, now: float) -> bool:
        return now - connection.opened_at > self._limits.age
