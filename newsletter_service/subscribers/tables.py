"""A file of readers as a table: what it is, and its rows as cells. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from newsletter_service.subscribers import csv_rows, sheet_rows
from newsletter_service.subscribers.csv_rows import Dialect, UnreadableText
from newsletter_service.subscribers.sheet_rows import UnreadableSheet

Record = tuple[int, list[str]]

_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS = (b"%PDF-", b"{\\rtf", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"7z\xbc\xaf", b"Rar!")

_SENTENCES = {
    "damaged": "The Excel file is damaged. Save it again, or as CSV UTF-8, and try again.",
    "too_large": "The Excel file unpacks to more than is read. Save it as CSV UTF-8.",
    "no_book": "The file is no Excel workbook. Save it as .xlsx or as CSV UTF-8.",
    "old_excel": "The file is of an old Excel (.xls). Save it as .xlsx or as CSV UTF-8.",
    "binary": "The file is neither text nor an Excel workbook. Save it as .xlsx or as CSV UTF-8.",
    "long_line": "Line {line} is longer than a row can be. Is this a file of addresses?",
    "wide_row": "Line {line} has more columns than a row can have. Is this a file of addresses?",
    "not_csv": "Line {line} cannot be read as CSV; a quotation mark may be missing before it.",
    "no_address": "No column holds addresses. Name one of them `email` and try again.",
    "no_status": "This is an export from listmonk without its column `status`, so nobody can tell"
    " who has left or is blocked. Export it again with all columns.",
    "nothing": "The file holds no rows.",
}


class UnreadableFile(ValueError):
    """The file is no table with addresses; `code` says why, `line` where it is one line's fault."""

    def __init__(self, code: str, line: int = 0) -> None:
        self.code, self.line = code, line
        super().__init__(_SENTENCES.get(code, code).format(line=line))


@dataclass(frozen=True)
class Shape:
    """What a file is; `dialect` is None for a workbook."""

    dialect: Dialect | None

    @property
    def name(self) -> str:
        """`workbook`, or the encoding of the text."""
        return self.dialect.encoding if self.dialect else "workbook"


def shape(file: BinaryIO, encoding: str = "") -> Shape:
    """Look at a file's first bytes. Raises `UnreadableFile`."""
    file.seek(0)
    start = file.read(4096)
    file.seek(0)
    if not start:
        raise UnreadableFile("nothing")
    if start.startswith(sheet_rows.SIGNATURE):
        return Shape(None)
    if start.startswith(_OLD_EXCEL):
        raise UnreadableFile("old_excel")
    if start.startswith(_OTHERS):
        raise UnreadableFile("binary")
    dialect = csv_rows.sniff(file, encoding)
    if dialect.encoding != "utf-16" and start.count(0) > len(start) // 10:
        raise UnreadableFile("binary")
    return Shape(dialect)


def records(file: BinaryIO, found: Shape) -> Iterator[Record]:
    """The line and the cells of every row that is not empty. Raises `UnreadableFile`."""
    file.seek(0)
    try:
        raw = csv_rows.records(file, found.dialect) if found.dialect else sheet_rows.records(file)
        for line, cells in raw:
            if any(cells) and any(cell.strip() for cell in cells):
                yield line, cells
    except (UnreadableText, UnreadableSheet) as error:
        raise UnreadableFile(error.code, error.line) from error
