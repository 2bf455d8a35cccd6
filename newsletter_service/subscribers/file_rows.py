"""A file of readers, row by row: what it is, what its columns mean, and its rows. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from newsletter_service.subscribers import columns, tables
from newsletter_service.subscribers.columns import Columns, Row
from newsletter_service.subscribers.tables import Shape

LOOKED_AT = 20


@dataclass(frozen=True)
class Look:
    """What a file seems to be, with its first rows as they stand."""

    shape: Shape
    columns: Columns
    first: list[list[str]]


def look(
    file: BinaryIO, labels: Mapping[int, Iterable[str]] | None = None, encoding: str = ""
) -> Look:
    """Look at a file; `labels` are the names of each field by id. Raises `UnreadableFile`."""
    shape = tables.shape(file, encoding)
    first = [cells for _line, cells in islice(tables.records(file, shape), LOOKED_AT)]
    return Look(shape, columns.propose(first, labels or {}), first)


def count(file: BinaryIO, wanted: Columns, encoding: str = "") -> Iterator[None]:
    """Read a file to its end and say so for every row of it. Raises `UnreadableFile`."""
    records = tables.records(file, tables.shape(file, encoding))
    yield from (None for _record in islice(records, int(wanted.heading), None))


def rows(
    file: BinaryIO, wanted: Columns | None = None, encoding: str = "", skip: int = 0
) -> Iterator[Row]:
    """Every row of a file but the first `skip`; its columns as proposed unless they are given.

    An empty file has none. Raises `UnreadableFile`.
    """
    try:
        shape = tables.shape(file, encoding)
        wanted = wanted or look(file, None, encoding).columns
    except tables.UnreadableFile as error:
        if error.code == "nothing":
            return
        raise
    yield from islice(columns.rows(tables.records(file, shape), wanted), skip, None)
