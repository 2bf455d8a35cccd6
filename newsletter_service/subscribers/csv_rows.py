"""Reading a file of addresses row by row, as Excel, other services and people write it. Pure.

A workbook (.xlsx), or text separated by comma, semicolon or tab, in UTF-8, UTF-16 or
Windows-1252, with a line of headings or without; never the whole file in memory.
"""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from newsletter_service.subscribers import sheet_rows
from newsletter_service.subscribers.sheet_rows import UnreadableSheet

LONGEST_LINE = 64 * 1024

_ADDRESS_COLUMNS = frozenset(
    {"address", "adress", "email", "e-mail", "email address", "e-post", "epost", "e-postadress"}
    | {"epostadress", "mail", "mejl", "mejladress", "mailadress"}
)
_LOCALE_COLUMNS = frozenset({"locale", "language", "lang", "språk", "sprak"})
_LOCALES = {"sv": "sv", "sve": "sv", "swe": "sv", "svenska": "sv", "swedish": "sv"} | {
    "en": "en", "eng": "en", "engelska": "en", "english": "en"
}  # fmt: skip
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class UnreadableFile(ValueError):
    """The file is no CSV with addresses; the message says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, the address as written, the locale or nothing."""

    line: int
    address: str
    locale: str = ""


@dataclass(frozen=True)
class _Columns:
    address: int
    locale: int | None


def rows(file: BinaryIO) -> Iterator[Row]:
    """Every row that is not empty. Raises `UnreadableFile`."""
    columns: _Columns | None = None
    for line, cells in _cells(file):
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns, is_heading = _columns(cells)
            if is_heading:
                continue
        yield _row(cells, columns, line)


def _cells(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    start = file.read(len(sheet_rows.SIGNATURE))
    file.seek(0)
    if start != sheet_rows.SIGNATURE:
        yield from _records(file)
        return
    try:
        yield from sheet_rows.records(file)
    except UnreadableSheet as error:
        raise UnreadableFile(str(error)) from error


def _records(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    lines = _lines(file)
    head = next(lines, "")
    separator = max(";,\t", key=head.count) if head else ","
    reader = csv.reader(_again(head, lines), delimiter=separator)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise UnreadableFile(
            f"Line {reader.line_num} cannot be read as CSV: {error}. Mend it and try again."
        ) from error


def _again(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head
    yield from lines


def _lines(file: BinaryIO) -> Iterator[str]:
    mark = file.read(2)
    file.seek(0)
    if mark in _WIDE:
        yield from _wide_lines(file)
        return
    start = file.readline(LONGEST_LINE).removeprefix(codecs.BOM_UTF8)
    while start:
        yield _decoded(start)
        start = file.readline(LONGEST_LINE)


def _wide_lines(file: BinaryIO) -> Iterator[str]:
    """UTF-16, as Excel saves "Unicode text"."""
    text = codecs.getreader("utf-16")(file, "replace")
    while line := text.readline(LONGEST_LINE):
        yield line


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _columns(cells: list[str]) -> tuple[_Columns, bool]:
    """Which columns matter, and whether this first row is a heading."""
    names = [cell.strip().strip("\"'").lower() for cell in cells]
    address = next((n for n, name in enumerate(names) if name in _ADDRESS_COLUMNS), None)
    if address is not None:
        locale = next((n for n, name in enumerate(names) if name in _LOCALE_COLUMNS), None)
        return _Columns(address, locale), True
    address = next((n for n, name in enumerate(names) if "@" in name), None)
    if address is None:
        raise UnreadableFile(
            "No column of the file holds addresses. Name one of them `email` and try again."
        )
    return _Columns(address, None), False


def _row(cells: list[str], columns: _Columns, line: int) -> Row:
    address = _cell(cells, columns.address)
    return Row(line, address, _LOCALES.get(_cell(cells, columns.locale).lower(), ""))


def _cell(cells: list[str], column: int | None) -> str:
    """A cell, or nothing where the row is shorter than the heading."""
    return cells[column].strip() if column is not None and column < len(cells) else ""
