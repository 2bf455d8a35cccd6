"""The ledger's partitions on PostgreSQL: made ahead, and never in a release's way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter_service.delivery import audience, overdue
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import ledger, writing
from newsletter_service.models.partitions import make_ahead
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
