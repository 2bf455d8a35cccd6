"""An import from a stored file: kept, settled, stopped, reported. `import_turns` does the work."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy import delete, select, update

from newsletter_service import audit
from newsletter_service.extensions import db
from newsletter_service.mail import clean
from newsletter_service.models import (
    ImportLeft,
    ImportPart,
    ImportState,
    LegalBasis,
    NewsletterList,
    ReaderImport,
    changed,
    writing,
)
from newsletter_service.queue import nudge
from newsletter_service.subscribers import import_files, tables
from newsletter_service.subscribers.columns import Columns
from newsletter_service.subscribers.import_plan import Plan

FILE_KEPT = timedelta(days=1)
REPORT_KEPT = timedelta(days=90)
OPEN = (ImportState.WAITING, ImportState.RUNNING)


class NoSuchImport(LookupError):
    """There is no such import, or it is no longer to be changed."""


@dataclass(frozen=True)
class How:
    """What a person settles: how the file reads, whether they are confirmed, on what grounds."""

    columns: Columns
    encoding: str = ""
    confirmed: bool = True
    evidence: str = ""
    dry: bool = False
    basis: LegalBasis = LegalBasis.CONSENT


def keep(stream: BinaryIO, name: str, list_id: int, actor: str, now: datetime) -> int:
    """Store a file to be imported; the import's id. Raises `import_files.TooLarge`."""
    with writing() as session:
        made = ReaderImport(
            list_id=list_id,
            file_name=clean.line(name)[:200],
            actor=actor[:254],
            created_at=now,
            changed_at=now,
        )
        session.add(made)
        session.flush()
        import_id = made.id
    try:
        size, digest = import_files.put(import_id, stream)
    except import_files.TooLarge:
        forget(import_id)
        raise
    with writing() as session:
        values = {"size": size, "digest": digest}
        session.execute(update(ReaderImport).where(ReaderImport.id == import_id).values(values))
    return import_id


def get(import_id: int) -> ReaderImport:
    """An import. Raises `NoSuchImport`."""
    found = db.session.get(ReaderImport, import_id)
    if found is None:
        raise NoSuchImport(import_id)
    return found


def latest(limit: int = 5) -> list[ReaderImport]:
    """The newest imports that were begun."""
    query = select(ReaderImport).where(ReaderImport.state != ImportState.NEW)
    return list(db.session.scalars(query.order_by(ReaderImport.id.desc()).limit(limit)))


def settle(
    import_id: int, how: How, actor: str, now: datetime, *, by_a_worker: bool = True
) -> None:
    """Say how a file is to be imported, and let a worker begin it; again after a dry run.

    Raises `NoSuchImport` and `EvidenceMissing`.
    """
    with writing() as session:
        run = session.get(ReaderImport, import_id, with_for_update=True)
        done_dry = run is not None and run.dry and run.state not in OPEN
        if run is None or not (run.state == ImportState.NEW or done_dry):
            raise NoSuchImport(import_id)
        run.columns, run.encoding = how.columns.as_json(), how.encoding
        run.confirmed, run.dry, run.basis = how.confirmed, how.dry, how.basis
        run.evidence = clean.text(how.evidence).strip()
        plan_of(session.get_one(NewsletterList, run.list_id), run).check()
        run.state, run.actor, run.changed_at, run.finished_at = (
            *(ImportState.WAITING, actor[:254], now),
            None,
        )
        run.rows_total, run.rows_done, run.taken, run.tries = None, 0, 0, 0
        run.reasons, run.error, run.error_line = {}, "", 0
        session.execute(delete(ImportLeft).where(ImportLeft.import_id == import_id))
        if by_a_worker:
            nudge("readers.import", import_id)


def stop(import_id: int, actor: str, now: datetime) -> bool:
    """Take no more readers from a file; those taken stay. Whether it was under way."""
    with writing() as session:
        stopped = changed(
            session,
            update(ReaderImport)
            .where(ReaderImport.id == import_id, ReaderImport.state.in_(OPEN))
            .values(state=ImportState.STOPPED, changed_at=now, finished_at=now),
        )
        if stopped:
            audit.record(session, actor, "subscribers.import_stopped", f"import:{import_id}")
        return stopped == 1


def forget(import_id: int) -> None:
    """Remove an import that nobody settled, with its file."""
    import_files.remove(import_id)
    with writing() as session:
        session.execute(
            delete(ReaderImport).where(
                ReaderImport.id == import_id, ReaderImport.state == ImportState.NEW
            )
        )


def left_out(import_id: int) -> Iterator[tuple[int, str]]:
    """Line and reason of every row that was left out, block by block."""
    last = -1
    while True:
        row = db.session.execute(
            select(ImportLeft.rows_before, ImportLeft.rows)
            .where(ImportLeft.import_id == import_id, ImportLeft.rows_before > last)
            .order_by(ImportLeft.rows_before)
            .limit(1)
        ).first()
        db.session.rollback()
        if row is None:
            return
        last = row[0]
        for line, reason in row[1]:
            yield int(line), str(reason)


def left_out_cells(import_id: int) -> Iterator[tuple[int, str, list[str]]]:
    """The same with the cells of each row, as long as the file is kept."""
    wanted = left_out(import_id)
    if not import_files.is_there(import_id):
        yield from ((line, reason, []) for line, reason in wanted)
        return
    run = get(import_id)
    file, encoding = import_files.open_file(import_id), run.encoding
    records = iter(tables.records(file, tables.shape(file, encoding)))
    at, cells = 0, list[str]()
    for line, reason in wanted:
        while at < line:
            at, cells = next(records, (line, []))
        yield line, reason, cells if at == line else []


def tidy(now: datetime) -> int:
    """Remove files a day after they were last touched, and reports when their time is up."""
    old = select(ReaderImport.id).where(
        ReaderImport.changed_at < now - FILE_KEPT, ReaderImport.state.not_in(OPEN)
    )
    for import_id in db.session.scalars(
        select(ImportPart.import_id).where(ImportPart.import_id.in_(old)).distinct()
    ).all():
        import_files.remove(import_id)
    with writing() as session:
        gone = session.scalars(
            old.where(
                (ReaderImport.state == ImportState.NEW)
                | (ReaderImport.changed_at < now - REPORT_KEPT)
            )
        ).all()
        session.execute(delete(ImportLeft).where(ImportLeft.import_id.in_(gone)))
        return changed(session, delete(ReaderImport).where(ReaderImport.id.in_(gone)))


def plan_of(newsletter: NewsletterList, run: ReaderImport) -> Plan:
    """What was settled."""
    return Plan(
        newsletter.slug,
        run.confirmed,
        run.evidence,
        run.actor,
        run.file_name,
        Columns.from_json(run.columns),
        run.encoding,
        run.dry,
        LegalBasis(run.basis),
    )
