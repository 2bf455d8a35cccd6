"""A notice's row: claimed, through the gate, settled; the same rules as an issue's deliveries."""

from dataclasses import dataclass

from sqlalchemy import Connection, Select, select, update

from newsletter_service.delivery import holds
from newsletter_service.delivery.notice_letters import Mail
from newsletter_service.models import (
    DeliveryState,
    Notice,
    Relay,
    Suppression,
    SuppressionReason,
    db_now_ms,
)

SOON_MS = 5000
_D = DeliveryState
OPEN = (_D.PENDING, _D.DEFERRED)

# Mails whose links prove that whoever opens them has the address.
_PROVING = frozenset({"confirmation", "personal_link", "new_address"})
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


def recover(connection: Connection) -> None:
    """What a dead process held: claimed waits again, data_started is in doubt.

    The epoch of a doubtful one stays: a reply that comes late may settle it.
    """
    expired = (Notice.owner != "", Notice.lease_until_ms < db_now_ms())
    connection.execute(
        update(Notice)
        .where(*expired, Notice.state == _D.CLAIMED)
        .values(state=_D.PENDING, owner="", epoch=Notice.epoch + 1, crashes=Notice.crashes + 1)
    )
    connection.execute(
        update(Notice)
        .where(*expired, Notice.state == _D.DATA_STARTED)
        .values(state=_D.IN_DOUBT, owner="", sealed=None, settled_ms=db_now_ms())
    )


def prolong(connection: Connection, owner: str, lease_ms: int) -> None:
    """Keep what this process is sending for another lease."""
    connection.execute(
        update(Notice)
        .where(Notice.owner == owner, Notice.lease_until_ms > db_now_ms())
        .values(lease_until_ms=db_now_ms() + lease_ms)
    )


def crashed(connection: Connection, notice_id: int, epoch: int) -> None:
    """Its data could not be made a mail: later again, by database time."""
    connection.execute(
        update(Notice)
        .where(Notice.id == notice_id, Notice.epoch == epoch, Notice.state == _D.CLAIMED)
        .values(
            state=_D.DEFERRED,
            owner="",
            crashes=Notice.crashes + 1,
            due_ms=db_now_ms() + 60_000 * (Notice.crashes + 1),
        )
    )


def give_back(connection: Connection, mail: Mail) -> None:
    """Return a notice whose body never left; nothing is charged."""
    connection.execute(
        update(Notice)
        .where(Notice.id == mail.notice_id, Notice.epoch == mail.epoch, Notice.state == _D.CLAIMED)
        .values(state=_D.PENDING, owner="", epoch=Notice.epoch + 1)
    )


def claim(connection: Connection, owner: str, lease_ms: int) -> tuple[int, int] | None:
    """Take the oldest due notice: its id and epoch."""
    due = connection.execute(
        select(Notice.id, Notice.epoch)
        .where(Notice.state.in_(OPEN), Notice.due_ms <= db_now_ms(), holds.none_of(holds.NOTICES))
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


def suppressed(address_key: bytes, kind: str, to_staff: bool) -> Select[int]:
    query = select(Suppression.id).where(
        Suppression.address_key == address_key,
        Suppression.scope == 0,
        Suppression.released_at.is_(None),
    )
    if to_staff:
        return query.where(Suppression.id < 0)
    if kind in _PROVING:
        return query.where(Suppression.reason.in_(_BARS_CONFIRMATION))
    return query


def pass_gate(connection: Connection, mail: Mail, relay_id: int) -> bool:
    """The same gate as an issue's: mine, relay open, nobody suppressed meanwhile."""
    barred = suppressed(mail.address_key, mail.kind, mail.to_staff).exists()
    relay_open = select(Relay.id).where(Relay.id == relay_id, Relay.paused_at.is_(None)).exists()
    moved = connection.execute(
        update(Notice)
        .where(
            Notice.id == mail.notice_id,
            Notice.epoch == mail.epoch,
            Notice.state == _D.CLAIMED,
            holds.none_of(holds.NOTICES),
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


def settle(connection: Connection, mail: Mail, ending: Ending) -> bool:
    """Write the outcome, if the notice is still ours; whether it was."""
    before = [_D.CLAIMED, _D.DATA_STARTED]
    if ending.state in (_D.ACCEPTED, _D.REFUSED):
        before.append(_D.IN_DOUBT)  # the lease ran out meanwhile, the reply came all the same
    over = ending.state != _D.DEFERRED
    moved = connection.execute(
        update(Notice)
        .where(Notice.id == mail.notice_id, Notice.epoch == mail.epoch, Notice.state.in_(before))
        .values(
            state=ending.state,
            owner="",
            code=ending.code,
            reply=ending.reply[:300].replace("\0", ""),
            settled_ms=db_now_ms(),
            due_ms=db_now_ms() + ending.wait_ms,
            sealed=None if over else Notice.sealed,
        )
    )
    return moved.rowcount == 1
