"""A list's readers in a file: CSV by RFC 4180 or a workbook, with their fields and standing.

A cell that a spreadsheet would take for a formula begins with an apostrophe (R 8.12), in workbooks
too, since people save them as CSV.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import openpyxl
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from newsletter_service.extensions import db
from newsletter_service.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.subscribers import field_answers, fields

AT_ONCE = 2000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
HEADINGS = ("email", "locale", "status", "suppressed", "signed_up", "confirmed", "ended")
_SAID = {
    SubscriptionState.CONFIRMED: "subscribed",
    SubscriptionState.PENDING: "pending",
    SubscriptionState.UNSUBSCRIBED: "unsubscribed",
}
_LARGEST_SHEET = 1_048_576

Exporter = Callable[[int, BinaryIO], None]


def rows(list_id: int) -> Iterator[list[str]]:
    """Every subscription of a list as a row of cells, headings first, in pages by key."""
    asked = fields.of_list(db.session(), list_id)
    keys, ids = [each.key for each in asked], [each.id for each in asked]
    yield [*HEADINGS, *keys]
    last = 0
    while some := _some(list_id, last):
        last = some[-1].id
        answers = field_answers.values_of(db.session(), [row.id for row in some]) if ids else {}
        barred = _barred(db.session(), list_id, [row.address_key for row in some])
        db.session.rollback()
        for row in some:
            said = answers.get(row.id, {})
            yield [*_standing(row, barred), *(harmless(said.get(each, "")) for each in ids)]


def lines(list_id: int) -> Iterator[str]:
    """The same as CSV, piece by piece; the mark first makes spreadsheets read it as UTF-8."""
    yield "\ufeff"
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows(list_id):
        writer.writerow(row)
        if buffer.tell() > 65_536:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def write_csv(list_id: int, file: BinaryIO) -> None:
    """Write a CSV."""
    for piece in lines(list_id):
        file.write(piece.encode())


def write_workbook(list_id: int, file: BinaryIO) -> None:
    """Write a workbook, row by row; what one sheet cannot hold goes on in the next."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("1")
    heading: list[str] = []
    for n, row in enumerate(rows(list_id)):
        heading = heading or row
        if n and n % (_LARGEST_SHEET - 1) == 0:
            sheet = book.create_sheet(str(len(book.sheetnames) + 1))
            sheet.append(heading)
        sheet.append([openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row])
    book.save(file)


BY_ENDING: dict[str, Exporter] = {".csv": write_csv, ".xlsx": write_workbook}


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _standing(row: Row[*tuple[Any, ...]], barred: set[bytes]) -> list[str]:
    moments = (row.created_at, row.confirmed_at, row.ended_at)
    times = [moment.isoformat(timespec="seconds") if moment else "" for moment in moments]
    suppressed = "yes" if row.address_key in barred else ""
    return [harmless(row.address), row.locale, _SAID[row.state], suppressed, *times]


def _some(list_id: int, after: int) -> Sequence[Row[*tuple[Any, ...]]]:
    return db.session.execute(
        select(
            Subscription.id,
            Subscriber.address,
            Subscriber.address_key,
            Subscriber.locale,
            Subscription.state,
            Subscription.created_at,
            Subscription.confirmed_at,
            Subscription.ended_at,
        )
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.list_id == list_id, Subscription.id > after)
        .order_by(Subscription.id)
        .limit(AT_ONCE)
    ).all()


def _barred(session: Session, list_id: int, keys: Sequence[bytes]) -> set[bytes]:
    return set(
        session.scalars(
            select(Suppression.address_key).where(
                Suppression.address_key.in_(keys),
                Suppression.scope.in_((WHOLE_ORGANISATION, list_id)),
                Suppression.released_at.is_(None),
            )
        )
    )
