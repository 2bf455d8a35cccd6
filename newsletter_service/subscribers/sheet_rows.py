"""Reading the first sheet of an Excel workbook, row by row, with bounded time and memory. Pure.

A workbook is a zip of XML parts (ECMA-376 part 1, 18.2 and 18.3). Nothing in it is believed: what
parts unpack to, how long a cell, how wide a row and how far apart rows are is bounded while it is
read, and a document type, the way to entity bombs, is refused.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from xml.parsers import expat

SIGNATURE = b"PK\x03\x04"
SHEET_BYTES_AT_MOST = 1024 * 1024 * 1024
STRINGS_BYTES_AT_MOST = 192 * 1024 * 1024
STRINGS_AT_MOST = 3_000_000
SMALL_PART_AT_MOST = 4 * 1024 * 1024
PARTS_AT_MOST = 10_000
# how many times its size a part may unpack to: sheets of text come to 10 or 20
BLOWN_UP_AT_MOST = 200
COLUMNS_LOOKED_AT = 200
ROWS_AT_MOST = 1_048_576
CELL_AT_MOST = 32_767
CELLS_IN_A_ROW = 16_384
CELLS_AT_MOST = 30_000_000
_CHUNK = 128 * 1024
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook's dates have no zone
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NOT_DATE = re.compile(r"\"[^\"]*\"|\\.|\[[^\]]*\]|general", re.IGNORECASE)
_COLUMN = re.compile(r"[A-Z]{1,3}")

_BROKEN = (
    *(zipfile.BadZipFile, expat.ExpatError, zlib.error, KeyError, ValueError, OSError),
    *(EOFError, NotImplementedError, RuntimeError, OverflowError),
)


class UnreadableSheet(ValueError):
    """The file is no workbook that can be read; `code` is `damaged`, `too_large` or `no_book`."""

    def __init__(self, code: str, line: int = 0) -> None:
        self.code, self.line = code, line
        super().__init__(code)


def records(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """The line and the cells of every row of the first sheet. Raises `UnreadableSheet`."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = _checked(archive)
            strings = _strings(archive, names)
            dates = _date_styles(archive, names)
            sheet = _first_sheet(archive, names)
            yield from _Sheet(strings, dates).rows(archive.open(sheet))
    except UnreadableSheet:
        raise
    except _BROKEN as error:
        raise UnreadableSheet("damaged") from error


