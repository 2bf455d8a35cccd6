"""What people do to a send: pause, resume, cancel, and settle what is in doubt."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.orm import Session

from newsletter_service import audit, queue, relays
from newsletter_service.delivery import breaker
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Notice,
    Retry,
    SkipReason,
    changed,
    db_now_ms,
    writing,
)

_D = DeliveryState
OPEN = (_D.PENDING, _D.DEFERRED)


class NotPossible(ValueError):
    """The issue is not in a state where this can be done; says which it is in."""


def pause(issue_id: int, actor: str, reason: str, now: datetime) -> None:
    """Stop before the next gate; effective at once for every worker. Raises `NotPossible`."""
    with writing() as session:
        issue = _issue(session, issue_id, IssueState.SENDING)
        issue.move(IssueState.PAUSED)
        issue.paused_reason = reason[:300]
        audit.record(session, actor, "issue.paused", f"issue:{issue_id}", reason=reason)


def pause_row(connection: Connection, issue_id: int, reason: str) -> bool:
    """Pause it, in the sending worker's own transaction; whether it was sending."""
    return (
        changed(
            connection,
            (
                update(Issue)
                .where(Issue.id == issue_id, Issue.state == IssueState.SENDING)
                .values(state=IssueState.PAUSED, paused_reason=reason[:300])
            ),
        )
        == 1
    )


def trip(connection: Connection, issue_id: int, reason: str) -> None:
    """The circuit breaker's pause: audited, and told to the operators by the scheduler."""
    if pause_row(connection, issue_id, reason):
        _audit(connection, "issue.paused", f"issue:{issue_id}", reason)


def trip_relay(connection: Connection, relay_id: int, reason: str, now: datetime) -> None:
    """The same for a relay that refuses our log-in."""
    if relays.pause(connection, relay_id, reason, now):
        _audit(connection, "relay.paused", f"relay:{relay_id}", reason)


def _audit(connection: Connection, act: str, about: str, reason: str) -> None:
    with Session(bind=connection) as session:
        audit.record(session, breaker.ACTOR, act, about, reason=reason)
        session.flush()


def resume(issue_id: int, actor: str, now: datetime) -> None:
    """Go on sending. Raises `NotPossible`."""
    with writing() as session:
        issue = _issue(session, issue_id, IssueState.PAUSED)
        issue.move(IssueState.SENDING)
        issue.paused_reason = ""
        session.execute(update(Batch).where(Batch.issue_id == issue_id).values(not_before_ms=0))
        _try_again_at_once(session, issue_id)
        audit.record(session, actor, "issue.resumed", f"issue:{issue_id}")
        queue.nudge("delivery.turn")
        if issue.expanded_at is None:
            queue.nudge("audience.expand", issue_id)


def _try_again_at_once(session: Session, issue_id: int) -> None:
    """Who was refused for our sake need not wait longer: the cause is mended.

    Only a 5yz that was deferred is that; the relay said no, so nobody can get two (P3).
    """
    refused = (
        select(Delivery.n)
        .where(
            Delivery.issue_id == Retry.issue_id,
            Delivery.n == Retry.n,
            Delivery.state == _D.DEFERRED,
            Delivery.code >= 500,
        )
        .exists()
    )
    session.execute(
        update(Retry).where(Retry.issue_id == issue_id, Retry.owner == "", refused).values(due_ms=0)
    )


def cancel(issue_id: int, actor: str, now: datetime) -> None:
    """Send to nobody more; who has it has it, the others are skipped. Raises `NotPossible`."""
    with writing() as session:
        issue = _issue(session, issue_id, IssueState.SENDING, IssueState.PAUSED)
        issue.move(IssueState.CANCELLED)
        audit.record(session, actor, "issue.cancelled", f"issue:{issue_id}")
    skip_rest(issue_id, SkipReason.CANCELLED)


def skip_rest(issue_id: int, reason: SkipReason) -> int:
    """Turn all that is pending or deferred into skipped, a batch a commit; returns how many."""
    total = batch_id = 0
    while (skipped := _skip_one_batch(issue_id, batch_id, reason)) is not None:
        batch_id, number = skipped
        total += number
    return total


def _skip_one_batch(issue_id: int, after: int, reason: SkipReason) -> tuple[int, int] | None:
    """The next open batch after one, unless a worker has it: its id and how many were skipped."""
    with writing() as session:
        batch = session.scalars(
            select(Batch)
            .where(
                Batch.issue_id == issue_id,
                Batch.id > after,
                Batch.owner == "",
                (Batch.pending > 0) | (Batch.deferred > 0),
            )
            .order_by(Batch.id)
            .limit(1)
            .with_for_update()
        ).one_or_none()
        if batch is None:
            return None
        waiting = and_(
            Retry.issue_id == issue_id,
            Retry.n.between(batch.first_n, batch.last_n),
            Retry.owner == "",
        )
        # Retries before deliveries, as those do who claim them.
        session.execute(select(Retry.n).where(waiting).with_for_update())
        rows = and_(Delivery.issue_id == issue_id, Delivery.n.between(batch.first_n, batch.last_n))
        taken = _skip_rows(session, rows, reason)
        session.execute(delete(Retry).where(waiting))
        batch.pending -= taken[_D.PENDING]
        batch.deferred -= taken[_D.DEFERRED]
        batch.skipped += sum(taken.values())
        batch.done = batch.pending == 0
        return batch.id, sum(taken.values())


