"""Whatever happens in whatever order: the ledger balances and nobody gets two copies.

Random runs of everything that workers, recovery and people do to one issue. The model knows one
thing that no row knows: which readers a body has left for without a certain failure since.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select, update

from newsletter_service import suppression
from newsletter_service.delivery import audience, claims, control, finish, gate
from newsletter_service.delivery.claims import Batched
from newsletter_service.delivery.ledger import Answer, Claim, Outcome, Start
from newsletter_service.delivery.recover import recover
from newsletter_service.delivery.statement import statement, tallies
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    BounceEvent,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Relay,
    Retry,
    SkipReason,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    ledger,
    ms_of,
    writing,
)
from newsletter_service.models.delivery import DELIVERY_MOVES
from tests.world import World, world

READERS = 8
LEASE_MS = 60_000
NOW = datetime.now(UTC)
_D = DeliveryState
WORKING = (_D.CLAIMED, _D.DATA_STARTED)

ENDINGS = (_D.ACCEPTED, _D.REFUSED, _D.DEFERRED, _D.DEFERRED, _D.IN_DOUBT, _D.PENDING)
LOOKS = ("resend", "resend", "accepted", "refused", "evidence")
WEIGHTS = {
    "claim batch": 4,
    "claim retries": 4,
    "start": 8,
    "end": 8,
    "settle before": 1,
    "close batch": 1,
    "lose leases": 4,
    "pause or resume": 1,
    "cancel or finish": 1,
    "leave": 1,
    "look": 3,
    "expand again": 1,
}
ACTS = tuple(act for act, weight in WEIGHTS.items() for _ in range(weight))


@pytest.fixture
def small(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path, batch_size="3", smtp_url="smtp://127.0.0.1:9?tls=none") as it:
        it.readers(READERS)
        watch_moves()
        yield it


def watch_moves() -> None:
    """Have the database itself note which state follows which."""
    with ledger(db.engine) as connection:
        for statement in (
            "CREATE TABLE moved (before TEXT, after TEXT, UNIQUE (before, after))",
            "CREATE TRIGGER moves AFTER UPDATE OF state ON delivery WHEN OLD.state <> NEW.state"
            " BEGIN INSERT OR IGNORE INTO moved VALUES (OLD.state, NEW.state); END",
        ):
            connection.exec_driver_sql(statement)


def forbidden_moves() -> list[tuple[str, str]]:
    with db.engine.connect() as connection:
        seen = connection.exec_driver_sql("SELECT before, after FROM moved").all()
    assert len(seen) > len(DeliveryState)
    return [(a, b) for a, b in seen if _D(b) not in DELIVERY_MOVES[_D(a)]]


@dataclass
class Held:
    """What some worker believes it holds, perhaps long after it lost it."""

    claim: Claim
    started: bool = False


class Sending(RuleBasedStateMachine):
    """One issue, workers that may sleep or die, and people who change their minds."""

    made: World

    @initialize()
    def begin(self) -> None:
        with writing() as session:
            session.execute(delete(Suppression))
            session.execute(delete(BounceEvent))
            session.execute(delete(Retry))
            session.execute(update(Subscription).values(state=SubscriptionState.CONFIRMED))
            session.execute(update(Issue).values(state=IssueState.CANCELLED))
        self.issue_id = self.made.issue()
        self.relay_id = db.session.scalars(select(Relay.id).where(Relay.name != "sandbox")).one()
        self.held: list[Held] = []
        self.batches: list[Batched] = []
        self.owners = 0
        self.left: set[int] = set()
        audience.expand(self.issue_id, NOW)

    @rule(
        act=st.sampled_from(ACTS),
        number=st.integers(0, 1000),
        yes=st.booleans(),
        state=st.sampled_from(ENDINGS),
    )
    def step(self, act: str, number: int, yes: bool, state: DeliveryState) -> None:
        """One rule for all, so that each act comes as often as its weight says."""
        match act:
            case "claim batch":
                self.claim_batch()
            case "claim retries":
                self.claim_retries()
            case "start" if self.held:
                self.start(number, yes) if number % 4 else self.start_all()
            case "end" if self.held:
                self.end(number, state, uncharged=number % 3 == 0, twice=yes)
            case "settle before" if self.held:
                self.settle_before_the_gate(number, yes)
            case "close batch" if self.batches:
                self.close_batch(number)
            case "lose leases":
                self.lose_every_lease()
            case "pause or resume":
                self.pause_or_resume()
            case "cancel or finish":
                self.cancel_or_finish(number)
            case "leave":
                self.leave(number, yes)
            case "look":
                self.look_into_a_doubt(number, LOOKS[number % len(LOOKS)])
            case _:
                audience.expand(self.issue_id, NOW)

    # Workers.

    def claim_batch(self) -> None:
        with ledger(db.engine) as connection:
            taken = claims.claim_batch(connection, self.owner(), LEASE_MS)
        if taken is not None:
            self.batches.append(taken)
            self.hold(taken.claims)

    def claim_retries(self) -> None:
        with writing() as session:
            session.execute(update(Retry).values(due_ms=0))
        with ledger(db.engine) as connection:
            taken = claims.claim_retries(connection, self.owner(), LEASE_MS)
        self.hold(taken.claims)

    def start(self, number: int, unanswered: bool) -> None:
        """Ask the gate; `unanswered` loses the answer to the first commit."""
        held = self.held[number % len(self.held)]
        if not held.started:
            self.pass_gate(held, unanswered)

    def pass_gate(self, held: Held, unanswered: bool) -> None:
        start = Start(held.claim, self.relay_id, ms_of(NOW))
        answer = self.commit(starts=(start,))
        if unanswered:
            answer = self.commit(starts=(start,), again=True)
        if answer is Answer.PASSED:
            assert held.claim.n not in self.left, "a second copy leaves"
            self.left.add(held.claim.n)
            held.started = True
            return
        self.held.remove(held)
        if answer is Answer.STOPPED:
            self.commit(Outcome(held.claim, _D.PENDING))

    def end(self, number: int, state: DeliveryState, uncharged: bool, twice: bool) -> None:
        """The relay's word, early or late; a certain failure lets the reader be tried again."""
        held = self.held.pop(number % len(self.held))
        if not held.started and state in (_D.ACCEPTED, _D.IN_DOUBT):
            state = _D.PENDING
        if held.started and state in (_D.DEFERRED, _D.REFUSED):
            self.left.discard(held.claim.n)
        outcome = Outcome(
            held.claim,
            state,
            code=552 if state == _D.REFUSED else None,
            reply="552 5.2.2 Mailbox full" if state == _D.REFUSED else "",
            uncharged=uncharged and held.started and state == _D.DEFERRED,
        )
        for _ in range(1 + twice):
            self.commit(outcome)

    def start_all(self) -> None:
        for held in [one for one in self.held if not one.started]:
            self.pass_gate(held, unanswered=False)

    def settle_before_the_gate(self, number: int, crashed: bool) -> None:
        held = self.held[number % len(self.held)]
        if not held.started:
            self.held.remove(held)
            skip = Outcome(held.claim, _D.SKIPPED, skip_reason=SkipReason.EAI_UNSUPPORTED)
            self.commit(Outcome(held.claim, _D.DEFERRED, crashed=True) if crashed else skip)

    def close_batch(self, number: int) -> None:
        batched = self.batches.pop(number % len(self.batches))
        with ledger(db.engine) as connection:
            claims.close_batch(connection, batched, 0)

    def lose_every_lease(self) -> None:
        with writing() as session:
            for table in (Batch, Retry):
                session.execute(update(table).where(table.owner != "").values(lease_until_ms=1))
        recover(db.engine)

    # People.

    def pause_or_resume(self) -> None:
        if self.state() == IssueState.SENDING:
            control.pause(self.issue_id, "anna", "a wrong picture", NOW)
        elif self.state() == IssueState.PAUSED:
            control.resume(self.issue_id, "anna", NOW)

    def cancel_or_finish(self, number: int) -> None:
        """Cancelling is the end of most of the fun, so it comes seldom."""
        if number % 7:
            finish.finish(self.issue_id, NOW)
        elif self.state() in (IssueState.SENDING, IssueState.PAUSED):
            control.cancel(self.issue_id, "anna", NOW)

    def leave(self, number: int, complains: bool) -> None:
        """By number and not by id: the same steps must lead to the same rows again."""
        n = number % READERS + 1
        with writing() as session:
            reader = session.scalars(
                select(Subscriber)
                .join(Delivery, Delivery.subscriber_id == Subscriber.id)
                .where(Delivery.issue_id == self.issue_id, Delivery.n == n)
            ).one_or_none()
            if reader is None:
                return
            if complains:
                suppression.suppress(
                    session,
                    reader.address_key,
                    reason=SuppressionReason.COMPLAINT,
                    source="test",
                    now=NOW,
                )
            else:
                session.execute(
                    update(Subscription)
                    .where(Subscription.subscriber_id == reader.id)
                    .values(state=SubscriptionState.UNSUBSCRIBED)
                )

    def look_into_a_doubt(self, number: int, act: str) -> None:
        doubtful = [row.n for row in control.in_doubt(db.session(), self.issue_id)]
        if not doubtful:
            return
        n = doubtful[number % len(doubtful)]
        if act == "evidence":
            with writing() as session:
                assert control.settle_by_evidence(session, self.issue_id, n)
        elif act == "resend":
            if self.state() != IssueState.CANCELLED:
                control.resend(self.issue_id, n, "ops", NOW)
                self.left.discard(n)
        else:
            control.settle(self.issue_id, n, act == "accepted", "ops", NOW)

    # What always holds.

    @invariant()
    def it_balances_and_tallies_agree(self) -> None:
        db.session.rollback()
        counted = statement(db.session(), self.issue_id)
        assert counted.balances
        summed = tallies(db.session(), self.issue_id)
        assert summed["accepted"] == counted.accepted
        assert summed["refused"] == counted.refused
        assert summed["skipped"] == sum(counted.skipped.values())
        assert summed["in_doubt"] == counted.in_doubt
        assert summed["pending"] + summed["deferred"] == counted.pending + counted.deferred
        if self.state() == IssueState.SENT:
            assert counted.expanded
            assert counted.pending + counted.deferred == 0

    @invariant()
    def every_row_is_with_somebody_who_will_go_on(self) -> None:
        mine = select(Delivery).where(Delivery.issue_id == self.issue_id)
        retries = {
            row.n: row
            for row in db.session.scalars(select(Retry).where(Retry.issue_id == self.issue_id))
        }
        batches = db.session.scalars(select(Batch).where(Batch.issue_id == self.issue_id)).all()
        waiting = set()
        for row in db.session.scalars(mine):
            [batch] = [one for one in batches if one.first_n <= row.n <= one.last_n]
            retry = retries.get(row.n)
            if row.state == _D.DEFERRED or (row.state in WORKING and retry):
                waiting.add(row.n)
                assert retry is not None
                assert (retry.owner != "") == (row.state in WORKING)
            elif row.state in WORKING:
                assert batch.owner != ""
            if row.state == _D.PENDING:
                assert not batch.done
        assert waiting == set(retries)

    # How the rules act.

    def owner(self) -> str:
        self.owners += 1
        return f"worker-{self.owners}"

    def hold(self, taken: list[Claim]) -> None:
        self.held += [Held(claim) for claim in sorted(taken, key=lambda claim: claim.n)]

    def state(self) -> str:
        db.session.rollback()
        return db.session.scalars(select(Issue.state).where(Issue.id == self.issue_id)).one()

    def commit(
        self, *outcomes: Outcome, starts: tuple[Start, ...] = (), again: bool = False
    ) -> Answer | None:
        with ledger(db.engine) as connection:
            answers = gate.pass_through(connection, outcomes, starts, NOW, again=again)
        return next(iter(answers.values()), None)


def test_p2_p3_whatever_happens_nobody_is_lost_and_nobody_gets_two(small: World) -> None:
    class Here(Sending):
        made = small

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    assert forbidden_moves() == []
