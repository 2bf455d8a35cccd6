"""Claiming batches and due retries by conditional UPDATEs, and giving back what was not done."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Select,
    and_,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from newsletter_service.delivery.ledger import Claim
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Retry,
    Subscriber,
    Subscription,
    db_now_ms,
)

RETRIES_AT_ONCE = 200


@dataclass(frozen=True)
class Batched:
    """A claimed batch and its rows; `careful` when a worker died with it before."""

    batch_id: int
    epoch: int
    claims: list[Claim]
    careful: bool
    owner: str


@dataclass(frozen=True)
class Retried:
    """Claimed retries; `careful` when a worker died with one of their batches before."""

    claims: list[Claim]
    careful: bool


def claim_batch(
    connection: Connection, owner: str, lease_ms: int, closed_lists: Collection[int] = ()
) -> Batched | None:
    """Take the open batch of a sending issue that waited longest, or None."""
    chosen = connection.execute(
        select(Batch.id, Batch.issue_id, Batch.first_n, Batch.last_n, Batch.epoch, Batch.crashes)
        .join(Issue, Issue.id == Batch.issue_id)
        .where(
            Issue.state == IssueState.SENDING,
            Batch.done.is_(False),
            Batch.owner == literal_column("''"),  # as the index has it
            Batch.not_before_ms <= db_now_ms(),
            Issue.list_id.not_in(closed_lists),
        )
        .order_by(Batch.not_before_ms, Batch.id)
        .limit(1)
        .with_for_update(of=Batch, skip_locked=True)
    ).one_or_none()
    if chosen is None:
        return None
    taken = connection.execute(
        update(Batch)
        .where(Batch.id == chosen.id, Batch.owner == "", Batch.epoch == chosen.epoch)
        .values(owner=owner, epoch=chosen.epoch + 1, lease_until_ms=db_now_ms() + lease_ms)
    )
    if taken.rowcount != 1:
        return None
    in_batch = and_(
        Delivery.issue_id == chosen.issue_id, Delivery.n.between(chosen.first_n, chosen.last_n)
    )
    connection.execute(
        update(Delivery)
        .where(in_batch, Delivery.state == DeliveryState.PENDING)
        .values(state=DeliveryState.CLAIMED, epoch=Delivery.epoch + 1)
    )
    rows = connection.execute(
        _details()
        .where(in_batch, Delivery.state == DeliveryState.CLAIMED, ~_in_retry())
        .order_by(Delivery.n)
    ).all()
    claims = [Claim._make((*row, chosen.id, False)) for row in rows]
    return Batched(chosen.id, chosen.epoch + 1, claims, careful=chosen.crashes > 0, owner=owner)


def claim_retries(
    connection: Connection, owner: str, lease_ms: int, closed_lists: Collection[int] = ()
) -> Retried:
    """Take deferred deliveries that are due; without claims when none is."""
    due = connection.execute(
        select(Retry.issue_id, Retry.n, Retry.batch_id, Batch.crashes)
        .join(Issue, Issue.id == Retry.issue_id)
        .join(Batch, Batch.id == Retry.batch_id)
        .where(
            Issue.state == IssueState.SENDING,
            Retry.owner == "",
            Retry.due_ms <= db_now_ms(),
            Issue.list_id.not_in(closed_lists),
        )
        .order_by(Retry.due_ms)
        .limit(RETRIES_AT_ONCE)
        .with_for_update(of=Retry, skip_locked=True)
    ).all()
    if not due:
        return Retried([], careful=False)
    batches = {(row.issue_id, row.n): row.batch_id for row in due}
    connection.execute(
        update(Retry)
        .where(tuple_(Retry.issue_id, Retry.n).in_(list(batches)), Retry.owner == "")
        .values(owner=owner, lease_until_ms=db_now_ms() + lease_ms)
    )
    moved = connection.execute(
        update(Delivery)
        .where(
            tuple_(Delivery.issue_id, Delivery.n).in_(list(batches)),
            Delivery.state == DeliveryState.DEFERRED,
        )
        .values(state=DeliveryState.CLAIMED, epoch=Delivery.epoch + 1)
        .returning(Delivery.issue_id, Delivery.n)
    ).all()
    mine = tuple_(Delivery.issue_id, Delivery.n).in_([(row.issue_id, row.n) for row in moved])
    rows = connection.execute(_details().where(mine)) if moved else ()
    claims = [Claim._make((*row, batches[row.issue_id, row.n], True)) for row in rows]
    return Retried(claims, careful=any(row.crashes for row in due))


def prolong(connection: Connection, owner: str, lease_ms: int) -> None:
    """Keep everything this worker holds for another lease."""
    until = db_now_ms() + lease_ms
    for table in (Batch, Retry):
        connection.execute(
            update(table)
            .where(table.owner == owner, table.lease_until_ms > db_now_ms())
            .values(lease_until_ms=until)
        )


def close_batch(connection: Connection, batched: Batched, wait_ms: int) -> None:
    """Give a batch back: rows not done are pending again, and nobody owns it for `wait_ms`."""
    mine = and_(Batch.id == batched.batch_id, Batch.epoch == batched.epoch)
    found = connection.execute(select(Batch.done).where(mine).with_for_update()).first()
    if found is None:
        return  # the lease ran out and somebody else has it
    if not found.done:
        release(connection, batched.batch_id)
    connection.execute(
        update(Batch)
        .where(mine)
        .values(owner="", lease_until_ms=0, not_before_ms=db_now_ms() + wait_ms)
    )


def let_batches_go(session: Session) -> None:
    """What was put off because sending was stopped may be claimed at once."""
    session.execute(
        update(Batch)
        .where(Batch.done.is_(False), Batch.not_before_ms > db_now_ms())
        .values(not_before_ms=0)
    )


def release(connection: Connection, batch_id: int) -> int:
    """Free the rows of a locked batch that nobody works on; returns how many are in doubt.

    Claimed ones are pending again. Of those that passed the gate and have no outcome nobody
    knows the end; their epoch stays, since a reply that comes late may settle the doubt.
    """
    row = connection.execute(
        select(Batch.issue_id, Batch.first_n, Batch.last_n).where(Batch.id == batch_id)
    ).one()
    rows = and_(
        Delivery.issue_id == row.issue_id,
        Delivery.n.between(row.first_n, row.last_n),
        ~_in_retry(),
    )
    connection.execute(
        update(Delivery)
        .where(rows, Delivery.state == DeliveryState.CLAIMED)
        .values(state=DeliveryState.PENDING, epoch=Delivery.epoch + 1)
    )
    doubtful = connection.execute(
        update(Delivery)
        .where(rows, Delivery.state == DeliveryState.DATA_STARTED)
        .values(state=DeliveryState.IN_DOUBT, settled_ms=db_now_ms())
    ).rowcount
    if doubtful:
        connection.execute(
            update(Batch)
            .where(Batch.id == batch_id)
            .values(
                pending=Batch.pending - doubtful,
                in_doubt=Batch.in_doubt + doubtful,
                done=Batch.pending - doubtful == 0,
            )
        )
    return doubtful


def still_ours(claim: Claim) -> ColumnElement[bool]:
    """That the row is claimed, and by this very claim: nobody had it since."""
    return and_(
        Delivery.issue_id == claim.issue_id,
        Delivery.n == claim.n,
        Delivery.state == DeliveryState.CLAIMED,
        Delivery.epoch == claim.epoch,
    )


def mark_touched(connection: Connection, claim: Claim) -> bool:
    """Before a row of a careful batch is touched: count that it might crash us (P12)."""
    moved = connection.execute(
        update(Delivery)
        .where(
            still_ours(claim),
        )
        .values(crashes=Delivery.crashes + 1)
    )
    return moved.rowcount == 1


def work_left(connection: Connection) -> bool:
    """Whether any batch or retry could be claimed now."""
    now = db_now_ms()
    batches = (
        select(Batch.id)
        .join(Issue, Issue.id == Batch.issue_id)
        .where(
            Issue.state == IssueState.SENDING,
            Batch.done.is_(False),
            Batch.owner == "",
            Batch.not_before_ms <= now,
        )
        .limit(1)
    )
    retries = (
        select(Retry.n)
        .join(Issue, Issue.id == Retry.issue_id)
        .where(Issue.state == IssueState.SENDING, Retry.owner == "", Retry.due_ms <= now)
        .limit(1)
    )
    return any(connection.execute(query).first() for query in (batches, retries))


def _in_retry() -> Exists:
    return (
        select(Retry.n).where(Retry.issue_id == Delivery.issue_id, Retry.n == Delivery.n).exists()
    )


def _details() -> Select[*tuple[Any, ...]]:
    """Everything a message needs, for claimed rows, in the order of a `Claim`: by name it takes
    four times as long.
    """
    return (
        select(
            Delivery.issue_id,
            Issue.list_id,
            Delivery.n,
            Delivery.epoch,
            Delivery.tries,
            Delivery.crashes,
            Delivery.locale,
            Delivery.dated_ms,
            Delivery.relay_id,
            Delivery.subscriber_id,
            Subscriber.address,
            Subscriber.address_key,
            Subscription.handle,
        )
        .select_from(Delivery)
        .join(Issue, Issue.id == Delivery.issue_id)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(
            Subscription,
            and_(
                Subscription.subscriber_id == Delivery.subscriber_id,
                Subscription.list_id == Issue.list_id,
            ),
        )
    )
