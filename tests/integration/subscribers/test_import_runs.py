"""Imports from stored files: in turns, killed and gone on with, reported; on both databases."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import func, select, update

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    AuditEvent,
    ConsentEvent,
    FieldKind,
    FieldValue,
    ImportPart,
    ImportState,
    Lease,
    NewsletterList,
    ReaderImport,
    Subscriber,
    SuppressionReason,
    leases,
    writing,
)
from newsletter_service.subscribers import (
    fields,
    file_rows,
    import_files,
    import_runs,
    import_turns,
    imports,
)
from newsletter_service.subscribers.fields import Choice, Definition
from newsletter_service.subscribers.import_plan import EvidenceMissing
from newsletter_service.subscribers.import_runs import How, NoSuchImport
from newsletter_service.subscribers.import_turns import Pace
from tests.integration.subscribers.parken import NOW, Desk

ADA = "ada@example.org"
LATER = NOW + timedelta(days=2)
ONE_BLOCK = Pace(seconds=-1, block=40)


def list_id() -> int:
    return db.session.scalars(select(NewsletterList.id).where(NewsletterList.slug == "nytt")).one()


def kept(body: str | bytes, dry: bool = False, confirmed: bool = True) -> int:
    """A file that waits for a worker."""
    raw = body if isinstance(body, bytes) else body.encode()
    names = fields.names(fields.of_list(db.session(), list_id()))
    columns = file_rows.look(BytesIO(raw), names).columns
    import_id = import_runs.keep(BytesIO(raw), "läsare.csv", list_id(), ADA, NOW)
    import_runs.settle(import_id, How(columns, "", confirmed, "Mässan 2025", dry), ADA, NOW)
    return import_id


def run_of(import_id: int) -> ReaderImport:
    db.session.rollback()
    return import_runs.get(import_id)


def readers() -> int:
    return db.session.scalar(select(func.count()).select_from(Subscriber)) or 0


def many(number: int) -> str:
    return "email\n" + "".join(f"reader{n}@example.org\n" for n in range(number))


def test_a_file_is_read_back_as_it_was_put(desk: Desk) -> None:
    body = bytes(range(256)) * 5_000
    import_id = import_runs.keep(BytesIO(body), "x", list_id(), ADA, NOW)
    file = import_files.open_file(import_id)
    assert file.read() == body
    file.seek(-300, 2)
    assert file.read(40) == body[-300:-260]
    file.seek(import_files.PIECE - 3)
    assert file.read(6) == body[import_files.PIECE - 3 :][:6]


def test_a_dry_run_counts_all_and_changes_nothing(desk: Desk) -> None:
    import_id = kept("email\nanna@example.org\nfel\nANNA@example.org\n", dry=True)
    import_turns.work(import_id, NOW)
    run = run_of(import_id)
    assert (run.state, run.rows_total, run.rows_done, run.taken) == ("done", 3, 3, 1)
    assert run.reasons == {"invalid_address": 1, "repeated": 1}
    assert list(import_runs.left_out(import_id)) == [(3, "invalid_address"), (4, "repeated")]
    assert readers() == 0
    assert db.session.scalars(select(AuditEvent)).all() == []
    how = How(file_rows.look(BytesIO(b"email\na@example.org\n")).columns, "", True, "Mässan")
    import_runs.settle(import_id, how, ADA, NOW)
    import_turns.work(import_id, NOW)
    assert (run_of(import_id).state, readers()) == ("done", 1)
    with pytest.raises(NoSuchImport):
        import_runs.settle(import_id, how, ADA, NOW)


def test_evidence_is_needed_where_readers_are_confirmed(desk: Desk) -> None:
    columns = file_rows.look(BytesIO(b"email\na@example.org\n")).columns
    import_id = import_runs.keep(BytesIO(b"email\na@example.org\n"), "x", list_id(), ADA, NOW)
    with pytest.raises(EvidenceMissing):
        import_runs.settle(import_id, How(columns, evidence="  "), ADA, NOW)
    assert run_of(import_id).state == ImportState.NEW


def test_what_the_file_says_becomes_answers_and_what_does_not_fit_is_reported(desk: Desk) -> None:
    choices = (Choice("Energi", "Energy"), Choice("Vård"))
    area = fields.define(
        list_id(), Definition("Område", FieldKind.CHOICE, choices=choices), actor=ADA, now=NOW
    )
    body = "email,Område\nanna@example.org,energy\nbo@example.org,Annat\ncia@example.org,\n"
    import_id = kept(body)
    import_turns.work(import_id, NOW)
    run = run_of(import_id)
    assert (run.taken, run.reasons) == (3, {"answer_unfit": 1})
    values = select(FieldValue.field_id, FieldValue.value)
    assert db.session.execute(values).all() == [(area.id, "energi")]
    again = kept("email,Område\nanna@example.org,Vård\nbo@example.org,\n")
    import_turns.work(again, NOW)  # of those who subscribe already, too
    assert db.session.execute(values).all() == [(area.id, "vard")]


ENDLESS_WORKER = """
import sys
from datetime import UTC, datetime
from newsletter_service.core import create_core
from newsletter_service.subscribers import import_turns