def _checked(archive: zipfile.ZipFile) -> dict[str, str]:
    """The parts by their name in small letters; refused where they unpack to too much."""
    parts = archive.infolist()
    if len(parts) > PARTS_AT_MOST:
        raise UnreadableSheet("too_large")
    for part in parts:
        if part.flag_bits & 0x1:
            raise UnreadableSheet("damaged")
        blown_up = part.file_size > SMALL_PART_AT_MOST and (
            part.file_size > BLOWN_UP_AT_MOST * max(part.compress_size, 1)
        )
        if part.file_size > SHEET_BYTES_AT_MOST or blown_up:
            raise UnreadableSheet("too_large")
    names = {part.filename.lower().lstrip("/"): part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        raise UnreadableSheet("no_book")
    return names


def _first_sheet(archive: zipfile.ZipFile, names: dict[str, str]) -> str:
    """The part of the first sheet, by the workbook's own order."""
    ids: list[str] = []
    targets: dict[str, str] = {}

    def sheet(name: str, given: dict[str, str]) -> None:
        if name == "sheet":
            ids.extend(value for key, value in given.items() if key.rpartition(":")[2] == "id")

    def relation(name: str, given: dict[str, str]) -> None:
        if name == "Relationship" and given.get("Type", "").endswith("/worksheet"):
            targets[given["Id"]] = given["Target"]

    _parse_small(archive, names["xl/workbook.xml"], sheet)
    _parse_small(archive, names["xl/_rels/workbook.xml.rels"], relation)
    target = next((targets[each] for each in ids if each in targets), "")
    path = target.lstrip("/") if target.startswith("/") else posixpath.join("xl", target)
    return names[posixpath.normpath(path).lower()]


def _strings(archive: zipfile.ZipFile, names: dict[str, str]) -> list[str]:
    """The texts that cells name by number."""
    if "xl/sharedstrings.xml" not in names:
        return []
    found: list[str] = []
    pieces: list[str] = []
    inside = {"si": False, "t": False, "rPh": False}

    def start(tag: str, _given: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "si":
            pieces.clear()
        if name in inside:
            inside[name] = True

    def end(tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "si":
            found.append("".join(pieces)[:CELL_AT_MOST])
        if name in inside:
            inside[name] = False

    def text(data: str) -> None:
        if inside["t"] and inside["si"] and not inside["rPh"] and len(pieces) < CELL_AT_MOST:
            pieces.append(data)

    parser = _parser(start, end, text)
    unpacked = 0
    with archive.open(names["xl/sharedstrings.xml"]) as part:
        while chunk := part.read(_CHUNK):
            unpacked += len(chunk)
            if unpacked > STRINGS_BYTES_AT_MOST or len(found) > STRINGS_AT_MOST:
                raise UnreadableSheet("too_large")
            parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return found


def _date_styles(archive: zipfile.ZipFile, names: dict[str, str]) -> frozenset[int]:
    """The numbers of the styles that write a number as a date."""
    if "xl/styles.xml" not in names:
        return frozenset()
    own: set[int] = set()
    styles: list[int] = []
    depth = [False]

    def start(name: str, given: dict[str, str]) -> None:
        if name == "numFmt" and _is_date(given.get("formatCode", "")):
            own.add(int(given["numFmtId"]))
        elif name == "cellXfs":
            depth[0] = True
        elif name == "cellStyles":
            depth[0] = False
        elif name == "xf" and depth[0]:
            styles.append(int(given.get("numFmtId", 0)))

    _parse_small(archive, names["xl/styles.xml"], start)
    return frozenset(n for n, each in enumerate(styles) if each in own or each in _BUILT_IN_DATES)


def _is_date(code: str) -> bool:
    return any(letter in "ymdhs" for letter in _NOT_DATE.sub("", code).lower())


def _parse_small(
    archive: zipfile.ZipFile, name: str, start: Callable[[str, dict[str, str]], None]
) -> None:
    if archive.getinfo(name).file_size > SMALL_PART_AT_MOST:
        raise UnreadableSheet("too_large")
    parser = _parser(lambda tag, given: start(tag.rpartition(":")[2], given))
    parser.Parse(archive.read(name), True)


def _parser(start: Any, end: Any = None, text: Any = None) -> Any:
    """An XML parser that refuses a document type: workbooks have none, entity bombs need one."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    return parser


def _refuse(*_declared: object) -> None:
    raise UnreadableSheet("damaged")


class _Sheet:
    """The rows of a sheet, collected while its XML is fed piece by piece."""

    def __init__(self, strings: list[str], dates: frozenset[int]) -> None:
        self._strings, self._dates = strings, dates
        self._ready: list[tuple[int, list[str]]] = []
        self._cells: dict[int, str] = {}
        self._line = self._column = self._seen = self._length = self._all = 0
        self._kind = self._style = ""
        self._pieces: list[str] | None = None
        self._phonetic = False

    def rows(self, part: Any) -> Iterator[tuple[int, list[str]]]:
        """Every row that has cells, by its number in the sheet."""
        parser = _parser(self._start, self._end, self._text)
        with part:
            while chunk := part.read(_CHUNK):
                parser.Parse(chunk, False)
                yield from self._ready
                self._ready.clear()
        parser.Parse(b"", True)
        yield from self._ready

    def _start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "c":
            self._begin_cell(given)
        elif name in {"v", "t"} and self._column < COLUMNS_LOOKED_AT and not self._phonetic:
            self._pieces = [] if self._pieces is None else self._pieces
        elif name == "row":
            line = int(given.get("r", self._line + 1))
            if line <= self._line:
                raise UnreadableSheet("damaged", self._line)
            self._line = line
            if line > ROWS_AT_MOST:
                raise UnreadableSheet("too_large", ROWS_AT_MOST)
            self._cells, self._column, self._seen = {}, -1, 0
        elif name == "rPh":
            self._phonetic = True

    def _begin_cell(self, given: dict[str, str]) -> None:
        self._seen += 1
        self._all += 1
        if self._seen > CELLS_IN_A_ROW or self._all > CELLS_AT_MOST:
            raise UnreadableSheet("too_large", self._line)
        reference = _COLUMN.match(given.get("r", ""))
        self._column = _number(reference[0]) if reference else self._column + 1
        self._kind, self._style = given.get("t", "n"), given.get("s", "")
        self._pieces, self._length = None, 0

    def _text(self, data: str) -> None:
        if self._pieces is not None and self._length <= CELL_AT_MOST:
            self._pieces.append(data)
            self._length += len(data)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "c" and self._pieces is not None:
            self._cells[self._column] = self._value("".join(self._pieces)[:CELL_AT_MOST])
            self._pieces = None
        elif name == "row" and self._cells:
            width = max(self._cells) + 1
            self._ready.append((self._line, [self._cells.get(n, "") for n in range(width)]))
        elif name == "rPh":
            self._phonetic = False

    def _value(self, text: str) -> str:
        if self._kind == "s":
            number = int(text or -1)
            return self._strings[number] if 0 <= number < len(self._strings) else ""
        if self._kind == "b":
            return "true" if text == "1" else "false"
        if self._kind == "n" and self._style.isdigit() and int(self._style) in self._dates:
            return _date(text)
        if self._kind == "n" and text.endswith(".0"):
            return text[:-2]
        return text


def _number(letters: str) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    return found - 1


def _date(text: str) -> str:
    """A serial number as the day that it stands for, with the time where it has one."""
    try:
        when = _DAY_ZERO + timedelta(seconds=round(float(text) * 86_400))
    except (ValueError, OverflowError):
        return text
    return when.strftime("%Y-%m-%d" if when.time() == datetime.min.time() else "%Y-%m-%d %H:%M")
