"""Recovery: what a dead, lost or sleeping worker held goes on without it (P3).

Leases run on database time. An expired one turns claimed → pending with a new epoch, so that
its worker's gate refuses when it wakes, and data_started → in_doubt: the server may have it.
"""

import logging

from sqlalchemy import Connection, Engine, and_, delete, select, update

from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Retry,
    db_now_ms,
    ledger,
)

log = logging.getLogger(__name__)
_D = DeliveryState


def recover(engine: Engine) -> int:
    """Take everything whose lease ran out from its worker; returns how many are in doubt now."""
    doubtful = 0
    with engine.connect() as connection:
        batches = connection.scalars(
            select(Batch.id).where(Batch.owner != "", Batch.lease_until_ms < db_now_ms())
        ).all()
        retries = connection.execute(
            select(Retry.issue_id, Retry.n).where(
                Retry.owner != "", Retry.lease_until_ms < db_now_ms()
            )
        ).all()
    for batch_id in batches:
        with ledger(engine) as connection:
            doubtful += _recover_batch(connection, batch_id)
    for issue_id, n in retries:
        with ledger(engine) as connection:
            doubtful += _recover_retry(connection, issue_id, n)
    if batches or retries:
        log.warning(
            "leases_recovered",
            extra={"batches": len(batches), "retries": len(retries), "in_doubt": doubtful},
        )
    return doubtful


def _recover_batch(connection: Connection, batch_id: int) -> int:
    batch = connection.execute(
        select(Batch.issue_id, Batch.first_n, Batch.last_n, Batch.epoch)
        .where(Batch.id == batch_id, Batch.owner != "", Batch.lease_until_ms < db_now_ms())
        .with_for_update()
    ).one_or_none()
    if batch is None:
        return 0
    not_retried = ~(
        select(Retry.n).where(Retry.issue_id == Delivery.issue_id, Retry.n == Delivery.n).exists()
    )
    rows = and_(
        Delivery.issue_id == batch.issue_id,
        Delivery.n.between(batch.first_n, batch.last_n),
        not_retried,
    )
    connection.execute(
        update(Delivery)
        .where(rows, Delivery.state == _D.CLAIMED)
        .values(state=_D.PENDING, epoch=Delivery.epoch + 1)
    )
    # The epoch stays: a reply that its worker still holds may settle the doubt.
    doubtful = connection.execute(
        update(Delivery)
        .where(rows, Delivery.state == _D.DATA_STARTED)
        .values(state=_D.IN_DOUBT, settled_ms=db_now_ms())
    ).rowcount
    connection.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(
            owner="",
            lease_until_ms=0,
            epoch=batch.epoch + 1,
            crashes=Batch.crashes + 1,
            pending=Batch.pending - doubtful,
            in_doubt=Batch.in_doubt + doubtful,
            done=Batch.pending - doubtful == 0,
        )
    )
    return doubtful


def _recover_retry(connection: Connection, issue_id: int, n: int) -> int:
    row = connection.execute(
        select(Retry.batch_id, Delivery.state)
        .join(Delivery, and_(Delivery.issue_id == Retry.issue_id, Delivery.n == Retry.n))
        .where(
            Retry.issue_id == issue_id,
            Retry.n == n,
            Retry.owner != "",
            Retry.lease_until_ms < db_now_ms(),
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        return 0
    delivery = and_(Delivery.issue_id == issue_id, Delivery.n == n)
    key = and_(Retry.issue_id == issue_id, Retry.n == n)
    if row.state != _D.DATA_STARTED:
        connection.execute(
            update(Delivery)
            .where(delivery, Delivery.state == _D.CLAIMED)
            .values(state=_D.DEFERRED, epoch=Delivery.epoch + 1, crashes=Delivery.crashes + 1)
        )
        connection.execute(update(Retry).where(key).values(owner="", lease_until_ms=0))
        return 0
    connection.execute(
        update(Delivery)
        .where(delivery, Delivery.state == _D.DATA_STARTED)
        .values(state=_D.IN_DOUBT, settled_ms=db_now_ms())
    )
    connection.execute(delete(Retry).where(key))
    connection.execute(
        update(Batch)
        .where(Batch.id == row.batch_id)
        .values(deferred=Batch.deferred - 1, in_doubt=Batch.in_doubt + 1)
    )
    return 1
