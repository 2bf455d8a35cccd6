"""Reading the first sheet of an Excel workbook, row by row, with bounded time and memory. Pure.

A workbook is a zip of XML files: what it unpacks to is bounded before anything is read, and
`defusedxml`, which openpyxl takes when it is there, refuses entities.
"""

import zipfile
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml import DefusedXmlException

SIGNATURE = b"PK\x03\x04"
UNPACKED_BYTES_AT_MOST = 256 * 1024 * 1024
COLUMNS_LOOKED_AT = 100

_BROKEN = (zipfile.BadZipFile, ParseError, DefusedXmlException, KeyError, ValueError, OSError)


class UnreadableSheet(ValueError):
    """The file is no workbook that can be read; the message says why and what to do."""


def records(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """The line and the cells of every row of the first sheet. Raises `UnreadableSheet`."""
    _check_size(file)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file claims of its size is not believed
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield line, [_text(cell) for cell in islice(cells, COLUMNS_LOOKED_AT)]
    except (*_BROKEN, IndexError, TypeError, AttributeError) as error:
        raise UnreadableSheet(
            "The Excel file is damaged. Save it again, or as CSV UTF-8, and try again."
        ) from error


def _check_size(file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except zipfile.BadZipFile as error:
        raise UnreadableSheet("The file is no Excel workbook. Save it as CSV UTF-8.") from error
    if unpacked > UNPACKED_BYTES_AT_MOST:
        raise UnreadableSheet("The Excel file is too large. Save it as CSV UTF-8.")


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)
