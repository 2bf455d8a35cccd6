"""The mail sandbox: a relay on this machine that keeps every mail and passes none on.

It runs as a process of its own, `python -m newsletter_service.embedded.sandbox`, until SIGTERM.
Mail to chosen addresses is taken and comes back a moment later as a delivery report.
"""

import argparse
import asyncio
import logging
import signal
import smtplib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter_service.embedded.sandbox_bounce import BounceTarget, report
from newsletter_service.embedded.sandbox_store import DueBounce, Sandbox

HOST = "127.0.0.1"
SIZE_LIMIT = 32 * 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Port 0 takes a free one; `bouncing` addresses need a place to send the reports to.

    The first `bounce_after` mails to such an address arrive, as before a mailbox is closed.
    """

    directory: Path
    port: int = 0
    bouncing: frozenset[str] = frozenset()
    bounce_to: BounceTarget | None = None
    bounce_delay: float = 1.0
    bounce_after: int = 0
    retry_every: float = 2.0

    def __post_init__(self) -> None:
        if self.bouncing and self.bounce_to is None:
            raise ValueError("Say where bounces go: --bounce-to lmtp://127.0.0.1:2526.")


class _Keeper:
    """What aiosmtpd asks about each mail."""

    def __init__(self, settings: SandboxSettings, sandbox: Sandbox, due: asyncio.Event) -> None:
        self._bouncing = frozenset(address.casefold() for address in settings.bouncing)
        self._bounce_after = settings.bounce_after
        self._sandbox = sandbox
        self._due = due

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail before it is answered for."""
        sender = (envelope.mail_from or "").strip("<>")
        # What has no sender is itself a report, and a report is never answered (RFC 5321 6.1).
        answered = self._bouncing if sender.isascii() and sender else frozenset[str]()
        bouncing = frozenset(address for address in answered if self._is_closed(address))
        mail_id = self._sandbox.add(
            sender,
            envelope.rcpt_tos,
            envelope.original_content or b"",
            datetime.now(UTC),
            bouncing,
        )
        self._due.set()
        return f"250 2.0.0 Kept as {mail_id}"

    def _is_closed(self, address: str) -> bool:
        arrived = self._sandbox.search(to=address, limit=max(self._bounce_after, 1))
        return len(arrived) >= self._bounce_after


async def serve(settings: SandboxSettings, stop: asyncio.Event) -> None:
    """Take mail until `stop` is set; prints the port in a line when it listens."""
    loop = asyncio.get_running_loop()
    sandbox, due = Sandbox(settings.directory), asyncio.Event()
    keeper = _Keeper(settings, sandbox, due)

    def session() -> SMTP:
        return SMTP(
            keeper,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="sandbox.invalid",
            ident="mail sandbox",
            loop=loop,
        )

    listener = await loop.create_server(session, HOST, settings.port)
    bouncer = asyncio.create_task(_bounce(settings, sandbox, due))
    sys.stdout.write(f"sandbox listens on port {listener.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        listener.close()
        bouncer.cancel()
        await asyncio.gather(bouncer, return_exceptions=True)


async def _bounce(settings: SandboxSettings, sandbox: Sandbox, due: asyncio.Event) -> None:
    """Send reports as they fall due, again and again while the listener is not up."""
    if settings.bounce_to is None:
        return
    while True:
        if not sandbox.due_bounces():
            await due.wait()
        due.clear()
        await asyncio.sleep(settings.bounce_delay)
        left = 0
        for bounce in sandbox.due_bounces():
            if await asyncio.to_thread(_send_back, settings.bounce_to, bounce):
                sandbox.bounced(bounce)
            else:
                left += 1
        await asyncio.sleep(settings.retry_every if left else 0)


def _send_back(target: BounceTarget, bounce: DueBounce) -> bool:
    """Send one report and say whether it is done with, be it that it was refused for good."""
    try:
        target.send(report(bounce.mail, bounce.recipient), bounce.mail.sender)
    except (OSError, smtplib.SMTPException) as error:
        if _code(error) < 500:
            log.info("The bounce of mail %s waits: %s", bounce.mail.id, type(error).__name__)
            return False
        log.warning("The bounce of mail %s was refused (%s).", bounce.mail.id, _code(error))
    return True


def _code(error: Exception) -> int:
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max(code for code, _ in error.recipients.values())
    return 0


def _settings(arguments: Sequence[str] | None) -> SandboxSettings:
    parser = argparse.ArgumentParser(
        prog="newsletter_service.embedded.sandbox",
        description="A relay on this machine that keeps every mail and passes none on.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--dir", type=Path, required=True, help="where mails are kept")
    parser.add_argument("--bounce", action="append", default=[], metavar="ADDRESS")
    parser.add_argument("--bounce-to", type=BounceTarget.parse, metavar="lmtp://HOST:PORT")
    parser.add_argument("--bounce-delay", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--bounce-after", type=int, default=0, metavar="MAILS")
    given = parser.parse_args(arguments)
    try:
        return SandboxSettings(
            directory=given.dir,
            port=given.port,
            bouncing=frozenset(given.bounce),
            bounce_to=given.bounce_to,
            bounce_delay=given.bounce_delay,
            bounce_after=given.bounce_after,
        )
    except ValueError as error:
        parser.error(str(error))


async def _until_told(settings: SandboxSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's, full of addresses
    asyncio.run(_until_told(_settings(arguments)))


if __name__ == "__main__":
    main()
