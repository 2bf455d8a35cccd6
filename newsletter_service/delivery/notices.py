"""Sends notices: their own process, their own connection, the same gate (P6)."""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from time import time

from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter_service import relays
from newsletter_service.delivery import (
    control,
    notice_ledger,
    notice_letters,
    refusals,
    retry,
    shares,
)
from newsletter_service.delivery.engine import SendingEngine, Stopped, engine_of
from newsletter_service.delivery.flow import FREE, Allowed, Pass
from newsletter_service.delivery.letters import for_envelope
from newsletter_service.delivery.notice_ledger import SOON_MS, Ending
from newsletter_service.delivery.shares import Limit
from newsletter_service.mail.dkim_keys import DkimKeyError
from newsletter_service.mail.smtp.connection import Connection as SmtpConnection
from newsletter_service.mail.smtp.dsn import DsnParams
from newsletter_service.mail.smtp.envelope import Envelope
from newsletter_service.mail.smtp.errors import (
    InDoubt,
    MalformedAddress,
    MalformedMessage,
    NeedsSmtpUtf8,
    NotSent,
    RelayRefusesUs,
    RelayUnavailable,
)
from newsletter_service.mail.smtp.replies import Phase, Reply
from newsletter_service.models import DeliveryState, Notice, SkipReason
from newsletter_service.relays import Route
from newsletter_service.verdicts import RelayReply

log = logging.getLogger(__name__)

CONNECTIONS = 2
LOOK_S = 0.2
CRASHES_ALLOWED = 3
_D = DeliveryState


def _later(error: NotSent | None, reason: str = "", wait_ms: int = SOON_MS) -> Ending:
    if error is None:
        return Ending(_D.DEFERRED, None, reason, wait_ms)
    return Ending(_D.DEFERRED, error.code, error.reason, wait_ms)


def send_due() -> None:
    """Send every notice that is due, oldest first, until none is or the process stops."""
    engine = engine_of(current_app._get_current_object())  # type: ignore[attr-defined]
    engine.run(_drain(engine))


async def _drain(engine: SendingEngine) -> None:
    await engine.sql(notice_ledger.recover)
    prolonging = asyncio.ensure_future(_prolong(engine))
    try:
        lanes = [_lane(engine) for _ in range(CONNECTIONS)]
        results = await asyncio.gather(*lanes, return_exceptions=True)
    finally:
        prolonging.cancel()
        with suppress(asyncio.CancelledError):
            await prolonging
        await engine.leave_limits(shares.NOTICES + engine.owner)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _lane(engine: SendingEngine) -> None:
    """One connection's notices: a slow answer to one does not hold up the next."""
    while not engine.stopping.is_set():
        claimed = await engine.sql(notice_ledger.claim, engine.owner, engine.lease_ms)
        if claimed is None:
            return
        await _send(engine, *claimed)


async def _prolong(engine: SendingEngine) -> None:
    """Keep the leases while a relay takes its time; a failure is tried again."""
    while True:
        await asyncio.sleep(engine.lease_ms / 3000)
        try:
            await engine.sql(notice_ledger.prolong, engine.owner, engine.lease_ms)
        except SQLAlchemyError:
            log.exception("lease_not_prolonged")


async def _send(engine: SendingEngine, notice_id: int, epoch: int) -> None:
    """One notice from its row to its outcome."""
    now = datetime.now(UTC)
    try:
        made = await engine.sql(_make, engine, notice_id, epoch, now)
    except DkimKeyError as error:  # it is tried again when its lease has run out
        log.error("dkim_key_unusable", extra={"notice_id": notice_id, "why": str(error)})
        return
    if made is None:
        return
    mail, route = made
    if route is None:
        await engine.sql(notice_ledger.settle, mail, _later(None, "no relay is open"))
        return
    passed = FREE
    try:
        passed = await _turn_comes(engine, route)
        async with engine.connection(route, CONNECTIONS) as connection:
            await _transact(engine, connection, mail, route)
    except Stopped:
        await engine.sql(notice_ledger.give_back, mail)
    except RelayRefusesUs as error:
        log.error("relay_refuses_us", extra={"relay": route.name, "smtp_code": error.code})
        await engine.sql(control.trip_relay, route.id, str(error), now)
        await engine.sql(notice_ledger.settle, mail, _later(error))
    except RelayUnavailable as error:
        wait_ms = await engine.sql(_back_off, route.id, str(error), now)
        await engine.sql(notice_ledger.settle, mail, _later(error, wait_ms=wait_ms))
    finally:
        passed.leave()


async def _turn_comes(engine: SendingEngine, route: Route) -> Pass:
    """Wait for our tenth of the relay's rate and our connection, where it has limits (P6)."""
    name = f"relay:{route.id}"
    limit = Limit(name, route.rate_per_second, route.max_connections)
    if not limit.rate and not limit.connections:
        return FREE
    while not engine.stopping.is_set():
        owner = shares.NOTICES + engine.owner
        granted = await engine.sql(shares.lease, owner, [limit], engine.in_use())
        share = granted[name]
        engine.flow.allow({name: Allowed(rate=share.rate, seats=share.connections)})
        await engine.narrow()
        found = engine.flow.enter([name])
        if isinstance(found, Pass):
            return found
        await engine.pause(min(found.wait, LOOK_S))
    raise Stopped


