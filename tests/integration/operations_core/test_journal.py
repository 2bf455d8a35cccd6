"""The journal beside the backups: what an old database forgot is known again."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter_service import suppression
from newsletter_service.app import create_app
from newsletter_service.extensions import db
from newsletter_service.models import (
    JournalEntry,
    JournalKind,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    writing,
)
from newsletter_service.operations import doctor, journal, suppressions
from newsletter_service.subscribers import opt_out, privacy
from newsletter_service.subscribers.consent import RequestContext
from tests.world import World, world

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def made(any_database_url: str, tmp_path: Path) -> Iterator[World]:
    with world(any_database_url, tmp_path) as made:
        made.readers(6)
        yield made


def address(number: int) -> str:
    return f"reader{number}@reader.test"


def leave(number: int, now: datetime = LATER) -> str:
    """End a reader's subscription by its page; the proof that takes it back."""
    with writing() as session:
        subscription = session.scalars(
            select(Subscription).join(Subscriber).where(Subscriber.address == address(number))
        ).one()
        opt_out.end(session, subscription, RequestContext(), now)
        return opt_out._undo_proof([subscription], now)


def standing() -> dict[str, str]:
    """Of every reader: the subscription's state, and a reason where suppressed."""
    db.session.expire_all()
    found = {}
    for each in db.session.scalars(select(Subscription)):
        barred = suppression.find(db.session(), each.subscriber.address_key, each.list_id)
        state = each.state if barred is None else barred.reason
        found[each.subscriber.address] = str(state)
    return found


def everything_happens() -> None:
    """What a backup taken before it does not know."""
    leave(1)
    suppressions.add(address(2), "asked by telephone", "test", LATER)
    suppressions.release(address(3), "it works again", "test", LATER)
    privacy.erase(address(4), "test", LATER)
    opt_out.undo(leave(5), RequestContext(), LATER)


AFTER = {
    address(1): "unsubscribed",
    address(2): "manual",
    address(3): "confirmed",
    address(5): "confirmed",
    address(6): "confirmed",
}


def test_r_9_13_a_restored_backup_is_brought_up_to_the_journal(
    sqlite_url: str, tmp_path: Path
) -> None:
    path, backup = Path(sqlite_url.removeprefix("sqlite:///")), tmp_path / "backup.db"
    with world(sqlite_url, tmp_path) as made:
        made.readers(6)
        suppressions.add(address(3), "full", "test", NOW)
        journal.keep(NOW)
        with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(backup)) as copy:
            old.backup(copy)
        everything_happens()
        assert journal.keep(LATER) > 0
        assert standing() == AFTER

    restored = replace(made.settings, database_url=f"sqlite:///{backup}")
    with create_app(restored).app_context():
        assert standing()[address(1)] == "confirmed"
        assert not journal.state().belongs
        journal.keep(LATER + timedelta(minutes=1))
        assert standing() == AFTER
        assert journal.state().belongs
        assert journal.keep(LATER + timedelta(minutes=1)) == 0
        db.session.remove()
        db.engine.dispose()


def test_nothing_younger_than_the_journal_is_undone(made: World) -> None:
    leave(1, NOW)
    suppressions.add(address(2), "asked", "test", NOW)
    journal.keep(NOW)
    suppressions.release(address(2), "asked again", "test", LATER)
    with writing() as session:
        subscription = session.scalars(
            select(Subscription).join(Subscriber).where(Subscriber.address == address(1))
        ).one()
        subscription.state, subscription.confirmed_at = SubscriptionState.CONFIRMED, LATER
    before = standing()
    journal.replay(LATER)
    journal.replay(LATER)
    assert standing() == before


def test_the_file_holds_no_address_and_is_for_its_owner_only(made: World) -> None:
    everything_happens()
    journal.keep(NOW)
    [path] = made.settings.journal_dir.iterdir()
    assert "reader" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_notes_leave_the_database_once_they_are_in_the_file(made: World) -> None:
    everything_happens()
    journal.keep(NOW)
    left = db.session.scalars(select(JournalEntry.what)).all()
    assert left == [JournalKind.MARK]


def test_a_file_begins_with_all_that_stands(made: World) -> None:
    everything_happens()
    journal.keep(NOW)
    [path] = made.settings.journal_dir.iterdir()
    path.unlink()
    assert not journal.state().belongs
    journal.keep(LATER)
    said = [json.loads(line)["what"] for line in path.read_text().splitlines()]
    assert sorted(said) == ["left", "mark", "suppressed", "suppressed"]
    assert journal.state().belongs


def test_a_line_cut_off_by_a_crash_spoils_nothing(made: World) -> None:
    leave(1)
    journal.keep(NOW)
    [path] = made.settings.journal_dir.iterdir()
    with path.open("ab") as file:
        file.write(b'{"at": 17')
    leave(2)
    journal.keep(NOW)
    whole = list(journal.files().lines())
    assert [line.what for line in whole].count(JournalKind.LEFT) == 3  # the first file began anew
    assert journal.state().belongs


def test_a_folder_that_cannot_be_written_keeps_the_notes_and_doctor_tells(
    made: World, tmp_path: Path
) -> None:
    leave(1, NOW)
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with create_app(replace(made.settings, journal_dir=in_the_way / "journal")).app_context():
        with pytest.raises(OSError, match="file"):
            journal.keep(NOW)
        assert journal.state().waiting == 1
        report = doctor.check(NOW + timedelta(hours=1))
        assert {"journal.behind"} == {
            each["code"] for each in report.checks if each["name"] == "journal"
        }


def test_what_the_journal_suppresses_again_keeps_its_reason(made: World) -> None:
    suppressions.add(address(1), "asked", "test", NOW)
    journal.keep(NOW)
    with writing() as session:
        session.query(Suppression).delete()
    assert journal.replay(LATER).suppressed == 1
    [row] = db.session.scalars(select(Suppression))
    assert (row.reason, row.source) == (SuppressionReason.MANUAL, "journal")
