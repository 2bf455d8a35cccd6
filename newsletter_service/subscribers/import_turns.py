"""The work of an import, in turns by any worker.

The cursor moves in the commit that takes a block, so that killing a worker loses and doubles
nothing; a lease keeps two workers from doing the same work twice. The whole file is read once
before the first reader is taken: one that cannot be read to its end changes nothing.
"""

import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from flask import current_app
from sqlalchemy import select, update

from newsletter_service.extensions import db
from newsletter_service.models import (
    ImportLeft,
    ImportState,
    Lease,
    NewsletterList,
    ReaderImport,
    db_now_ms,
    leases,
    writing,
)
from newsletter_service.queue import nudge
from newsletter_service.subscribers import file_rows, import_files, imports
from newsletter_service.subscribers.import_plan import Outcome, Plan
from newsletter_service.subscribers.import_runs import OPEN, get, plan_of
from newsletter_service.subscribers.tables import UnreadableFile

TURN_S = 20.0
WAITS_S = 1.0
LEASE_MS = 120_000
TRIES = 5
COUNTED_AT_ONCE = 100_000
Hold = Callable[[], bool]


@dataclass(frozen=True)
class Pace:
    """How long a turn takes, and how many rows one commit."""

    seconds: float = TURN_S
    block: int = imports.BLOCK


def work(import_id: int, now: datetime) -> None:
    """Do a turn of an import; asks for the next one. Harmless when another worker is at it."""
    if turn(import_id, now):
        with writing():
            nudge("readers.import", import_id)


def work_off(
    import_id: int, clock: Callable[[], datetime], told: Callable[[ReaderImport], None]
) -> ReaderImport:
    """Do the whole of an import here, or wait for who is at it; `told` hears after every block."""
    endless = Pace(seconds=float("inf"))
    while True:
        db.session.rollback()
        run = get(import_id)
        told(run)
        if run.state not in OPEN:
            return run
        if not turn(import_id, clock(), endless, lambda: told(get(import_id))):
            db.session.rollback()
            if get(import_id).state in OPEN:
                time.sleep(WAITS_S)


def overdue() -> list[int]:
    """The imports under way that nobody works on."""
    held = select(Lease.name).where(Lease.until_ms > db_now_ms())
    names = set(db.session.scalars(held.where(Lease.name.startswith("import:"))))
    found = db.session.scalars(select(ReaderImport.id).where(ReaderImport.state.in_(OPEN)))
    return [each for each in found if f"import:{each}" not in names]


def turn(
    import_id: int,
    now: datetime,
    pace: Pace = Pace(),
    told: Callable[[], None] = lambda: None,
) -> bool:
    """A turn under the lease; whether there is more to do here."""
    lease, owner = f"import:{import_id}", _owner()
    if not leases.hold(db.engine, lease, owner, LEASE_MS):
        return False

    def hold() -> bool:
        told()
        return leases.hold(db.engine, lease, owner, LEASE_MS)

    try:
        return _turn(import_id, hold, pace, now)
    finally:
        leases.let_go(db.engine, lease, owner)


def _turn(import_id: int, hold: Hold, pace: Pace, now: datetime) -> bool:
    """As many blocks as fit into a turn; whether there is more to do."""
    began = _begin(import_id, now)
    if began is None:
        return False
    plan, done = began
    ends = float("inf")  # the turn begins with its first block, wherever in the file that is
    stopping = current_app.extensions.get("newsletter-stopping")
    file = import_files.open_file(import_id)
    try:
        if not done and not _count(import_id, file, plan, hold):
            return False
        rows = file_rows.rows(file, plan.columns, plan.encoding, skip=done)
        while some := list(islice(rows, pace.block)):
            if not hold() or not _take(import_id, plan, imports.looked_over(some), done, now):
                return False
            done += len(some)
            ends = min(ends, time.monotonic() + pace.seconds)
            if time.monotonic() > ends or (stopping is not None and stopping.is_set()):
                return True
    except UnreadableFile as error:
        _fail(import_id, error.code, error.line, now)
        return False
    _finish(import_id, plan, now)
    return False


def _begin(import_id: int, now: datetime) -> tuple[Plan, int] | None:
    """The plan and the cursor; None where there is nothing to do, or it broke too often."""
    with writing() as session:
        run = session.get(ReaderImport, import_id, with_for_update=True)
        if run is None or run.state not in OPEN:
            return None
        if run.tries >= TRIES:
            run.state, run.error, run.changed_at, run.finished_at = (
                *(ImportState.FAILED, "internal_error", now),
                now,
            )
            return None
        run.state, run.tries, run.changed_at = ImportState.RUNNING, run.tries + 1, now
        return plan_of(session.get_one(NewsletterList, run.list_id), run), run.rows_done


def _count(import_id: int, file: BinaryIO, plan: Plan, hold: Hold) -> bool:
    """Read all of the file once before anything is taken; whether it is still ours."""
    total = 0
    assert plan.columns is not None
    rows = file_rows.count(file, plan.columns, plan.encoding)
    while some := sum(1 for _row in islice(rows, COUNTED_AT_ONCE)):
        total += some
        if not hold():
            return False
    with writing() as session:
        session.execute(
            update(ReaderImport).where(ReaderImport.id == import_id).values(rows_total=total)
        )
    return True


def _take(import_id: int, plan: Plan, block: imports.Block, done: int, now: datetime) -> bool:
    """A block and the cursor in one commit; False where somebody else was there first."""
    outcome = imports.look_at(db.session(), plan, block) if plan.dry else None
    with writing() as session:
        run = session.get(ReaderImport, import_id, with_for_update=True, populate_existing=True)
        if run is None or run.state != ImportState.RUNNING or run.rows_done != done:
            return False
        if outcome is None:
            outcome = imports.take(session, plan, block, now)
        run.rows_done, run.taken = done + block.size, run.taken + outcome.taken
        counted = Counter(run.reasons) + Counter(str(each.reason) for each in outcome.left)
        run.reasons, run.tries, run.changed_at = dict(counted), 0, now
        if outcome.left:
            session.add(ImportLeft(import_id=import_id, rows_before=done, rows=_lines(outcome)))
    return True


def _lines(outcome: Outcome) -> list[list[object]]:
    return [list(each) for each in sorted((one.line, str(one.reason)) for one in outcome.left)]


def _finish(import_id: int, plan: Plan, now: datetime) -> None:
    with writing() as session:
        run = session.get_one(ReaderImport, import_id, with_for_update=True)
        if run.state != ImportState.RUNNING:
            return
        run.state, run.changed_at, run.finished_at = ImportState.DONE, now, now
        if not plan.dry:
            imports.note(session, plan, run.taken, run.reasons)


def _fail(import_id: int, code: str, line: int, now: datetime) -> None:
    with writing() as session:
        session.execute(
            update(ReaderImport)
            .where(ReaderImport.id == import_id, ReaderImport.state.in_(OPEN))
            .values(
                state=ImportState.FAILED,
                error=code[:32],
                error_line=line,
                changed_at=now,
                finished_at=now,
            )
        )


def _owner() -> str:
    return f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"
