"""`doctor --loopback`: does our signature survive the way? A letter out and read back (R 3.4).

It leaves through every relay that we sign for, with the headers of an issue, to an address whose
mailbox is one of those that bounces are fetched from.
"""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from newsletter_service import address as addresses
from newsletter_service import relays, settings
from newsletter_service.bounces import mailbox
from newsletter_service.bounces.mailbox_sessions import MailboxFault, opened
from newsletter_service.bounces.mailbox_url import MailboxUrl
from newsletter_service.extensions import db
from newsletter_service.mail import dkim_check, headers, return_path
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.dkim_keys import DkimKeys
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.message import Letter, Prepared, Reader
from newsletter_service.mail.smtp.connection import Connection
from newsletter_service.mail.smtp.envelope import Envelope
from newsletter_service.mail.smtp.errors import SmtpError
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.mail.smtp.timeouts import Timeouts
from newsletter_service.models import NewsletterList
from newsletter_service.operations.findings import Check, failed, ok, skipped
from newsletter_service.settings import Settings

PATIENCE_S = 60.0
LOOK_EVERY_S = 1.0
SMTP_PATIENCE_S = 30.0
MOST_LOOKED_AT = 500


class NotPossible(Exception):
    """No letter was sent; the message says what is missing."""


@dataclass(frozen=True)
class Sample:
    """A letter that is on its way; `token` is found in it whatever a relay makes of it."""

    relay: RelayUrl
    keys: tuple[DkimKey, ...]
    token: str
    data: bytes


def check(to: str, patience_s: float = PATIENCE_S) -> list[Check]:
    """Send a letter in the name of each sender, and look at what arrives. Raises `NotPossible`.

    Before going live `to` is one of the staff, or a mailbox's own.
    """
    current = settings.current()
    boxes = mailbox.urls_now()
    if not boxes:
        raise NotPossible("Name the mailbox to look into in NEWSLETTER_BOUNCE_MAILBOX_URL.")
    _guard(to, boxes, current)
    senders = _senders()
    found: list[Check] = []
    with ExitStack() as stack:
        if not all(stack.enter_context(mailbox.alone(box)) for box in boxes):
            raise NotPossible("A worker looks into the mailbox just now. Try again in a minute.")
        samples = []
        for relay, sender, keys in _ways(current, senders):
            if not keys:
                found.append(skipped("loopback", str(relay), "loopback.unsigned", sender=sender))
                continue
            made = _sample(relay, sender, keys, to, current)
            said = asyncio.run(_sent(made, sender, to, current))
            if said:
                found.append(failed("loopback", str(relay), "loopback.not_sent", said=said))
            else:
                samples.append(made)
        arrived = _arrived(boxes, samples, patience_s)
    return found + [_judged(sample, arrived.get(sample.token)) for sample in samples]


def _senders() -> list[str]:
    """One address for each domain that mail is sent in the name of."""
    query = select(NewsletterList.sender_address).where(NewsletterList.archived_at.is_(None))
    found = {address.rpartition("@")[2].lower(): address for address in db.session.scalars(query)}
    db.session.rollback()
    return sorted(found.values())


def _guard(to: str, boxes: list[MailboxUrl], current: Settings) -> None:
    """Before going live nobody but the staff is written to (P13)."""
    routes = relays.routes(db.session(), current)
    db.session.rollback()  # looking takes time (P7)
    known = to.lower() in {box.user.lower() for box in boxes} | set(routes.staff)
    if not (routes.live or known):
        raise NotPossible("In trial mode the address is one of the staff, or the mailbox's own.")


def _ways(
    current: Settings, senders: list[str]
) -> Iterator[tuple[RelayUrl, str, tuple[DkimKey, ...]]]:
    held = DkimKeys(current.dkim_dir)
    for name, relay in relays.urls(current).items():
        for sender in senders if name != relays.SANDBOX else ():
            domain = addresses.parse(sender).domain_ascii
            yield relay, sender, held.signing(domain) if relay.signed else ()


def _sample(
    relay: RelayUrl, sender: str, keys: tuple[DkimKey, ...], to: str, current: Settings
) -> Sample:
    """A letter like an issue: both parts, Swedish, a link, and the headers for leaving."""
    token, link = secrets.token_hex(12), f"{current.base_url}/"
    words = f"Ett prov av signaturen på väg genom {relay.host}. {token}"
    html = f'<!doctype html><html lang="sv"><body><p>{words}</p><p><a href="{link}">{link}</a></p>'
    letter = Letter(f"Signatur {token}", html + "</body></html>", f"{words}\n\n{link}\n", "sv", {})
    fixed = FixedHeaders("Signatur", sender, list_id=f"prov.{current.bounce_domain}")
    prepared = Prepared.of(letter, fixed)
    reader = Reader(
        to=addresses.parse(to).envelope,
        date=datetime.now(UTC),
        message_id=headers.message_id(token, current.bounce_domain),
        values={"unsubscribe_url": link},
    )
    data = prepared.message(reader, prepared.seal(keys, relay.unsigned))
    return Sample(relay, keys, token, data)


async def _sent(sample: Sample, sender: str, to: str, current: Settings) -> str:
    """Hand a letter to its relay; what the relay said against it, or nothing."""
    timeouts = Timeouts(*[SMTP_PATIENCE_S] * 13)
    back = return_path.address(sample.token, current.bounce_domain)
    try:
        connection = await Connection.open(sample.relay, timeouts, current.ehlo_name)
        try:
            parsed = addresses.parse(to)
            envelope = Envelope(back, parsed.envelope, len(sample.data))
            answer = await connection.envelope(envelope)
            reply = await connection.body(sample.data) if answer.accepted else answer.reply
        finally:
            await connection.quit()
    except SmtpError as error:
        return error.reason
    return "" if reply.ok else str(reply)


def _arrived(boxes: list[MailboxUrl], sent: list[Sample], patience_s: float) -> dict[str, bytes]:
    """What came back in time, by token; it is taken out of the mailbox, everything else stays."""
    wanted = {sample.token for sample in sent}
    found: dict[str, bytes] = {}
    ends = time.monotonic() + patience_s
    seen: set[tuple[str, str]] = set()
    while wanted - found.keys():
        for box in boxes:
            found |= _looked(box, wanted - found.keys(), seen)
        if time.monotonic() > ends:
            break
        if wanted - found.keys():
            time.sleep(LOOK_EVERY_S)
    return found


def _looked(box: MailboxUrl, wanted: set[str], seen: set[tuple[str, str]]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with opened(box) as session:
            known = [uid for name, uid in seen if name == str(box)]
            for message in session.waiting(known, MOST_LOOKED_AT):
                seen.add((str(box), message.uid))
                raw = session.read(message)
                token = next((each for each in wanted if each.encode() in raw), None)
                if token:
                    found[token] = raw
                    session.remove([message])
    except MailboxFault as fault:
        raise NotPossible(f"The mailbox cannot be read: {fault.said}") from fault
    return found


def _judged(sample: Sample, raw: bytes | None) -> Check:
    name = str(sample.relay)
    if raw is None:
        return failed("loopback", name, "loopback.lost")
    whole = dkim_check.with_crlf(raw)
    fault = next(filter(None, (dkim_check.fault(whole, key) for key in sample.keys)), "")
    if not fault:
        selectors = ", ".join(key.selector for key in sample.keys)
        return ok("loopback", name, "loopback.whole", selectors=selectors)
    if fault != "signature":
        return failed("loopback", name, f"loopback.{fault}")
    changed = ":".join(dkim_check.changed_headers(sample.data, whole))
    return failed("loopback", name, "loopback.signature", names=changed or "?")
