"""Sends notices: their own process, their own connection, the same gate (P6)."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

from flask import current_app
from sqlalchemy import Connection, Select, select, update
from sqlalchemy.orm import Session

from newsletter_service import relays
from newsletter_service.delivery import notice_letters, refusals, retry
from newsletter_service.delivery.engine import SendingEngine, engine_of
from newsletter_service.delivery.letters import parsed
from newsletter_service.mail.smtp.connection import Connection as SmtpConnection
from newsletter_service.mail.smtp.dsn import DsnParams
from newsletter_service.mail.smtp.errors import (
    InDoubt,
    MalformedAddress,
    NeedsSmtpUtf8,
    NotSent,
    RelayRefusesUs,
    RelayUnavailable,
)
from newsletter_service.mail.smtp.replies import Phase, Reply
from newsletter_service.models import (
    DeliveryState,
    Notice,
    Relay,
    SkipReason,
    Suppression,
    SuppressionReason,
    db_now_ms,
)
from newsletter_service.relays import Route
from newsletter_service.verdicts import RelayReply

log = logging.getLogger(__name__)

CONNECTIONS = 2
CRASHES_ALLOWED = 3
SOON_MS = 5000
_D = DeliveryState
OPEN = (_D.PENDING, _D.DEFERRED)

# A confirmation may reach an address that bounced: its answer proves that it works (R 4.8).
_BARS_CONFIRMATION = (
    SuppressionReason.COMPLAINT,
    SuppressionReason.BLOCKED_BY_OWNER,
    SuppressionReason.MANUAL,
)


@dataclass(frozen=True)
class Ending:
    """What became of one try; `wait_ms` is for a deferral."""

    state: DeliveryState
    code: int | None = None
    reply: str = ""
    wait_ms: int = 0


def _later(error: NotSent | None, reason: str = "", wait_ms: int = SOON_MS) -> Ending:
    if error is None:
        return Ending(_D.DEFERRED, None, reason, wait_ms)
    return Ending(_D.DEFERRED, error.code, error.reason, wait_ms)


def send_due() -> None:
    """Send every notice that is due, oldest first, until none is or the process stops."""
    engine = engine_of(current_app._get_current_object())  # type: ignore[attr-defined]
    engine.run(_drain(engine))


async def _drain(engine: SendingEngine) -> None:
    await engine.sql(_recover)
    while not engine.stopping.is_set():
        claimed = await engine.sql(_claim, engine.owner, engine.lease_ms)
        if claimed is None:
            return
        await _send(engine, *claimed)


def _recover(connection: Connection) -> None:
    """What a dead process held: claimed waits again, data_started is in doubt."""
    expired = (Notice.owner != "", Notice.lease_until_ms < db_now_ms())
    for before, after in ((_D.CLAIMED, _D.PENDING), (_D.DATA_STARTED, _D.IN_DOUBT)):
        connection.execute(
            update(Notice)
            .where(*expired, Notice.state == before)
            .values(state=after, owner="", epoch=Notice.epoch + 1, crashes=Notice.crashes + 1)
        )


def _claim(connection: Connection, owner: str, lease_ms: int) -> tuple[int, int] | None:
    """Take the oldest due notice: its id and epoch."""
    due = connection.execute(
        select(Notice.id, Notice.epoch)
        .where(Notice.state.in_(OPEN), Notice.due_ms <= db_now_ms())
        .order_by(Notice.due_ms, Notice.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if due is None:
        return None
    connection.execute(
        update(Notice)
        .where(Notice.id == due.id)
        .values(
            state=_D.CLAIMED,
            owner=owner,
            epoch=due.epoch + 1,
            lease_until_ms=db_now_ms() + lease_ms,
        )
    )
    return due.id, due.epoch + 1


async def _send(engine: SendingEngine, notice_id: int, epoch: int) -> None:
    """One notice from its row to its outcome."""
    now = datetime.now(UTC)
    made = await engine.sql(_make, engine, notice_id, epoch, now)
    if made is None:
        return
    mail, route = made
    if route is None:
        await engine.sql(_settle, mail, _later(None, "no relay is open"))
        return
    try:
        async with engine.pool(route, CONNECTIONS).connection() as connection:
            await _transact(engine, connection, mail, route)
    except RelayRefusesUs as error:
        log.error("relay_refuses_us", extra={"relay": route.name, "smtp_code": error.code})
        await engine.sql(relays.pause, route.id, str(error), now)
        await engine.sql(_settle, mail, _later(error))
    except RelayUnavailable as error:
        wait_ms = await engine.sql(_back_off, route.id, str(error), now)
        await engine.sql(_settle, mail, _later(error, wait_ms=wait_ms))


def _make(
    connection: Connection, engine: SendingEngine, notice_id: int, epoch: int, now: datetime
) -> tuple[notice_letters.Mail, Route | None] | None:
    """The mail and its relay; None when the notice was settled instead."""
    with Session(bind=connection) as session:
        notice = session.get_one(Notice, notice_id)
        skip = _why_not(session, notice, now)
        if skip is None:
            try:
                mail = notice_letters.make(session, engine, notice, int(time()) * 1000)
            except Exception:  # one notice's data must never stop the others (P12)
                log.exception("notice_failed", extra={"notice_id": notice_id, "kind": notice.kind})
                _after_crash(notice)
                session.flush()
                return None
            routes = relays.routes(session, engine.settings)
            route = routes.choose(notice.address, for_notice=True, to_staff=notice.to_staff)
            return mail, route
        notice.state, notice.skip_reason = _D.SKIPPED, skip
        notice.sealed, notice.owner = None, ""
        session.flush()
    return None


def _after_crash(notice: Notice) -> None:
    notice.crashes += 1
    notice.owner = ""
    if notice.crashes >= CRASHES_ALLOWED:
        notice.state, notice.skip_reason = _D.SKIPPED, SkipReason.INTERNAL_ERROR
        notice.sealed = None
    else:
        notice.state = _D.DEFERRED
        notice.due_ms = int(time() * 1000) + 60_000 * notice.crashes


def _why_not(session: Session, notice: Notice, now: datetime) -> SkipReason | None:
    if notice.expires_at <= now:
        return SkipReason.EXPIRED
    if notice.crashes >= CRASHES_ALLOWED:
        return SkipReason.INTERNAL_ERROR
    barred = session.scalar(_suppressed(notice.address_key, notice.kind, notice.to_staff).limit(1))
    return SkipReason.SUPPRESSED if barred else None


def _suppressed(address_key: bytes, kind: str, to_staff: bool) -> Select[int]:
    query = select(Suppression.id).where(
        Suppression.address_key == address_key,
        Suppression.scope == 0,
        Suppression.released_at.is_(None),
    )
    if to_staff:
        return query.where(Suppression.id < 0)
    if kind == "confirmation":
        return query.where(Suppression.reason.in_(_BARS_CONFIRMATION))
    return query


async def _transact(
    engine: SendingEngine,
    connection: SmtpConnection,
    mail: notice_letters.Mail,
    route: Route,
) -> None:
    address = parsed(mail.address)
    try:
        answer = await connection.envelope(
            mail.sender,
            address.envelope,
            len(mail.data),
            smtputf8=address.needs_smtputf8,
            dsn=DsnParams(envid=f"notice.{mail.notice_id}"),
        )
    except (NeedsSmtpUtf8, MalformedAddress) as error:
        await engine.sql(_settle, mail, Ending(_D.REFUSED, error.code, error.reason))
        return
    except (RelayUnavailable, RelayRefusesUs):
        raise
    except NotSent as error:
        await engine.sql(_settle, mail, _later(error))
        return
    if not answer.accepted:
        await _refused(engine, mail, answer.reply, answer.phase)
        return
    if not await engine.sql(_gate, mail, route.id):
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
        await engine.sql(_settle, mail, Ending(_D.IN_DOUBT, None, error.reason))
        return
    except NotSent as error:
        await engine.sql(_settle, mail, _later(error))
        return
    if reply.ok:
        await engine.sql(_settle, mail, Ending(_D.ACCEPTED, reply.code, reply.text))
        await engine.sql(_accepted, route.id, datetime.now(UTC))
    else:
        await _refused(engine, mail, reply, Phase.DOT)


def _gate(connection: Connection, mail: notice_letters.Mail, relay_id: int) -> bool:
    """The same gate as an issue's: mine, relay open, nobody suppressed meanwhile."""
    barred = _suppressed(mail.address_key, mail.kind, mail.to_staff).exists()
    relay_open = select(Relay.id).where(Relay.id == relay_id, Relay.paused_at.is_(None)).exists()
    moved = connection.execute(
        update(Notice)
        .where(
            Notice.id == mail.notice_id,
            Notice.epoch == mail.epoch,
            Notice.state == _D.CLAIMED,
            relay_open,
            ~barred,
        )
        .values(
            state=_D.DATA_STARTED,
            tries=Notice.tries + 1,
            relay_id=relay_id,
            dated_ms=mail.dated_ms,
        )
    )
    if moved.rowcount == 1:
        return True
    connection.execute(
        update(Notice)
        .where(Notice.id == mail.notice_id, Notice.epoch == mail.epoch, Notice.state == _D.CLAIMED)
        .values(state=_D.DEFERRED, owner="", due_ms=db_now_ms() + SOON_MS)
    )
    return False