def _skip_rows(
    session: Session, rows: ColumnElement[bool], reason: SkipReason
) -> dict[DeliveryState, int]:
    taken = {}
    for state in OPEN:
        taken[state] = changed(
            session,
            update(Delivery)
            .where(rows, Delivery.state == state)
            .values(state=_D.SKIPPED, skip_reason=reason, settled_ms=db_now_ms()),
        )
    return taken


def in_doubt(session: Session, issue_id: int | None = None, limit: int = 1000) -> list[Delivery]:
    """Deliveries nobody knows the end of, oldest issue first."""
    query = select(Delivery).where(Delivery.state == _D.IN_DOUBT)
    if issue_id is not None:
        query = query.where(Delivery.issue_id == issue_id)
    else:
        doubtful = select(Batch.issue_id).where(Batch.in_doubt > 0).distinct()
        query = query.where(Delivery.issue_id.in_(doubtful))
    return list(session.scalars(query.order_by(Delivery.issue_id, Delivery.n).limit(limit)))


def settle(issue_id: int, n: int, accepted: bool, actor: str, now: datetime) -> None:
    """An operator knows how a doubtful delivery ended. Raises `NotPossible`."""
    after = _D.ACCEPTED if accepted else _D.REFUSED
    with writing() as session:
        _out_of_doubt(session, issue_id, n, after)
        audit.record(session, actor, "delivery.settled", f"delivery:{issue_id}.{n}", to=after)
        queue.nudge("issue.finish", issue_id)


def settle_by_evidence(session: Session, issue_id: int, n: int) -> bool:
    """Something came back for a doubtful delivery, so the relay had it: accepted (R 2.38).

    For a verb that holds a transaction; whether there was a doubt to settle.
    """
    state = session.scalar(
        select(Delivery.state).where(Delivery.issue_id == issue_id, Delivery.n == n)
    )
    if state != _D.IN_DOUBT:
        return False
    _out_of_doubt(session, issue_id, n, _D.ACCEPTED)
    audit.record(session, "evidence", "delivery.settled", f"delivery:{issue_id}.{n}", to="accepted")
    queue.nudge("issue.finish", issue_id)
    return True


def settle_notice_by_evidence(session: Session, notice_id: int) -> bool:
    """The same for a notice; its sealed secret is no longer needed."""
    statement = (
        update(Notice)
        .where(Notice.id == notice_id, Notice.state == _D.IN_DOUBT)
        .values(state=_D.ACCEPTED, epoch=Notice.epoch + 1, sealed=None, settled_ms=db_now_ms())
    )
    return changed(session, statement) == 1


def resend(issue_id: int, n: int, actor: str, now: datetime) -> None:
    """Send a doubtful one again with the same bytes; the reader may get two. `NotPossible`."""
    with writing() as session:
        issue = _issue(session, issue_id, IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)
        if issue.expires_at is not None and issue.expires_at <= now:
            raise NotPossible(f"Issue {issue_id} is too old to be sent again; settle it instead.")
        batch = _out_of_doubt(session, issue_id, n, _D.DEFERRED)
        session.execute(
            insert(Retry).values(
                issue_id=issue_id, n=n, batch_id=batch.id, due_ms=0, owner="", lease_until_ms=0
            )
        )
        if issue.state == IssueState.SENT:
            issue.move(IssueState.SENDING)
        audit.record(session, actor, "delivery.resent", f"delivery:{issue_id}.{n}")
        queue.nudge("delivery.turn")


def _out_of_doubt(session: Session, issue_id: int, n: int, after: DeliveryState) -> Batch:
    # The batch first, as everywhere, so that no two transactions wait in a circle.
    batch = session.scalars(
        select(Batch)
        .where(Batch.issue_id == issue_id, Batch.first_n <= n, Batch.last_n >= n)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    moved = changed(
        session,
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.n == n, Delivery.state == _D.IN_DOUBT)
        .values(state=after, epoch=Delivery.epoch + 1, settled_ms=db_now_ms()),
    )
    if moved != 1 or batch is None:
        raise NotPossible(f"Delivery {issue_id}.{n} is not in doubt.")
    batch.in_doubt -= 1
    setattr(batch, after, getattr(batch, after) + 1)
    return batch


def _issue(session: Session, issue_id: int, *allowed: IssueState) -> Issue:
    issue = session.get(Issue, issue_id, with_for_update=True)
    if issue is None:
        raise NotPossible(f"There is no issue {issue_id}.")
    if issue.state not in allowed:
        wanted = " or ".join(allowed)
        raise NotPossible(f"Issue {issue_id} is {issue.state}, not {wanted}.")
    return issue
