"""The checks of the relays: a session is opened as for mail, and no mail is sent."""

import asyncio

from newsletter_service.mail.smtp.capabilities import Capabilities
from newsletter_service.mail.smtp.connection import Connection
from newsletter_service.mail.smtp.errors import NotSent, RelayRefusesUs, SmtpError
from newsletter_service.mail.smtp.relay_url import RelayUrl, Tls
from newsletter_service.mail.smtp.replies import Phase
from newsletter_service.mail.smtp.timeouts import Timeouts
from newsletter_service.operations.findings import Check, failed, ok, skipped, warning

PATIENCE_S = 10.0
LARGE_LETTER = 512 * 1024
_TLS_PHASES = frozenset({Phase.TLS, Phase.STARTTLS})


def check(relays: list[RelayUrl], ehlo_name: str, patience_s: float = PATIENCE_S) -> list[Check]:
    """Try every relay at once; up to four checks each."""
    if not relays:
        return [failed("relay", "NEWSLETTER_SMTP_URL", "relay.none")]
    found = asyncio.run(_all(relays, ehlo_name, patience_s))
    return [each for checks in found for each in checks]


def far_side(relays: list[RelayUrl], *, hears_back: bool) -> list[Check]:
    """A relay passes mail on: what the readers' servers answer is not heard while sending."""
    if hears_back:
        return [ok("far_side", str(relay), "far_side.comes_back") for relay in relays]
    return [warning("far_side", str(relay), "far_side.hidden") for relay in relays]


async def _all(relays: list[RelayUrl], ehlo_name: str, patience_s: float) -> list[list[Check]]:
    return list(await asyncio.gather(*(_one(relay, ehlo_name, patience_s) for relay in relays)))


async def _one(relay: RelayUrl, ehlo_name: str, patience_s: float) -> list[Check]:
    timeouts = Timeouts(*[patience_s] * 13)
    try:
        connection = await Connection.open(relay, timeouts, ehlo_name)
    except NotSent as error:
        return _trouble(relay, error)
    try:
        return [*_session(relay), _size(relay, connection.capabilities)]
    finally:
        await connection.quit()


def _session(relay: RelayUrl) -> list[Check]:
    name = str(relay)
    checks = [ok("relay", name, "relay.answers")]
    if relay.tls is Tls.NONE:
        checks.append(skipped("tls", name, "tls.loopback"))
        checks.append(skipped("login", name, "login.loopback"))
        return checks
    checks.append(ok("tls", name, "tls.verified"))
    log_in = ok if relay.user else warning
    checks.append(log_in("login", name, "login.accepted" if relay.user else "login.none"))
    return checks


def _size(relay: RelayUrl, capabilities: Capabilities) -> Check:
    limit = capabilities.size_limit
    if limit is not None and limit < LARGE_LETTER:
        return failed("size", str(relay), "size.small", limit=str(limit))
    told = {"limit": str(limit)} if limit else {}
    return ok("size", str(relay), "size.enough", **told)


def _trouble(relay: RelayUrl, error: SmtpError) -> list[Check]:
    name, said = str(relay), error.reason
    if isinstance(error, RelayRefusesUs) or error.phase is Phase.AUTH:
        return [
            ok("relay", name, "relay.answers"),
            ok("tls", name, "tls.verified"),
            failed("login", name, "login.refused", said=said),
        ]
    if error.phase in _TLS_PHASES:
        return [
            ok("relay", name, "relay.answers"),
            failed("tls", name, "tls.failed", said=said),
        ]
    return [failed("relay", name, "relay.unreachable", said=said)]