def _make(
    connection: Connection, engine: SendingEngine, notice_id: int, epoch: int, now: datetime
) -> tuple[notice_letters.Mail, Route | None] | None:
    """The mail and its relay; None when the notice was settled instead."""
    with Session(bind=connection) as session:
        notice = session.get_one(Notice, notice_id)
        if notice.epoch != epoch:
            return None  # the lease ran out and somebody else has it
        skip = _why_not(session, notice, now)
        if skip is None:
            routes = relays.routes(session, engine.settings)
            route = routes.choose(notice.address, for_notice=True, to_staff=notice.to_staff)
            url = route.url if route is not None else None
            try:
                mail = notice_letters.make(session, engine, notice, int(time()) * 1000, url)
            except DkimKeyError:
                raise
            except Exception:  # one notice's data must never stop the others (P12)
                log.exception("notice_failed", extra={"notice_id": notice_id, "kind": notice.kind})
                notice_ledger.crashed(connection, notice_id, epoch)
                return None
            return mail, route
        notice.state, notice.skip_reason = _D.SKIPPED, skip
        notice.sealed, notice.owner = None, ""
        session.flush()
    return None


def _why_not(session: Session, notice: Notice, now: datetime) -> SkipReason | None:
    if notice.expires_at <= now:
        return SkipReason.EXPIRED
    if notice.crashes >= CRASHES_ALLOWED:
        return SkipReason.INTERNAL_ERROR
    barred = session.scalar(
        notice_ledger.suppressed(notice.address_key, notice.kind, notice.to_staff).limit(1)
    )
    return SkipReason.SUPPRESSED if barred else None


async def _transact(
    engine: SendingEngine,
    connection: SmtpConnection,
    mail: notice_letters.Mail,
    route: Route,
) -> None:
    try:
        envelope = Envelope(
            mail.sender,
            for_envelope(mail.address),
            len(mail.data),
            dsn=DsnParams(),
            envid=f"notice.{mail.notice_id}",
        )
        answer = await connection.envelope(envelope)
    except (NeedsSmtpUtf8, MalformedAddress) as error:
        await engine.sql(notice_ledger.settle, mail, Ending(_D.REFUSED, error.code, error.reason))
        return
    except (RelayUnavailable, RelayRefusesUs):
        raise
    except NotSent as error:
        await engine.sql(notice_ledger.settle, mail, _later(error))
        return
    if engine.stopping.is_set():
        await connection.abandon()
        await engine.sql(notice_ledger.give_back, mail)
        return
    if not answer.accepted:
        await _refused(engine, mail, answer.reply, answer.phase)
        return
    if not await engine.sql(notice_ledger.pass_gate, mail, route.id):
        await connection.abandon()
        return
    await _body(engine, connection, mail, route)


async def _body(
    engine: SendingEngine,
    connection: SmtpConnection,
    mail: notice_letters.Mail,
    route: Route,
) -> None:
    try:
        reply = await connection.body(mail.data)
    except InDoubt as error:
        await engine.sql(notice_ledger.settle, mail, Ending(_D.IN_DOUBT, None, error.reason))
        return
    except MalformedMessage as error:
        log.exception("notice_malformed", extra={"notice_id": mail.notice_id, "kind": mail.kind})
        await engine.sql(notice_ledger.settle, mail, Ending(_D.REFUSED, None, error.reason))
        return
    except (RelayUnavailable, RelayRefusesUs):
        raise
    except NotSent as error:
        wait = retry.wait_ms(mail.tries + 1, engine.settings.retry_seconds, str(mail.notice_id))
        await engine.sql(notice_ledger.settle, mail, _later(error, wait_ms=wait))
        return
    if reply.ok:
        await engine.sql(notice_ledger.settle, mail, Ending(_D.ACCEPTED, reply.code, reply.text))
        await engine.sql(_accepted, route.id, datetime.now(UTC))
    else:
        await _refused(engine, mail, reply, Phase.DOT)


async def _refused(
    engine: SendingEngine, mail: notice_letters.Mail, reply: Reply, phase: Phase
) -> None:
    """The relay said no: for now, for good, or for our own sake."""
    said = refusals.read(reply, phase)
    if said.retry or said.meaning in refusals.OURS:
        wait = retry.wait_ms(mail.tries + 1, engine.settings.retry_seconds, str(mail.notice_id))
        await engine.sql(
            notice_ledger.settle, mail, Ending(_D.DEFERRED, reply.code, str(reply), wait)
        )
    else:
        await engine.sql(_refuse, mail, reply, said)


def _refuse(
    connection: Connection, mail: notice_letters.Mail, reply: Reply, said: RelayReply
) -> None:
    """Refused for good. It is noted and never suppresses: strangers ask for these mails."""
    if (
        not notice_ledger.settle(connection, mail, Ending(_D.REFUSED, reply.code, str(reply)))
        or mail.to_staff
    ):
        return
    with Session(bind=connection) as session:
        failure = refusals.failure(
            said, mail.address_key, mail.address, str(reply), datetime.now(UTC)
        )
        failure.notice_id = mail.notice_id
        session.add(failure)
        session.flush()


def _back_off(connection: Connection, relay_id: int, reason: str, now: datetime) -> int:
    return relays.back_off(connection, relay_id, reason, for_notice=True, now=now)


def _accepted(connection: Connection, relay_id: int, now: datetime) -> None:
    relays.accepted(connection, relay_id, for_notice=True, now=now)
