"""What a worker forgets, loses or says too late: every row goes on, and none goes twice."""

import asyncio
from datetime import UTC, datetime

import pytest
from flask import current_app
from sqlalchemy import func, select, update

from newsletter_service.delivery import audience, claims, finish, gate, turn
from newsletter_service.delivery.claims import Batched
from newsletter_service.delivery.engine import SendingEngine, engine_of
from newsletter_service.delivery.gatekeeper import Gatekeeper, LedgerLost
from newsletter_service.delivery.ledger import Answer, Claim, Outcome, Start
from newsletter_service.delivery.recover import recover
from newsletter_service.delivery.statement import statement, tallies
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Relay,
    Retry,
    ledger,
    ms_of,
    writing,
)
from tests.integration.delivery.conftest import Send
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World

_D = DeliveryState
LEASE_MS = 60_000


@pytest.fixture
def issue_id(sending: World) -> int:
    """An expanded issue to ten readers, one batch."""
    sending.readers(10)
    made = sending.issue()
    audience.expand(made, datetime.now(UTC))
    return made


@pytest.fixture
def relay_id(sending: World) -> int:
    return db.session.scalars(select(Relay.id).where(Relay.name != "sandbox")).one()


@pytest.fixture
def engine(sending: World) -> SendingEngine:
    return engine_of(current_app._get_current_object())  # type: ignore[attr-defined]


def take_batch(owner: str) -> Batched:
    with ledger(db.engine) as connection:
        taken = claims.claim_batch(connection, owner, LEASE_MS)
    assert taken is not None
    return taken


def take_retries(owner: str) -> list[Claim]:
    with ledger(db.engine) as connection:
        return claims.claim_retries(connection, owner, LEASE_MS).claims


def commit(*outcomes: Outcome, starts: tuple[Start, ...] = (), again: bool = False) -> list[Answer]:
    with ledger(db.engine) as connection:
        now = datetime.now(UTC)
        answers = gate.pass_through(connection, outcomes, starts, now, again=again)
    return [answers[start.claim.key] for start in starts]


def start(claim: Claim, relay_id: int) -> Start:
    return Start(claim, relay_id, ms_of(datetime.now(UTC)))


def let_leases_run_out() -> None:
    with writing() as session:
        session.execute(update(Batch).values(lease_until_ms=1))
        session.execute(update(Retry).values(lease_until_ms=1))


def make_retries_due() -> None:
    with writing() as session:
        session.execute(update(Retry).values(due_ms=0))


def state_of(claim: Claim) -> str:
    db.session.rollback()
    return db.session.get_one(Delivery, claim.key).state


def balanced(issue_id: int) -> bool:
    """Whether the statement balances and the tallies are what a recount gives."""
    db.session.rollback()
    counted = statement(db.session(), issue_id)
    summed = tallies(db.session(), issue_id)
    # A retry that somebody has counts as pending for the statement, as deferred for its batch.
    recount = {
        "open": counted.pending + counted.deferred,
        "accepted": counted.accepted,
        "refused": counted.refused,
        "skipped": sum(counted.skipped.values()),
        "in_doubt": counted.in_doubt,
    }
    summed["open"] = summed.pop("pending") + summed.pop("deferred")
    return counted.balances and summed == recount


def test_a_batch_given_back_leaves_what_passed_the_gate_without_outcome_in_doubt(
    issue_id: int, relay_id: int
) -> None:
    taken = take_batch("one")
    assert commit(starts=(start(taken.claims[0], relay_id),)) == [Answer.PASSED]
    with ledger(db.engine) as connection:
        claims.close_batch(connection, taken, 0)
    assert state_of(taken.claims[0]) == _D.IN_DOUBT
    assert state_of(taken.claims[1]) == _D.PENDING
    assert balanced(issue_id)
    commit(Outcome(taken.claims[0], _D.ACCEPTED, 250, "2.0.0 Ok"))
    assert state_of(taken.claims[0]) == _D.ACCEPTED
    assert balanced(issue_id)


def test_a_late_outcome_settles_the_doubt_once(issue_id: int, relay_id: int) -> None:
    claim = take_batch("one").claims[0]
    commit(starts=(start(claim, relay_id),))
    let_leases_run_out()
    assert recover(db.engine) == 1
    accepted = Outcome(claim, _D.ACCEPTED, 250, "2.0.0 Ok")
    commit(accepted)
    commit(accepted, Outcome(claim, _D.REFUSED, 550, "550 5.1.1 No"))
    assert state_of(claim) == _D.ACCEPTED
    assert balanced(issue_id)


def test_a_late_give_back_does_not_free_what_somebody_else_has(issue_id: int) -> None:
    claim = take_batch("one").claims[0]
    commit(Outcome(claim, _D.DEFERRED, 451, "451 4.3.0 Later"))
    make_retries_due()
    [late] = take_retries("sleeper")
    let_leases_run_out()
    recover(db.engine)
    [mine] = take_retries("second")
    commit(Outcome(late, _D.PENDING))
    db.session.rollback()
    assert db.session.get_one(Retry, mine.key).owner == "second"
    assert take_retries("third") == []


