"""What operators do to suppressions by hand: look, add, release, carry in and out.

Addresses come in and never go out: what is kept is their keyed hash (R 4.8).
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from sqlalchemy import select

from newsletter_service import audit, suppression
from newsletter_service.address import InvalidAddress, parse
from newsletter_service.extensions import db
from newsletter_service.models import Suppression, SuppressionReason, writing
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.subscribers import csv_rows, file_rows
from newsletter_service.subscribers.readers import key_of

AT_ONCE = 1000
COLUMNS = ("address_key", "scope", "reason", "source", "first_at", "last_at")
_KEY_BYTES = 32


@dataclass
class Imported:
    """How an import went: what was suppressed, and the lines that could not be read."""

    taken: int = 0
    unreadable: list[int] = field(default_factory=list)


def in_force(limit: int | None = None) -> Iterator[Suppression]:
    """Suppressions in force, the newest first, a page at a time."""
    last = None
    left = limit
    while left is None or left > 0:
        size = AT_ONCE if left is None else min(AT_ONCE, left)
        query = select(Suppression).where(Suppression.released_at.is_(None))
        if last is not None:
            query = query.where(Suppression.id < last)
        page = db.session.scalars(query.order_by(Suppression.id.desc()).limit(size)).all()
        if not page:
            return
        last = page[-1].id
        left = None if left is None else left - len(page)
        yield from page


def of_address(address_text: str) -> list[Suppression]:
    """What is in force for one address. Raises `InvalidAddress`."""
    key = key_of(parse(address_text))
    found = select(Suppression).where(
        Suppression.address_key == key, Suppression.released_at.is_(None)
    )
    return list(db.session.scalars(found.order_by(Suppression.scope)))


def add(
    address_text: str, why: str, actor: str, now: datetime, scope: int = WHOLE_ORGANISATION
) -> None:
    """Stop all mail to an address, because somebody says so. Raises `InvalidAddress`."""
    key = key_of(parse(address_text))
    with writing() as session:
        row = suppression.suppress(
            session,
            key,
            scope=scope,
            reason=SuppressionReason.MANUAL,
            source=actor[:64],
            evidence=why,
            now=now,
        )
        audit.record(session, actor, "suppression.added", f"suppression:{row.id}", why=why)


def release(
    address_text: str, why: str, actor: str, now: datetime, scope: int = WHOLE_ORGANISATION
) -> bool:
    """Let an address be written to again; whether it was suppressed. Raises `InvalidAddress`."""
    key = key_of(parse(address_text))
    with writing() as session:
        lifted = suppression.release(session, key, scope=scope, by=actor, reason=why, now=now)
        if lifted:
            key_prefix = key.hex()[:12]
            audit.record(session, actor, "suppression.released", f"key:{key_prefix}", why=why)
        return lifted


def export_rows() -> Iterator[tuple[str, ...]]:
    """Everything in force, in `COLUMNS`; keyed hashes, which only the same address key reads."""
    for row in in_force():
        yield (
            row.address_key.hex(),
            str(row.scope),
            row.reason,
            row.source,
            row.first_at.isoformat(),
            row.last_at.isoformat(),
        )


def import_file(file: BinaryIO, why: str, actor: str, now: datetime) -> Imported:
    """Suppress every address of a CSV file, or every key of an export, a thousand a commit.

    Raises `tables.UnreadableFile`. Doing it again changes nothing.
    """
    outcome = Imported()
    keys = _keys(file, outcome)
    while chunk := list(islice(keys, AT_ONCE)):
        _take(chunk, why, now)
        outcome.taken += len(chunk)
    with writing() as session:
        audit.record(session, actor, "suppression.imported", why=why, taken=outcome.taken)
    return outcome


def _take(chunk: Iterable[tuple[bytes, SuppressionReason, int]], why: str, now: datetime) -> None:
    with writing() as session:
        for key, reason, scope in chunk:
            suppression.suppress(
                session, key, scope=scope, reason=reason, source="import", evidence=why, now=now
            )


def _keys(file: BinaryIO, outcome: Imported) -> Iterator[tuple[bytes, SuppressionReason, int]]:
    head = file.readline(csv_rows.LONGEST_LINE)
    file.seek(0)
    if head.decode("utf-8", "replace").lstrip("\ufeff").startswith(COLUMNS[0]):
        yield from _of_export(file, outcome)
        return
    for row in file_rows.rows(file):
        try:
            key = key_of(parse(row.address))
        except InvalidAddress:
            outcome.unreadable.append(row.line)
            continue
        yield key, SuppressionReason.MANUAL, WHOLE_ORGANISATION


def _of_export(file: BinaryIO, outcome: Imported) -> Iterator[tuple[bytes, SuppressionReason, int]]:
    reader = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""))
    for row in reader:
        try:
            key = bytes.fromhex(row["address_key"])
            reason, scope = SuppressionReason(row["reason"]), int(row["scope"])
        except (KeyError, TypeError, ValueError):
            outcome.unreadable.append(reader.line_num)
            continue
        if len(key) != _KEY_BYTES:
            outcome.unreadable.append(reader.line_num)
            continue
        yield key, reason, scope
