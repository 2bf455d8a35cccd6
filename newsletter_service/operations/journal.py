"""The journal beside the backups: kept every few seconds, applied to a database that is older.

A database restored from a backup lacks the file's last mark. It is then brought up to the file:
whom the old state would mail and the newer one did not is mailed no more (R 9.13).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select

from newsletter_service import settings
from newsletter_service.extensions import db
from newsletter_service.models import (
    JournalEntry,
    JournalKind,
    Subscriber,
    Subscription,
    Suppression,
    ms_of,
    writing,
)
from newsletter_service.operations import journal_replay
from newsletter_service.operations.journal_files import JournalFiles, Line
from newsletter_service.operations.journal_replay import Replayed

AT_ONCE = 500
BEHIND_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class JournalState:
    """How the journal stands: where it is, how many files, what waits to be written to it."""

    folder: Path
    files: int
    bytes: int
    waiting: int
    waiting_since: datetime | None
    belongs: bool

    def is_behind(self, now: datetime) -> bool:
        """Whether something waits that should have been written long ago."""
        return self.waiting_since is not None and now - self.waiting_since > BEHIND_AFTER


def files() -> JournalFiles:
    """The files of this installation."""
    return JournalFiles(settings.current().journal_dir)


def keep(now: datetime) -> int:
    """Carry what was noted into the file, after bringing an older database up to it.

    Returns how many notes were carried. Raises OSError where the file cannot be written.
    """
    kept = files()
    _reconcile(kept, now)
    total = 0
    while rows := _waiting():
        mark = kept.append([_line(row) for row in rows], now)
        _set_mark(mark, now, [row.id for row in rows])
        total += len(rows)
    return total


def replay(now: datetime) -> Replayed:
    """Apply all that the files say, which a database restored from a backup may lack."""
    return journal_replay.replay(files(), now)


def state() -> JournalState:
    """How it stands on this machine."""
    kept = files()
    paths = kept.paths()
    noted = JournalEntry.what != JournalKind.MARK
    waiting = select(func.count(), func.min(JournalEntry.at)).select_from(JournalEntry)
    number, oldest = db.session.execute(waiting.where(noted)).one()
    return JournalState(
        kept.folder,
        len(paths),
        sum(path.stat().st_size for path in paths),
        number,
        oldest,
        kept.last_mark() == _mark(),
    )


def _reconcile(kept: JournalFiles, now: datetime) -> None:
    """Bring a database without the file's last mark up to the file, and begin a file for one
    that never belonged to it."""
    known, written = _mark(), kept.last_mark()
    if written and known == written:
        return
    if written:
        journal_replay.replay(kept, now, since=known)
    belongs = known and any(journal_replay.is_mark(line, known) for line in kept.lines())
    _set_mark(written if belongs else kept.append(_everything(), now), now)


def _everything() -> Iterator[Line]:
    """All that stands now, for a file that begins: suppressions, and who has left."""
    last = 0
    while page := _suppressions(last):
        last = page[-1].id
        for row in page:
            at = ms_of(row.last_at)
            yield Line(at, JournalKind.SUPPRESSED, row.address_key, row.scope, row.reason)
    last = 0
    while gone := _gone(last):
        last = gone[-1].id
        for each in gone:
            yield Line(ms_of(each.ended_at), JournalKind.LEFT, each.address_key, each.list_id)


def _suppressions(after: int) -> Sequence[Suppression]:
    found = select(Suppression).where(Suppression.released_at.is_(None), Suppression.id > after)
    page = db.session.scalars(found.order_by(Suppression.id).limit(AT_ONCE)).all()
    db.session.expunge_all()
    db.session.rollback()
    return page


def _gone(after: int) -> Sequence[Any]:
    found = (
        select(Subscription.id, Subscriber.address_key, Subscription.list_id, Subscription.ended_at)
        .join(Subscriber)
        .where(Subscription.ended_at.is_not(None), Subscription.id > after)
        .order_by(Subscription.id)
        .limit(AT_ONCE)
    )
    page = db.session.execute(found).all()
    db.session.rollback()
    return page


def _mark() -> str:
    """The mark that the database knows; empty before the first."""
    query = select(JournalEntry.reason).where(JournalEntry.what == JournalKind.MARK)
    known = db.session.scalars(query.order_by(JournalEntry.id.desc()).limit(1)).first() or ""
    db.session.rollback()
    return known


def _set_mark(mark: str, now: datetime, written: Sequence[int] = ()) -> None:
    """Take out what is in the file, and remember how far that goes, in one transaction."""
    with writing() as session:
        session.execute(
            delete(JournalEntry).where(
                (JournalEntry.what == JournalKind.MARK) | JournalEntry.id.in_(written)
            )
        )
        session.add(JournalEntry(at=now, what=JournalKind.MARK, address_key=b"", reason=mark))


def _waiting() -> list[JournalEntry]:
    noted = select(JournalEntry).where(JournalEntry.what != JournalKind.MARK)
    rows = list(db.session.scalars(noted.order_by(JournalEntry.id).limit(AT_ONCE)))
    db.session.expunge_all()
    db.session.rollback()
    return rows


def _line(row: JournalEntry) -> Line:
    return Line(ms_of(row.at), JournalKind(row.what), row.address_key, row.scope, row.reason)