def test_recovered_retries_blame_no_reader(issue_id: int) -> None:
    taken = take_batch("one")
    commit(*(Outcome(claim, _D.DEFERRED, 451, "451 4.3.0 Later") for claim in taken.claims))
    for _ in range(4):
        make_retries_due()
        assert len(take_retries("doomed")) == 10
        let_leases_run_out()
        recover(db.engine)
    db.session.rollback()
    assert db.session.scalar(select(func.max(Delivery.crashes))) == 0
    make_retries_due()
    with ledger(db.engine) as connection:
        assert claims.claim_retries(connection, "careful", LEASE_MS).careful
    assert balanced(issue_id)


def test_a_row_given_back_by_a_careful_worker_has_crashed_nobody(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    sending.readers(3)
    made = sending.issue()
    audience.expand(made, datetime.now(UTC))
    with writing() as session:
        session.execute(update(Batch).values(crashes=1))
    smtp_sink.behave(Behaviour(rules=[Rule("connect", reply="421 4.3.2 Busy", close=True)]))
    for _ in range(4):
        turn.take()
        with writing() as session:
            session.execute(update(Relay).values(backoff_until_ms=0))
            session.execute(update(Batch).values(not_before_ms=0))
    smtp_sink.behave(Behaviour())
    assert send(made).accepted == 3


def test_a_gate_whose_commit_was_not_answered_is_passed_once(issue_id: int, relay_id: int) -> None:
    taken = take_batch("one")
    wanted = start(taken.claims[0], relay_id)
    assert commit(starts=(wanted,)) == [Answer.PASSED]
    assert commit(starts=(wanted,)) == [Answer.LOST]
    assert commit(starts=(wanted,), again=True) == [Answer.PASSED]
    db.session.rollback()
    assert db.session.get_one(Delivery, taken.claims[0].key).tries == 1


def test_a_broken_gate_leaves_no_lane_waiting(issue_id: int, engine: SendingEngine) -> None:
    impossible = start(take_batch("one").claims[0]._replace(issue_id=2**70), 1)

    async def ask_twice() -> list[str]:
        keeper = Gatekeeper(engine)
        engine.stopping.set()  # nobody waits for a better database
        heard = []
        for _ in range(2):
            try:
                await asyncio.wait_for(keeper.ask(impossible), 5)
            except LedgerLost as error:
                heard.append(type(error).__name__)
        with pytest.raises(LedgerLost):
            await keeper.close()
        return heard

    assert engine.run(ask_twice()) == ["LedgerLost", "LedgerLost"]


def test_who_waited_behind_a_broken_gate_does_not_pass(
    issue_id: int, relay_id: int, engine: SendingEngine
) -> None:
    first, second = take_batch("one").claims[:2]

    async def ask() -> list[object]:
        keeper = Gatekeeper(engine, lanes=2)
        engine.stopping.set()
        impossible = start(first._replace(issue_id=2**70), relay_id)
        asked = (keeper.ask(impossible), keeper.ask(start(second, relay_id)))
        heard = await asyncio.gather(*asked, return_exceptions=True)
        with pytest.raises(LedgerLost):
            await keeper.close()
        return list(map(type, heard))

    assert engine.run(ask()) == [LedgerLost, LedgerLost]
    db.session.rollback()
    assert db.session.get_one(Delivery, second.key).state == _D.CLAIMED


def test_a_reply_with_a_nul_is_kept_without_it(issue_id: int) -> None:
    claim = take_batch("one").claims[0]
    commit(Outcome(claim, _D.REFUSED, 550, "550 5.1.1 No\0body"))
    db.session.rollback()
    assert db.session.get_one(Delivery, claim.key).reply == "550 5.1.1 Nobody"


def test_nothing_is_claimed_while_every_relay_is_closed(issue_id: int, sending: World) -> None:
    with writing() as session:
        session.execute(update(Relay).values(backoff_until_ms=2**52))
    turn.take()
    assert set(db.session.scalars(select(Batch.epoch))) == {0}


def test_an_issue_is_not_sent_while_a_claim_is_open(issue_id: int, relay_id: int) -> None:
    taken = take_batch("one")
    commit(*(Outcome(claim, _D.ACCEPTED, 250, "2.0.0 Ok") for claim in taken.claims[1:]))
    commit(starts=(start(taken.claims[0], relay_id),))
    assert not finish.finish(issue_id, datetime.now(UTC))
    commit(Outcome(taken.claims[0], _D.ACCEPTED, 250, "2.0.0 Ok"))
    assert finish.finish(issue_id, datetime.now(UTC))