def _settle(connection: Connection, mail: notice_letters.Mail, ending: Ending) -> bool:
    """Write the outcome, if the notice is still ours; whether it was."""
    before = [_D.CLAIMED, _D.DATA_STARTED]
    over = ending.state != _D.DEFERRED
    moved = connection.execute(
        update(Notice)
        .where(Notice.id == mail.notice_id, Notice.epoch == mail.epoch, Notice.state.in_(before))
        .values(
            state=ending.state,
            owner="",
            code=ending.code,
            reply=ending.reply[:300],
            settled_ms=db_now_ms(),
            due_ms=db_now_ms() + ending.wait_ms,
            sealed=None if over else Notice.sealed,
        )
    )
    return moved.rowcount == 1


async def _refused(
    engine: SendingEngine, mail: notice_letters.Mail, reply: Reply, phase: Phase
) -> None:
    """The relay said no: for now, for good, or for our own sake."""
    said = refusals.read(reply, phase)
    if said.retry or said.meaning in refusals.OURS:
        wait = retry.wait_ms(mail.tries + 1, engine.settings.retry_seconds, str(mail.notice_id))
        await engine.sql(_settle, mail, Ending(_D.DEFERRED, reply.code, str(reply), wait))
    else:
        await engine.sql(_refuse, mail, reply, said)


def _refuse(
    connection: Connection, mail: notice_letters.Mail, reply: Reply, said: RelayReply
) -> None:
    """Refused for good. It is noted and never suppresses: strangers ask for these mails."""
    if not _settle(connection, mail, Ending(_D.REFUSED, reply.code, str(reply))) or mail.to_staff:
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
