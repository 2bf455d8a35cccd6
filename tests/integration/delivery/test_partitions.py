"""The ledger's partitions on PostgreSQL: made ahead, and never in a release's way."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter_service.delivery import audience, overdue, turn
from newsletter_service.delivery.engine import close_engine
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import ledger, writing
from newsletter_service.models.partitions import make_ahead
from tests.smtp_sink import Sink
from tests.world import World, world

pytestmark = pytest.mark.postgres


@pytest.fixture
def on_postgres(postgres_url: str, tmp_path: Path) -> Iterator[World]:
    with world(postgres_url, tmp_path) as made:
        yield made


def partitions() -> set[str]:
    with db.engine.connect() as connection:
        names = connection.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'delivery'::regclass"
            )
        )
        return set(names)


def expand(made: World, issue_id: int) -> int:
    audience.expand(issue_id, datetime.now(UTC))
    counted = statement(db.session(), issue_id)
    assert counted.balances
    return counted.rows


def issue_with_id(made: World, issue_id: int) -> int:
    """An issue whose id leapt, as after a restore or many discarded drafts."""
    first = made.issue()
    with writing() as session:
        session.execute(
            text("SELECT setval(pg_get_serial_sequence('issue', 'id'), :id)"), {"id": issue_id - 1}
        )
    assert first < issue_id
    return made.issue()


def test_an_issue_beyond_the_last_partition_is_sent_all_the_same(on_postgres: World) -> None:
    on_postgres.readers(3)
    far = issue_with_id(on_postgres, 7_654_321)
    before = partitions()
    assert expand(on_postgres, far) == 3
    assert partitions() - before == {"delivery_p76543"}


def test_partitions_are_made_ahead_beside_filled_ones(on_postgres: World) -> None:
    on_postgres.readers(3)
    first = on_postgres.issue()
    assert expand(on_postgres, first) == 3
    far = issue_with_id(on_postgres, 1_950)
    overdue.make_partitions()
    before = partitions()
    assert {"delivery_p00019", "delivery_p00029"} <= before
    overdue.make_partitions()
    assert partitions() == before
    assert expand(on_postgres, far) == 3
    assert statement(db.session(), first).rows == 3
    with db.engine.connect() as connection:
        options = connection.scalars(
            text("SELECT reloptions FROM pg_class WHERE relname = 'delivery_p00019'")
        ).one()
    assert options == ["fillfactor=50"]


def test_two_processes_may_make_the_same_partition(on_postgres: World) -> None:
    def make(_number: int) -> list[str]:
        with ledger(engine) as connection:
            return make_ahead(connection, 90_000, ahead=0)

    engine = db.engine
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(4)))
    assert sorted(made) == [[], [], [], ["delivery_p00900"]]


def test_an_issue_that_statistics_do_not_know_is_found_by_its_keys(
    postgres_url: str, tmp_path: Path, smtp_sink: Sink
) -> None:
    with world(postgres_url, tmp_path, smtp_url=smtp_sink.url, batch_size="200") as made:
        made.readers(600)
        assert expand(made, made.issue()) == 600
        turn.take()
        with db.engine.connect() as connection:
            connection.execute(text("ANALYZE"))
            connection.commit()
        before = read_by_reader(made)
        assert expand(made, made.issue()) == 600
        turn.take()
        assert read_by_reader(made) - before < 10 * 600  # it was 258 000
    assert len(smtp_sink.messages) == 1200


@pytest.mark.parametrize("first", [1, 1_950])
def test_a_delivery_is_found_by_its_key_though_statistics_do_not_know_its_issue(
    on_postgres: World, first: int
) -> None:
    """In a partition of the first schema, and in one made later."""
    on_postgres.readers(2000)
    overdue.make_partitions()
    issue_id = issue_with_id(on_postgres, first) if first > 1 else on_postgres.issue()
    assert expand(on_postgres, issue_id) == 2000
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    issue_id = on_postgres.issue()
    assert expand(on_postgres, issue_id) == 2000
    with db.engine.connect() as connection:
        plan = connection.scalars(
            text(f"EXPLAIN SELECT * FROM delivery WHERE issue_id = {issue_id} AND n = 7")
        )
        assert "_pkey" in "".join(plan)


def read_by_reader(made: World) -> int:
    """Entries read of the index that finds an issue's rows by their readers.

    What a session read is counted when it has ended.
    """
    close_engine(made.app)
    db.session.remove()
    db.engine.dispose()
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    read = text(
        "SELECT idx_tup_read FROM pg_stat_user_indexes"
        " WHERE indexrelname = 'delivery_p00000_issue_id_subscriber_id_key'"
    )
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ends = time.monotonic() + 10
        while connection.scalar(others) and time.monotonic() < ends:
            time.sleep(0.05)
        return int(connection.scalar(read) or 0)
