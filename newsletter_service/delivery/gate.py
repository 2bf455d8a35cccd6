"""The gate: the one short transaction that a body must have passed before it leaves (P3, P5).

It commits the last outcomes and moves the next messages `claimed → data_started`, and only
where the epoch is ours, the issue is sending, the relay open, the subscription confirmed and not
paused, and no suppression matches. Everything is decided by the rows at that moment.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Exists, and_, case, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from newsletter_service.delivery import claims, holds, refusals
from newsletter_service.delivery.ledger import Answer, Claim, Outcome, Start
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Relay,
    Retry,
    SkipReason,
    Subscription,
    SubscriptionState,
    Suppression,
    db_now_ms,
)

_D = DeliveryState
UNDERWAY = (_D.CLAIMED, _D.DATA_STARTED)


def pass_through(
    connection: Connection,
    outcomes: Sequence[Outcome],
    starts: Sequence[Start],
    now: datetime,
    *,
    again: bool = False,
) -> dict[tuple[int, int], Answer]:
    """Settle the outcomes, then answer every start; call inside one transaction.

    `again` says that this very gate was tried before and its commit may have happened: a start
    that it moved has passed, and since nobody was told, no body has left.
    """
    tallies: Counter[tuple[int, str]] = Counter()
    _lock_batches(connection, outcomes)
    for outcome in outcomes:
        _settle(connection, outcome, tallies, now)
    answers = {}
    for start in starts:
        passed = again and _has_passed(connection, start.claim)
        answer = Answer.PASSED if passed else _start(connection, start, tallies)
        answers[start.claim.key] = answer
    _add_tallies(connection, tallies)
    return answers


def _lock_batches(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """The batches before their rows, as recovery does, so that none waits in a circle."""
    batches = {outcome.claim.batch_id for outcome in outcomes if outcome.state != _D.PENDING}
    if batches and connection.dialect.name != "sqlite":
        connection.execute(
            select(Batch.id)
            .where(Batch.id.in_(batches))
            .order_by(Batch.id)
            .with_for_update(key_share=True)
        )


def _has_passed(connection: Connection, claim: Claim) -> bool:
    started = connection.execute(
        select(Delivery.n).where(
            Delivery.issue_id == claim.issue_id,
            Delivery.n == claim.n,
            Delivery.epoch == claim.epoch,
            Delivery.state == _D.DATA_STARTED,
        )
    )
    return started.first() is not None


def _start(connection: Connection, start: Start, tallies: Counter[tuple[int, str]]) -> Answer:
    claim = start.claim
    moved = connection.execute(
        update(Delivery)
        .where(
            claims.still_ours(claim),
            holds.none_of(holds.ISSUES),
            exists().where(Issue.id == claim.issue_id, Issue.state == IssueState.SENDING),
            exists().where(Relay.id == start.relay_id, Relay.paused_at.is_(None)),
            _is_confirmed(claim),
            ~_is_paused(claim),
            ~_is_suppressed(claim),
        )
        .values(
            state=_D.DATA_STARTED,
            tries=Delivery.tries + 1,
            relay_id=start.relay_id,
            dated_ms=func.coalesce(Delivery.dated_ms, start.dated_ms),
        )
    )
    if moved.rowcount == 1:
        return Answer.PASSED
    return _why_not(connection, start, tallies)


def _why_not(connection: Connection, start: Start, tallies: Counter[tuple[int, str]]) -> Answer:
    claim = start.claim
    mine = connection.execute(
        select(
            Issue.state,
            and_(
                exists().where(Relay.id == start.relay_id, Relay.paused_at.is_(None)),
                holds.none_of(holds.ISSUES),
            ),
            _is_suppressed(claim),
            _is_paused(claim),
        )
        .select_from(Delivery)
        .join(Issue, Issue.id == Delivery.issue_id)
        .where(
            claims.still_ours(claim),
        )
    ).one_or_none()
    if mine is None:
        return Answer.LOST
    issue_state, relay_open, suppressed, paused = mine
    if issue_state != IssueState.SENDING or not relay_open:
        return Answer.STOPPED
    reason = SkipReason.PAUSED if paused else SkipReason.UNSUBSCRIBED
    reason = SkipReason.SUPPRESSED if suppressed else reason
    _move(connection, Outcome(claim, _D.SKIPPED, skip_reason=reason), tallies, (_D.CLAIMED,))
    return Answer.SKIPPED


def _is_confirmed(claim: Claim) -> Exists:
    return exists().where(
        Subscription.list_id == claim.list_id,
        Subscription.subscriber_id == claim.subscriber_id,
        Subscription.state == SubscriptionState.CONFIRMED,
    )


def _is_paused(claim: Claim) -> Exists:
    return _is_confirmed(claim).where(Subscription.paused_until_ms > db_now_ms())


def _is_suppressed(claim: Claim) -> Exists:
    return exists().where(
        Suppression.address_key == claim.address_key,
        Suppression.scope.in_((0, claim.list_id)),
        Suppression.released_at.is_(None),
    )


def _settle(
    connection: Connection, outcome: Outcome, tallies: Counter[tuple[int, str]], now: datetime
) -> None:
    """Write what became of a claim; a reply that came after the lease settles the doubt."""
    if outcome.state == _D.PENDING:
        _give_back(connection, outcome)
        return
    moved = _move(connection, outcome, tallies, UNDERWAY)
    if not moved and outcome.state in (_D.ACCEPTED, _D.REFUSED):
        moved = _move(connection, outcome, tallies, (_D.IN_DOUBT,))
    if moved and outcome.state == _D.REFUSED:
        with Session(bind=connection) as session:
            refusals.record(session, outcome, now)
            session.flush()


def _move(
    connection: Connection,
    outcome: Outcome,
    tallies: Counter[tuple[int, str]],
    before: tuple[DeliveryState, ...],
) -> bool:
    """Move the row out of one of the states `before`, which are counted alike."""
    claim = outcome.claim
    moved = connection.execute(
        update(Delivery)
        .where(
            Delivery.issue_id == claim.issue_id,
            Delivery.n == claim.n,
            Delivery.epoch == claim.epoch,
            Delivery.state.in_(before),
        )
        .values(
            state=outcome.state,
            skip_reason=outcome.skip_reason,
            code=outcome.code,
            reply=outcome.said[:300],
            settled_ms=db_now_ms(),
            crashes=Delivery.crashes + 1 if outcome.crashed else 0,
            tries=Delivery.tries - 1 if outcome.uncharged else Delivery.tries,
        )
    )
    if moved.rowcount != 1:
        return False
    _follow(connection, outcome)
    counted_as = "deferred" if claim.retried else "pending"
    tallies[claim.batch_id, "in_doubt" if _D.IN_DOUBT in before else counted_as] -= 1
    tallies[claim.batch_id, str(outcome.state)] += 1
    return True


def _follow(connection: Connection, outcome: Outcome) -> None:
    """Keep the retry table in step with the row."""
    claim = outcome.claim
    key = and_(Retry.issue_id == claim.issue_id, Retry.n == claim.n)
    if outcome.state != _D.DEFERRED:
        if claim.retried:
            connection.execute(delete(Retry).where(key))
        return
    due = db_now_ms() + outcome.wait_ms
    if claim.retried:
        connection.execute(update(Retry).where(key).values(due_ms=due, owner="", lease_until_ms=0))
    else:
        connection.execute(
            insert(Retry).values(
                issue_id=claim.issue_id,
                n=claim.n,
                batch_id=claim.batch_id,
                due_ms=due,
                owner="",
                lease_until_ms=0,
            )
        )


def _give_back(connection: Connection, outcome: Outcome) -> None:
    """Return a claim whose body never left; nothing is charged and the epoch moves on."""
    claim = outcome.claim
    moved = connection.execute(
        update(Delivery)
        .where(
            claims.still_ours(claim),
        )
        .values(
            state=_D.DEFERRED if claim.retried else _D.PENDING,
            epoch=Delivery.epoch + 1,
            crashes=claim.crashes,
        )
    )
    if claim.retried and moved.rowcount == 1:
        connection.execute(
            update(Retry)
            .where(Retry.issue_id == claim.issue_id, Retry.n == claim.n)
            .values(owner="", lease_until_ms=0, due_ms=db_now_ms() + outcome.wait_ms)
        )


def _add_tallies(connection: Connection, tallies: Counter[tuple[int, str]]) -> None:
    for batch_id in sorted({batch for batch, _ in tallies}):
        changes = {
            name: getattr(Batch, name) + number
            for (batch, name), number in tallies.items()
            if batch == batch_id and number
        }
        if changes:
            done = case((Batch.pending + tallies[batch_id, "pending"] == 0, True), else_=Batch.done)
            connection.execute(
                update(Batch).where(Batch.id == batch_id).values(**changes, done=done)
            )
