"""The gate's fast way does what the slow one would, and waits where it must."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from flask import current_app
from sqlalchemy import func, select, update

from newsletter_service.delivery import audience, claims
from newsletter_service.delivery.engine import SendingEngine, engine_of
from newsletter_service.delivery.gatekeeper import Gatekeeper
from newsletter_service.delivery.ledger import Answer, Claim, Outcome, Start
from newsletter_service.delivery.statement import statement, tallies
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Relay,
    ledger,
    writing,
)
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Awaitable

DATED_MS = 1_764_000_000_000
STARTED = Delivery.state == DeliveryState.DATA_STARTED


@pytest.fixture
def claimed(sending: World) -> list[Claim]:
    """Claims of two issues, three readers each."""
    sending.readers(3)
    found = []
    for _ in range(2):
        audience.expand(sending.issue(), datetime.now(UTC))
        with ledger(db.engine) as connection:
            batched = claims.claim_batch(connection, "one", 60_000)
        assert batched is not None
        found += batched.claims
    return found


@pytest.fixture
def engine(sending: World) -> SendingEngine:
    return engine_of(current_app._get_current_object())  # type: ignore[attr-defined]


def accepted(claim: Claim) -> Outcome:
    return Outcome(claim, DeliveryState.ACCEPTED, 250, '2.0.0 "Ok" \\ {1,2}')


def start(claim: Claim) -> Start:
    relay_id = db.session.scalars(select(Relay.id).where(Relay.name != "sandbox")).one()
    return Start(claim, relay_id, DATED_MS)


def passed(engine: SendingEngine, outcomes: list[Outcome], starts: list[Start]) -> list[Answer]:
    """One gate for all of these; what it answers to the starts."""

    async def ask() -> list[Answer]:
        keeper = Gatekeeper(engine, lanes=2 * len(starts))
        for outcome in outcomes:
            keeper.settle(outcome)
        asked: list[Awaitable[Answer]] = [keeper.ask(one) for one in starts]
        answers = await asyncio.gather(*asked)
        await keeper.close()
        return answers

    db.session.rollback()
    return engine.run(ask())


def row(claim: Claim) -> Delivery:
    db.session.rollback()
    return db.session.get_one(Delivery, claim.key)


def is_balanced(claim: Claim) -> bool:
    db.session.rollback()
    counted = statement(db.session(), claim.issue_id)
    summed = tallies(db.session(), claim.issue_id)
    return counted.balances and summed["accepted"] == counted.accepted


def test_outcomes_and_starts_of_several_issues_pass_one_gate(
    claimed: list[Claim], engine: SendingEngine
) -> None:
    assert passed(engine, [], [start(claim) for claim in claimed]) == [Answer.PASSED] * 6
    assert {row(claim).state for claim in claimed} == {DeliveryState.DATA_STARTED}
    passed(engine, [accepted(claim) for claim in claimed], [])
    assert {row(claim).state for claim in claimed} == {DeliveryState.ACCEPTED}
    assert row(claimed[0]).reply == '2.0.0 "Ok" \\ {1,2}'
    assert (row(claimed[0]).dated_ms, row(claimed[0]).tries) == (DATED_MS, 1)
    assert is_balanced(claimed[0])
    assert is_balanced(claimed[-1])


def test_an_outcome_that_comes_too_late_keeps_no_other_from_the_ledger(
    claimed: list[Claim], engine: SendingEngine
) -> None:
    mine, lost, following = claimed[:3]
    passed(engine, [], [start(mine), start(lost)])
    with writing() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.issue_id == lost.issue_id, Delivery.n == lost.n)
            .values(epoch=99)
        )
    answers = passed(engine, [accepted(mine), accepted(lost)], [start(following)])
    assert answers == [Answer.PASSED]
    assert row(mine).state == DeliveryState.ACCEPTED
    assert row(lost).state == DeliveryState.DATA_STARTED
    assert row(following).state == DeliveryState.DATA_STARTED
    assert is_balanced(mine)


def test_a_start_of_a_paused_issue_is_stopped_among_others(
    claimed: list[Claim], engine: SendingEngine
) -> None:
    with writing() as session:
        paused = Issue.id == claimed[0].issue_id
        session.execute(update(Issue).where(paused).values(state=IssueState.PAUSED))
    answers = passed(engine, [], [start(claimed[0]), start(claimed[-1])])
    assert answers == [Answer.STOPPED, Answer.PASSED]


def test_half_of_the_lanes_wait_for_a_gate_while_the_others_work(
    claimed: list[Claim], engine: SendingEngine
) -> None:
    seen = []
    wanted = [start(claim) for claim in claimed[:3]]

    async def ask(keeper: Gatekeeper, one: Start) -> None:
        await keeper.ask(one)
        seen.append(db.session.scalar(select(func.count()).where(STARTED)) or 0)
        db.session.rollback()

    async def ask_all() -> None:
        keeper = Gatekeeper(engine, lanes=3)
        await asyncio.gather(*(ask(keeper, one) for one in wanted))
        await keeper.close()

    db.session.rollback()
    engine.run(ask_all())
    assert (seen[0] < len(wanted)) is engine.passage.leaves_the_loop
    assert seen[-1] == len(wanted)


def test_most_of_the_lanes_wait_once_more_for_the_others(
    claimed: list[Claim], engine: SendingEngine
) -> None:
    one, two, late = (start(claim) for claim in claimed[:3])

    async def ask() -> bool:
        keeper = Gatekeeper(engine, lanes=6, gather_s=1.0)
        asked = [keeper.ask(one), keeper.ask(two)]
        await asyncio.sleep(1.3)
        waited = not any(each.done() for each in asked)
        assert await asyncio.gather(*asked, keeper.ask(late)) == [Answer.PASSED] * 3
        await keeper.close()
        return waited

    db.session.rollback()
    assert engine.run(ask())


def test_a_gate_waits_for_who_writes_and_the_loop_goes_on(
    claimed: list[Claim], engine: SendingEngine
) -> None:
    holds, done = threading.Event(), threading.Event()

    def write() -> None:
        with ledger(engine.database) as connection:
            connection.execute(select(Batch.id).order_by(Batch.id).with_for_update())
            holds.set()
            done.wait(30)

    writer = threading.Thread(target=write)

    async def ask() -> Answer:
        keeper = Gatekeeper(engine)
        await keeper.ask(first)
        keeper.settle(accepted(first.claim))
        writer.start()
        holds.wait(30)
        asked = asyncio.ensure_future(keeper.ask(second))
        await asyncio.sleep(0.05)  # the loop goes on: this comes back
        assert not asked.done()
        done.set()
        answer = await asked
        await keeper.close()
        return answer

    first, second = start(claimed[0]), start(claimed[1])
    db.session.rollback()
    assert engine.run(ask()) is Answer.PASSED
    writer.join()
    assert row(first.claim).state == DeliveryState.ACCEPTED