def told():
    sys.stdout.write("." * 65_536)  # as much as a pipe holds: it goes no further than it is read
    sys.stdout.flush()

with create_core().app_context():
    import_turns.turn(int(sys.argv[1]), datetime.now(UTC), import_turns.Pace(1e9, 50), told)
"""


def test_an_import_whose_worker_is_killed_is_finished_by_another_with_nobody_lost_or_doubled(
    desk: Desk,
) -> None:
    lines = [f"reader{n}@example.org" if n % 7 else f"reader{n}" for n in range(600)]
    import_id = kept("email\n" + "\n".join(lines) + "\n")
    env = {
        "NEWSLETTER_DATABASE_URL": desk.settings.database_url,
        "NEWSLETTER_DATA_DIR": str(desk.settings.data_dir),
    }
    command = [sys.executable, "-c", ENDLESS_WORKER, str(import_id)]
    with subprocess.Popen(command, env=os.environ | env, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert len(worker.stdout.read(4 * 65_536)) == 4 * 65_536
        worker.kill()
    assert worker.returncode == -signal.SIGKILL
    assert 0 < run_of(import_id).rows_done < 600
    db.session.rollback()
    import_turns.work(import_id, NOW)  # its lease is still the dead one's
    assert run_of(import_id).state == "running"
    with writing() as session:
        session.execute(update(Lease).values(until_ms=0))  # two minutes later
    assert import_turns.overdue() == [import_id]
    import_turns.work(import_id, NOW)
    run = run_of(import_id)
    wrong = len([line for line in lines if "@" not in line])
    assert (run.state, run.rows_done, run.taken) == ("done", 600, 600 - wrong)
    addresses = db.session.scalars(select(ConsentEvent.address_as_typed)).all()
    assert sorted(addresses) == sorted(line for line in lines if "@" in line)
    assert readers() == 600 - wrong
    assert [line for line, _why in import_runs.left_out(import_id)] == [
        n for n, line in enumerate(lines, 2) if "@" not in line
    ]


def test_a_killed_import_goes_on_where_it_was_and_doubles_nobody(desk: Desk) -> None:
    import_id = kept(many(100))
    assert import_turns.turn(import_id, NOW, ONE_BLOCK)  # one block, then its time is up
    run = run_of(import_id)
    assert (run.state, run.rows_done, run.taken, readers()) == ("running", 40, 40, 40)
    leases.hold(db.engine, f"import:{import_id}", "a worker that was killed", 60_000)
    db.session.rollback()
    assert import_turns.overdue() == []
    import_turns.work(import_id, NOW)  # another is at it, as far as anybody knows
    assert run_of(import_id).rows_done == 40
    leases.let_go(db.engine, f"import:{import_id}", "a worker that was killed")
    db.session.rollback()
    assert import_turns.overdue() == [import_id]
    import_turns.work(import_id, NOW)
    run = run_of(import_id)
    assert (run.state, run.rows_done, run.taken, readers()) == ("done", 100, 100, 100)
    assert import_turns.overdue() == []


def test_two_workers_at_once_take_each_row_once(desk: Desk) -> None:
    import_id = kept(many(100))
    began = import_turns._begin(import_id, NOW)
    assert began is not None
    plan, done = began
    block = list(file_rows.rows(import_files.open_file(import_id), plan.columns))[:40]
    assert import_turns._take(import_id, plan, imports.looked_over(block), done, NOW)
    # one that slept since before and wakes up with the same rows in hand
    assert not import_turns._take(import_id, plan, imports.looked_over(block), done, NOW)
    assert (run_of(import_id).taken, readers()) == (40, 40)


def test_a_file_that_breaks_at_its_end_changes_nothing(desk: Desk) -> None:
    import_id = kept(many(6_000).encode() + b"x" * 300_000)
    import_turns.work(import_id, NOW)
    run = run_of(import_id)
    assert (run.state, run.error, run.error_line) == ("failed", "long_line", 6_002)
    assert (run.taken, readers()) == (0, 0)


def test_an_import_that_breaks_its_worker_again_and_again_is_given_up(desk: Desk) -> None:
    import_id = kept(many(3))
    with writing() as session:
        session.execute(update(ReaderImport).values(tries=import_turns.TRIES))
    import_turns.work(import_id, NOW)
    run = run_of(import_id)
    assert (run.state, run.error, readers()) == ("failed", "internal_error", 0)


def test_r_4_8_neither_the_suppressed_nor_who_left_elsewhere_is_taken(desk: Desk) -> None:
    with writing() as session:
        key = desk.key("anna@example.org")
        suppression.suppress(
            session, key, reason=SuppressionReason.COMPLAINT, source="test", now=NOW
        )
    import_id = kept("email,status\nanna@example.org,subscribed\nbo@example.org,unsubscribed\n")
    import_turns.work(import_id, NOW)
    assert run_of(import_id).reasons == {"suppressed": 1, "left_there": 1}
    cells = [each[2] for each in import_runs.left_out_cells(import_id)]
    assert cells == [["anna@example.org", "subscribed"], ["bo@example.org", "unsubscribed"]]


def test_a_stopped_import_takes_no_more(desk: Desk) -> None:
    import_id = kept(many(100))
    import_turns.turn(import_id, NOW, ONE_BLOCK)
    assert import_runs.stop(import_id, ADA, NOW)
    import_turns.work(import_id, NOW)
    assert (run_of(import_id).state, readers()) == ("stopped", 40)
    assert not import_runs.stop(import_id, ADA, NOW)


def test_files_go_after_a_day_and_reports_after_a_season(desk: Desk) -> None:
    done, waits = kept("email\nfel\n"), kept(many(1))
    import_turns.work(done, NOW)
    assert import_runs.tidy(LATER) == 0
    assert set(db.session.scalars(select(ImportPart.import_id))) == {waits}
    assert list(import_runs.left_out_cells(done)) == [(2, "invalid_address", [])]
    assert import_runs.tidy(NOW + timedelta(days=91)) == 1
    assert list(import_runs.left_out(done)) == []


def test_each_is_asked_by_mail_in_turns_too(desk: Desk) -> None:
    import_id = kept(many(2), confirmed=False)
    import_turns.work(import_id, NOW)
    assert (run_of(import_id).taken, len(desk.notices("confirmation"))) == (2, 2)


def test_the_plan_of_a_run_is_what_was_settled(desk: Desk) -> None:
    import_id = kept(many(1))
    began = import_turns._begin(import_id, NOW)
    assert began is not None
    assert replace(began[0], columns=None).evidence == "Mässan 2025"
