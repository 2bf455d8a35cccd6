"""The bench of the hundredth issue fills the ledger with what a sent issue leaves."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, update

from newsletter_service.bench import hundredth, processor_time
from newsletter_service.delivery import audience, finish
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.models import Batch, Delivery, DeliveryState, Issue, IssueState, writing
from tests.world import world

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_a_copied_issue_is_over_and_balances_like_the_one_that_was_sent(
    sqlite_url: str, tmp_path: Path
) -> None:
    with world(sqlite_url, tmp_path, batch_size="5") as made:
        made.readers(12)
        first, later = made.issue(), made.issue()
        now = datetime.now(UTC)
        audience.expand(first, now)
        with writing() as session:
            session.execute(update(Delivery).values(state=DeliveryState.ACCEPTED, reply="Ok"))
            session.execute(update(Batch).values(accepted=Batch.pending, pending=0, done=True))
        assert finish.finish(first, now)

        hundredth.sent_again(first, later)

        was, again = (statement(db.session(), issue_id) for issue_id in (first, later))
        assert (again.state, again.accepted, again.balances) == (IssueState.SENT, 12, True)
        assert again.audience == was.audience
        assert _rows(first) == _rows(later)
        assert db.session.scalar(select(Issue.sent_at).where(Issue.id == later)) is not None


def _rows(issue_id: int) -> list[tuple[object, ...]]:
    """All that its deliveries and batches say but whose they are."""
    found: list[tuple[object, ...]] = []
    for table in (Delivery.__table__, Batch.__table__):
        told = [one for one in table.c if one.name not in {"issue_id", "id"}]
        found += sorted(
            tuple(row)
            for row in db.session.execute(select(*told).where(table.c.issue_id == issue_id))
        )
    return found


def test_processor_time_of_children_counts_also_when_they_have_ended() -> None:
    before = processor_time.used_by(os.getpid())
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert processor_time.used_by(os.getpid()) - before > 0.25
