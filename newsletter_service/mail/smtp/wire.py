"""Bytes to and from one relay: an asyncio protocol that hands over whole replies.

Unlike a StreamReader it can tell what came unasked and whether the peer has hung up, and the
upgrade to TLS begins with an empty reader, so that nothing said before can be heard after it.
"""

import asyncio
import math
import ssl
from typing import cast

from newsletter_service.mail.smtp.replies import GarbageReplyError, Reply, ReplyReader


class WireBrokenError(Exception):
    """The connection is lost or what comes over it is no SMTP; the message says which."""


class Wire(asyncio.Protocol):
    """One connection; every method that raises leaves it closed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._hung_up: str | None = None
        self._paused = False
        self._news: asyncio.Future[None] | None = None
        self._ends = math.inf
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, host: str, port: int, context: ssl.SSLContext | None) -> "Wire":
        """Connect, with TLS from the first byte if a context is given; raises OSError."""
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(cls, host, port, ssl=context)
        return wire

    async def start_tls(self, context: ssl.SSLContext, host: str) -> "Wire":
        """Return a new wire over the same socket, now with TLS; raises OSError."""
        if self.pending:
            self.abort()
            raise WireBrokenError("The server went on speaking before TLS had begun.")
        fresh = Wire()
        transport = await self._loop.start_tls(
            self._open_transport(), fresh, context, server_hostname=host
        )
        if transport is None:
            raise WireBrokenError("The connection was lost while TLS began.")
        fresh.connection_made(transport)
        return fresh

    @property
    def pending(self) -> bool:
        """Whether the server has said something that nobody has read yet."""
        return self._reader.pending

    @property
    def closed(self) -> bool:
        """Whether either side has hung up."""
        # A transport whose write failed tells the protocol only in the loop's next round.
        return self._hung_up is not None or self._open_transport().is_closing()

    @property
    def silent(self) -> bool:
        """Whether nobody has hung up, and the server has said nothing that is not read yet."""
        return not (self.pending or self.closed)

    @property
    def peer(self) -> str:
        """The IP address of the server."""
        name = self._open_transport().get_extra_info("peername")
        return str(name[0]) if name else ""

    def write(self, data: bytes | memoryview) -> None:
        """Hand bytes to the socket; what it does not take now follows by itself."""
        transport = self._open_transport()
        if self._hung_up is not None or transport.is_closing():
            raise WireBrokenError(self._hung_up or "The connection was lost.")
        transport.write(data)

    @property
    def drained(self) -> bool:
        """Whether the socket has taken all."""
        return not self._paused

    async def drain(self) -> None:
        """Wait until the socket has taken all, or the server has spoken or hung up."""
        while self._paused and not self.pending and not self.closed:
            await self._wait()

    async def reply(self, seconds: float | None = None) -> Reply:
        """Wait for the next reply; one that came before the server hung up is still given.

        Raises TimeoutError after so many seconds. One timer serves many messages: it looks when
        it fires how long there is still to wait.
        """
        if seconds is not None:
            self._wait_until(self._loop.time() + seconds)
        try:
            while (reply := self.received()) is None:
                if self._hung_up is not None:
                    raise WireBrokenError(self._hung_up)
                await self._wait()
        finally:
            self._ends = math.inf
            if self._hung_up is not None:
                self._stop_timer()
        return reply

    def received(self) -> Reply | None:
        """The next reply if all of it is here."""
        try:
            return self._reader.next()
        except GarbageReplyError as error:
            self.abort()
            raise WireBrokenError(str(error)) from error

    def envelope_taken(self) -> bool:
        """Whether all three replies are here that take an envelope and let its body come."""
        return self._reader.envelope_taken()

    def abort(self) -> None:
        """Hang up at once; what the socket has not yet taken is never sent."""
        self._hang_up("The connection is closed.")
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; drain() is to mean that its buffer is empty."""
        self._transport = cast("asyncio.Transport", transport)
        # With 0 the transport of TLS in Python 3.11 pauses an empty buffer and never resumes.
        self._transport.set_write_buffer_limits(high=1)

    def data_received(self, data: bytes) -> None:
        """Keep what came and wake who waits for it."""
        self._reader.feed(data)
        self._wake()

    def eof_received(self) -> None:
        """Note that the server hung up; the transport closes itself."""
        self._hang_up("The server closed the connection.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Note why the connection ended."""
        self._hang_up(f"The connection was lost: {exc}." if exc else "The connection was lost.")

    def pause_writing(self) -> None:
        """Note that the transport's buffer holds something."""
        self._paused = True

    def resume_writing(self) -> None:
        """Note that the transport's buffer is empty."""
        self._paused = False
        self._wake()

    def _open_transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise WireBrokenError("The connection was never made.")
        return self._transport

    def _hang_up(self, reason: str) -> None:
        if self._hung_up is None:
            self._hung_up = reason
        if self._news is None:
            self._stop_timer()
        self._wake()

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait(self) -> None:
        self._news = self._loop.create_future()
        try:
            await self._news
        finally:
            self._news = None

    def _wait_until(self, ends: float) -> None:
        self._ends = ends
        if self._timer is None or self._timer.when() > ends:
            self._stop_timer()
            self._timer = self._loop.call_at(ends, self._look_at_the_time)

    def _look_at_the_time(self) -> None:
        self._timer = None
        if self._ends > self._loop.time():
            if self._ends < math.inf:
                self._wait_until(self._ends)
        elif self._news is not None and not self._news.done():
            self._news.set_exception(TimeoutError())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
