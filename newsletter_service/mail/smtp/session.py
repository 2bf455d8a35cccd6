"""A session with a relay: a command, its reply, and what is certain where none comes.

What the relay says about itself or us, and its silence, is raised (R 2.38).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from newsletter_service.mail.smtp.capabilities import Capabilities
from newsletter_service.mail.smtp.errors import NotSent, RelayRefusesUs, RelayUnavailable
from newsletter_service.mail.smtp.replies import Outcome, Phase, Reply, outcome
from newsletter_service.mail.smtp.timeouts import Timeouts
from newsletter_service.mail.smtp.wire import Wire, WireBrokenError


class Session:
    """Open, and not for two tasks at once."""

    def __init__(self, wire: Wire, capabilities: Capabilities, timeouts: Timeouts) -> None:
        self._wire = wire
        self._timeouts = timeouts
        self._busy = False
        self.capabilities = capabilities
        self.opened_at = asyncio.get_running_loop().time()

    @property
    def usable(self) -> bool:
        """Whether another command may be sent: nobody hung up and nothing is half said."""
        return not self._busy and self._wire.silent

    async def noop(self) -> bool:
        """Ask whether the relay is still there."""
        try:
            reply = await self._ask(b"NOOP\r\n", Phase.NOOP, self._timeouts.noop)
        except NotSent:
            return False
        return reply.ok

    async def quit(self) -> None:
        """Take leave politely if that is possible, and close."""
        if self.usable:
            with suppress(NotSent):
                await self._ask(b"QUIT\r\n", Phase.QUIT, self._timeouts.quit)
        self._wire.abort()

    async def abandon(self) -> None:
        """Close at once, in the middle of whatever is being said: nothing more leaves."""
        self._wire.abort()

    async def _ask(self, line: bytes, phase: Phase, seconds: float) -> Reply:
        async with self._certain(phase, seconds):
            await self._expect_silence(phase)
            self._wire.write(line)
            reply = await self._wire.reply()
        self._raise_for_relay(reply, phase)
        return reply

    async def _expect_silence(self, phase: Phase) -> None:
        """Raise if the relay spoke unasked, mostly 421, or hung up."""
        if self._wire.pending:
            reply = await self._wire.reply()
            self._wire.abort()
            self._raise_for_relay(reply, phase)
            raise NotSent(phase, f"The relay spoke out of turn: {reply}", reply)
        if self._wire.closed:
            raise WireBrokenError("The server closed the connection.")

    @asynccontextmanager
    async def _certain(self, phase: Phase, seconds: float) -> AsyncIterator[None]:
        """Turn silence and loss into NotSent; a task cancelled inside leaves us unusable."""
        self._busy = True
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            self._wire.abort()
            raise NotSent(phase, f"No answer came within {seconds:g} seconds.") from error
        except WireBrokenError as error:
            self._wire.abort()
            raise NotSent(phase, str(error)) from error
        self._busy = False

    def _raise_for_relay(self, reply: Reply, phase: Phase) -> None:
        if reply.code < 400:
            return
        result = outcome(reply, phase)
        if result is Outcome.RELAY_BUSY:
            self._wire.abort()
            raise RelayUnavailable(phase, f"The relay is closing: {reply}", reply)
        if result is Outcome.RELAY_AUTH:
            self._wire.abort()
            raise RelayRefusesUs(phase, f"The relay wants another log-in: {reply}", reply)
