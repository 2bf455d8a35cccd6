"""Recovery: what a dead, lost or sleeping worker held goes on without it (P3).

Leases run on database time. An expired one turns claimed → pending with a new epoch, so that
its worker's gate refuses when it wakes, and data_started → in_doubt: the server may have it.
"""

import logging

from sqlalchemy import Connection, Engine, and_, delete, select, update

from newsletter_service.delivery import claims
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
    expired = and_(Batch.id == batch_id, Batch.owner != "", Batch.lease_until_ms < db_now_ms())
    if connection.execute(select(Batch.id).where(expired).with_for_update()).first() is None:
        return 0
    doubtful = claims.release(connection, batch_id)
    connection.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(owner="", lease_until_ms=0, epoch=Batch.epoch + 1, crashes=Batch.crashes + 1)
    )
    return doubtful


def _recover_retry(connection: Connection, issue_id: int, n: int) -> int:
    key = and_(Retry.issue_id == issue_id, Retry.n == n)
    batch_id = connection.scalar(select(Retry.batch_id).where(key))
    # The batch first, as everywhere, so that no two transactions wait in a circle.
    connection.execute(select(Batch.id).where(Batch.id == batch_id).with_for_update())
    expired = and_(key, Retry.owner != "", Retry.lease_until_ms < db_now_ms())
    if connection.execute(select(Retry.n).where(expired).with_for_update()).first() is None:
        return 0
    delivery = and_(Delivery.issue_id == issue_id, Delivery.n == n)
    doubtful = connection.execute(
        update(Delivery)
        .where(delivery, Delivery.state == _D.DATA_STARTED)
        .values(state=_D.IN_DOUBT, settled_ms=db_now_ms())
    ).rowcount
    if doubtful:
        connection.execute(delete(Retry).where(key))
    else:
        connection.execute(
            update(Delivery)
            .where(delivery, Delivery.state == _D.CLAIMED)
            .values(state=_D.DEFERRED, epoch=Delivery.epoch + 1)
        )
        connection.execute(update(Retry).where(key).values(owner="", lease_until_ms=0))
    # The next who takes a row of this batch is careful: which one crashed us is not known yet.
    connection.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(
            deferred=Batch.deferred - doubtful,
            in_doubt=Batch.in_doubt + doubtful,
            crashes=Batch.crashes + 1,
        )
    )
    return doubtful
