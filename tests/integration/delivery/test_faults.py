"""Whatever a relay does, at whatever moment: the ledger says what became of the reader."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import delete, event, select, update

from newsletter_service.delivery import audience, turn
from newsletter_service.delivery.recover import recover
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import Batch, Delivery, Relay, Retry, Suppression, ledger
from tests.servers import eventually
from tests.smtp_sink import Behaviour, Rule, Sink
from tests.world import World, world

GIVEN_BACK, AGAIN, NEVER, DOUBT = "pending", "deferred", "refused", "in_doubt"
LONG = {"raw": "250-and\r\n" * 2000}
GARBAGE = {"raw": "nonsense\r\n"}
HALF = {"raw": "25", "close": True}
RESET = {"close": True}
SILENCE = {"raw": ""}
STALL = {"delay": 3.0}

# (at, what it does, what the ledger says after it)
CASES: list[tuple[str, dict[str, object], str]] = [
    *(("connect", how, GIVEN_BACK) for how in (RESET, GARBAGE, HALF, LONG, SILENCE)),
    *(("ehlo", how, GIVEN_BACK) for how in (RESET, GARBAGE, HALF, LONG)),
    *(("connect", {"reply": line}, GIVEN_BACK) for line in ("421 4.3.2 No", "554 5.7.1 No")),
    *(
        (at, how, AGAIN)
        for at in ("mail", "rcpt", "data")
        for how in (RESET, GARBAGE, HALF, LONG, SILENCE)
    ),
    *((at, {"reply": "451-4.3.0 Not\r\n451 4.3.0 now"}, AGAIN) for at in ("mail", "rcpt", "data")),
    *((at, {"reply": "354 3 What"}, AGAIN) for at in ("mail", "rcpt")),
    ("rcpt", {"reply": "550-5.1.1 No\r\n550 5.1.1 such user"}, NEVER),
    ("rcpt", {"reply": "552 5.2.2 Full"}, NEVER),
    ("data", {"reply": "250 2.0.0 Fine"}, AGAIN),
    ("data", {"reply": "554 5.6.0 No"}, NEVER),
    ("dot", {"reply": "451 4.3.0 Later"}, AGAIN),
    ("dot", {"reply": "554 5.6.0 Content"}, NEVER),
    *(("dot", how, DOUBT) for how in (RESET, GARBAGE, HALF, LONG, SILENCE, STALL)),
    ("dot", {"reply": "354 3 What"}, DOUBT),
    *(("dot", {"store": True, **how}, DOUBT) for how in (RESET, GARBAGE, SILENCE)),
]


@pytest.fixture
def sending(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    settings = {"smtp_timeout": "1", "lease_seconds": "5", "retry_seconds": "3600"}
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, **settings) as made:
        yield made


def one_issue(made: World) -> int:
    issue_id = made.issue()
    audience.expand(issue_id, datetime.now(UTC))
    return issue_id


def state_of(issue_id: int) -> str:
    with db.engine.connect() as connection:
        return str(connection.scalar(select(Delivery.state).where(Delivery.issue_id == issue_id)))


def forget(issue_id: int) -> None:
    """The relay as new, and nothing left to do for the next case."""
    with ledger(db.engine) as connection:
        connection.execute(update(Relay).values(backoff_until_ms=0, failures=0, slowed=1.0))
        connection.execute(update(Batch).values(done=True))
        connection.execute(delete(Retry))
        connection.execute(delete(Suppression))


def test_r_2_32_r_2_38_every_fault_at_every_moment_has_its_one_answer(
    sending: World, smtp_sink: Sink
) -> None:
    sending.readers(1)
    wrong = []
    for at, how, expected in CASES:
        smtp_sink.behave(Behaviour(rules=[Rule(at, **how)]))  # type: ignore[arg-type]
        issue_id = one_issue(sending)
        turn.take()
        if (state := state_of(issue_id)) != expected:
            wrong.append(f"{at} {how}: {state}, expected {expected}")
        assert statement(db.session(), issue_id).balances
        forget(issue_id)
    assert not wrong, "\n".join(wrong)


def test_a_relay_whose_name_nobody_knows_charges_nobody(sqlite_url: str, tmp_path: Path) -> None:
    unknown = "smtps://nobody.invalid"
    with world(sqlite_url, tmp_path, smtp_url=unknown) as made:
        made.readers(4)
        issue_id = one_issue(made)
        turn.take()
        counted = statement(db.session(), issue_id)
    assert (counted.pending, counted.balances) == (4, True)


def test_a_full_disk_stops_the_sending_and_room_lets_it_go_on_without_loss_or_double(
    sending: World, smtp_sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    sending.readers(300)
    issue_id = one_issue(sending)
    smtp_sink.behave(Behaviour(rules=[Rule("dot", reply="250 2.0.0 " + "kept " * 50)]))
    room = {"pages": 0}

    @event.listens_for(db.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {room['pages'] or 1_000_000}")

    with db.engine.connect() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    room["pages"] = used + 2
    full = threading.Event()

    def make_room() -> None:
        eventually(lambda: len(smtp_sink.messages) > 0)
        full.wait(1.0)
        room["pages"] = 0

    clearing = threading.Thread(target=make_room)
    clearing.start()
    turn.take()
    clearing.join()
    turn.take()
    counted = statement(db.session(), issue_id)
    assert "gate_failed" in caplog.messages
    sent = [message.rcpt_to[0] for message in smtp_sink]
    assert len(sent) == len(set(sent))
    assert counted.balances
    assert counted.accepted + counted.in_doubt + counted.pending == 300
    assert counted.in_doubt <= sending.settings.smtp_connections


def test_a_worker_whose_clock_is_ten_minutes_off_takes_nothing_from_the_living(
    sending: World,
) -> None:
    sending.readers(5)
    one_issue(sending)
    with ledger(db.engine) as connection:
        claimed = turn.claims.claim_batch(connection, "somebody-1-x.1", 5000)
    assert claimed is not None
    for off in (timedelta(minutes=10), timedelta(minutes=-10)):
        with time_machine.travel(datetime.now(UTC) + off):
            assert recover(db.engine) == 0
            turn.take()
    with db.engine.connect() as connection:
        owner, epoch = connection.execute(select(Batch.owner, Batch.epoch)).one()
    assert (owner, epoch) == ("somebody-1-x.1", claimed.epoch)
