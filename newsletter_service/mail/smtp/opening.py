"""Opening a session with a relay: connect, greet, protect by TLS, log in (R 2.27, 2.28)."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from newsletter_service.mail.smtp.capabilities import Capabilities
from newsletter_service.mail.smtp.errors import NotSent, RelayRefusesUs, RelayUnavailable
from newsletter_service.mail.smtp.relay_url import RelayUrl, Tls, is_loopback
from newsletter_service.mail.smtp.replies import Outcome, Phase, Reply, outcome
from newsletter_service.mail.smtp.timeouts import Timeouts
from newsletter_service.mail.smtp.wire import Wire, WireBrokenError


async def open_session(
    relay: RelayUrl, timeouts: Timeouts, ehlo_name: str
) -> tuple[Wire, Capabilities]:
    """Return a wire on which MAIL may be said.

    Raises RelayUnavailable, or RelayRefusesUs if the log-in fails; no password leaves before TLS
    with a verified certificate, and nothing stays open after an error.
    """
    opening = _Opening(relay, timeouts, ehlo_name)
    try:
        return await opening.run()
    except BaseException:
        opening.abort()
        raise


def tls_context(relay: RelayUrl) -> ssl.SSLContext:
    """Make a context that verifies certificate and host name, TLS 1.2 or newer.

    With a CA file only its authorities count. Raises RelayUnavailable if it can't be read.
    """
    try:
        context = ssl.create_default_context(cafile=relay.ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = f"The CA file {relay.ca_file} can't be used: {error}"
        raise RelayUnavailable(Phase.TLS, reason) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Opening:
    def __init__(self, relay: RelayUrl, timeouts: Timeouts, ehlo_name: str) -> None:
        self._relay = relay
        self._timeouts = timeouts
        self._ehlo_name = ehlo_name
        self._wire: Wire | None = None

    async def run(self) -> tuple[Wire, Capabilities]:
        wire = await self._connect()
        async with self._step(Phase.BANNER, self._timeouts.banner):
            self._expect(await wire.reply(), Phase.BANNER)
        capabilities = await self._ehlo(wire)
        if self._relay.tls is Tls.STARTTLS:
            wire = await self._start_tls(wire, capabilities)
            capabilities = await self._ehlo(wire)
        if self._relay.user is not None:
            await self._log_in(wire, capabilities)
        return wire, capabilities

    def abort(self) -> None:
        if self._wire is not None:
            self._wire.abort()

    async def _connect(self) -> Wire:
        relay = self._relay
        context = tls_context(relay) if relay.tls is Tls.IMPLICIT else None
        async with self._step(Phase.CONNECT, self._timeouts.connect):
            self._wire = wire = await Wire.open(relay.host, relay.port, context)
        if relay.tls is Tls.NONE and not is_loopback(wire.peer):
            # "localhost" is what the resolver says it is.
            reason = f"{relay.host} is not this machine, and tls=none is for this machine only."
            raise RelayUnavailable(Phase.CONNECT, reason)
        return wire

    async def _ehlo(self, wire: Wire) -> Capabilities:
        reply = await self._ask(wire, f"EHLO {self._ehlo_name}", Phase.EHLO, self._timeouts.ehlo)
        self._expect(reply, Phase.EHLO)
        return Capabilities.parse(reply)

    async def _start_tls(self, wire: Wire, capabilities: Capabilities) -> Wire:
        if not capabilities.starttls:
            reason = f"{self._relay} does not offer STARTTLS, so nothing is sent through it."
            raise RelayUnavailable(Phase.STARTTLS, reason)
        context = tls_context(self._relay)
        reply = await self._ask(wire, "STARTTLS", Phase.STARTTLS, self._timeouts.ehlo)
        self._expect(reply, Phase.STARTTLS)
        async with self._step(Phase.TLS, self._timeouts.tls):
            self._wire = fresh = await wire.start_tls(context, self._relay.host)
        return fresh

    async def _log_in(self, wire: Wire, capabilities: Capabilities) -> None:
        if self._relay.tls is Tls.NONE:
            raise RelayRefusesUs(Phase.AUTH, "A password is never sent without TLS.")
        if "PLAIN" in capabilities.auth:
            reply = await self._auth(wire, f"AUTH PLAIN {self._plain()}")
        elif "LOGIN" in capabilities.auth:
            reply = await self._auth_login(wire)
        else:
            reason = f"{self._relay} offers neither AUTH PLAIN nor AUTH LOGIN after TLS."
            raise RelayRefusesUs(Phase.AUTH, reason)
        self._expect(reply, Phase.AUTH)

    async def _auth_login(self, wire: Wire) -> Reply:
        reply = await self._auth(wire, "AUTH LOGIN")
        for secret in (self._relay.user, self._relay.password):
            if reply.code != 334:
                return reply
            reply = await self._auth(wire, _base64(secret or ""))
        return reply

    async def _auth(self, wire: Wire, line: str) -> Reply:
        return await self._ask(wire, line, Phase.AUTH, self._timeouts.auth)

    def _plain(self) -> str:
        return _base64(f"\0{self._relay.user}\0{self._relay.password}")

    async def _ask(self, wire: Wire, line: str, phase: Phase, seconds: float) -> Reply:
        async with self._step(phase, seconds):
            wire.write(f"{line}\r\n".encode())
            return await wire.reply()

    @asynccontextmanager
    async def _step(self, phase: Phase, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except ssl.SSLCertVerificationError as error:
            reason = f"The certificate of {self._relay} is not valid: {error.verify_message}"
            raise RelayUnavailable(Phase.TLS, reason) from error
        except TimeoutError as error:
            reason = f"{self._relay} did not answer within {seconds:g} seconds."
            raise RelayUnavailable(phase, reason) from error
        except (OSError, WireBrokenError) as error:
            reason = f"{self._relay} can't be reached: {error}"
            raise RelayUnavailable(phase, reason) from error

    def _expect(self, reply: Reply, phase: Phase) -> None:
        result = outcome(reply, phase)
        if result is Outcome.ACCEPTED:
            return
        refused: type[NotSent] = RelayUnavailable
        if result is Outcome.RELAY_AUTH:
            refused = RelayRefusesUs
        raise refused(phase, f"{self._relay} answered: {reply}", reply)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
