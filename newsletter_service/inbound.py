"""The listener for what comes back: SMTP and LMTP, for addresses of ours and nothing else.

A message is stored before it is answered for. It relays nothing and knows no log-in.
"""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax
from flask import Flask

from newsletter_service import settings as settings_module
from newsletter_service.bounces import intake, leaving, resolve
from newsletter_service.settings import Settings

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 200
IDLE_S = 60.0
STORING_THREADS = 4
LAST_WORDS_S = 5.0
LONGEST_LINE = 128 * 1024


class _Session(SMTP):
    """One connection. Returned messages hold longer lines than mail should."""

    line_length_limit = LONGEST_LINE

    def __init__(self, listener: "_Listener", loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        super().__init__(
            listener,
            data_size_limit=intake.LARGEST,
            enable_SMTPUTF8=True,
            hostname=listener.settings.bounce_domain,
            ident="newsletter",
            timeout=IDLE_S,
            loop=loop,
        )

    def connection_made(self, transport: Any) -> None:
        """Turn away what comes above the cap; a sender tries again later."""
        self._listener.connections += 1
        if self._listener.connections > MOST_CONNECTIONS:
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Make room for the next."""
        self._listener.connections -= 1
        super().connection_lost(error)

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        """LMTP's greeting: with one recipient a transaction the rest is as in SMTP."""
        await self.smtp_EHLO(hostname)


class _Listener:
    """What aiosmtpd asks about each recipient and each message."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.settings: Settings = app.extensions[settings_module.KEY]
        self.connections = 0
        self.storing = 0
        self._threads = ThreadPoolExecutor(STORING_THREADS, thread_name_prefix="bounces")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name and arguments
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Take an address with a genuine token, or the one for replies; one a transaction."""
        known = (resolve.is_ours, leaving.is_leaving_address, leaving.takes_replies)
        if not any(is_one(address, self.settings) for is_one in known):
            log.info("return_address_refused")
            return "550 5.1.1 This is no return address of ours"
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Store, then answer."""
        raw, to = envelope.original_content or b"", envelope.rcpt_tos[0]
        if leaving.takes_replies(to, self.settings) and not leaving.wish(raw, to, self.settings):
            return "550 5.7.1 Only answers to our letters that say unsubscribe are read here"
        self.storing += 1
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._store, raw, to)
        except intake.TooLarge:
            return "552 5.3.4 The message is too large"
        except intake.STORING_FAILED as error:
            log.error("bounce_not_stored", extra={"error": type(error).__name__})
            return "451 4.3.0 It cannot be stored now, try again later"
        finally:
            self.storing -= 1
        return "250 2.0.0 Stored"

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours is not the sender's: they keep the message."""
        log.error("listener_failed", extra={"error": type(error).__name__})
        return "451 4.3.0 Something went wrong here, try again later"

    def _store(self, raw: bytes, envelope_to: str) -> None:
        with self._app.app_context():
            intake.store(raw, envelope_to, "listener", datetime.now(UTC))

    async def finish(self) -> None:
        """Let what is being stored be answered for."""
        deadline = asyncio.get_running_loop().time() + LAST_WORDS_S
        while self.storing and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        self._threads.shutdown(wait=False)


def serve(app: Flask, stopping: threading.Event) -> None:
    """Listen on NEWSLETTER_INBOUND_LISTEN until `stopping` is set."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's, full of addresses
    asyncio.run(_serve(_Listener(app), stopping))


async def _serve(listener: _Listener, stopping: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    host, port = listener.settings.inbound_listen
    server = await loop.create_server(lambda: _Session(listener, loop), host, port)
    log.info("listening", extra={"port": server.sockets[0].getsockname()[1]})
    try:
        while not stopping.is_set():
            await asyncio.sleep(0.1)
    finally:
        server.close()
        await listener.finish()
