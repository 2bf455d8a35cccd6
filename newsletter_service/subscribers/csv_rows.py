"""Reading separated text row by row, as Excel, other services and people write it. Pure.

By comma, semicolon, tab or bar; in UTF-8, UTF-16 with or without its mark, or Windows-1252, which
holds Latin-1; never more than one line in memory.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 256 * 1024
COLUMNS_AT_MOST = 1000
SEPARATORS = ";,\t|"
ENCODINGS = ("utf-8", "cp1252", "utf-16", "mac-roman")
_SNIFFED = 64 * 1024
csv.field_size_limit(LONGEST_LINE)  # a long cell is its own row's fault, not the file's
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnreadableText(ValueError):
    """The text cannot be read as rows; `code` is `long_line`, `wide_row`, `not_csv` or `binary`."""

    def __init__(self, code: str, line: int = 0) -> None:
        self.code, self.line = code, line
        super().__init__(f"{code} at line {line}")


@dataclass(frozen=True)
class Dialect:
    """How a text is written: its encoding, and what separates its cells."""

    encoding: str
    separator: str


def sniff(file: BinaryIO, encoding: str = "") -> Dialect:
    """How a file is written, by its first lines; an encoding that is given is believed."""
    file.seek(0)
    start = file.read(_SNIFFED)
    found = encoding if encoding in ENCODINGS else _encoding(start)
    text = start.decode(_codec(found, start), "replace")
    head = [line for line in text.lstrip("\ufeff").splitlines()[:20] if line.strip()]
    return Dialect(found, _separator(head))


def records(file: BinaryIO, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The line and the cells of every row. Raises `UnreadableText`."""
    reader = csv.reader(_lines(file, dialect.encoding), delimiter=dialect.separator)
    try:
        for cells in reader:
            if len(cells) > COLUMNS_AT_MOST:
                raise UnreadableText("wide_row", reader.line_num)
            yield reader.line_num, cells
    except csv.Error as error:
        raise UnreadableText("not_csv", reader.line_num) from error


def _encoding(start: bytes) -> str:
    if start[:2] in _WIDE or _looks_wide(start):
        return "utf-16"
    try:
        # the end may fall within a character
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _looks_wide(start: bytes) -> bool:
    """Whether every other byte is zero, as in UTF-16 of Latin letters without its mark."""
    few = start[:2000]
    less, more = sorted((few[::2].count(0), few[1::2].count(0)))
    return len(few) > 3 and more > len(few) * 0.4 and less < len(few) * 0.1


def _codec(encoding: str, start: bytes) -> str:
    if encoding != "utf-16" or start[:2] in _WIDE:
        return encoding
    return "utf-16-be" if start[:2000:2].count(0) > start[1:2000:2].count(0) else "utf-16-le"


def _separator(head: list[str]) -> str:
    """What splits the first lines most, and each of them into as many cells."""
    if not head:
        return ","

    def splits(mark: str) -> tuple[int, int]:
        counts = [len(next(csv.reader([line], delimiter=mark), [])) - 1 for line in head]
        even = sum(1 for each in counts if each == counts[0])
        return (counts[0] * even if counts[0] else 0, -SEPARATORS.index(mark))

    return max(SEPARATORS, key=splits) if any(mark in head[0] for mark in SEPARATORS) else ","


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    file.seek(0)
    start = file.read(4000)
    file.seek(0)
    if encoding == "utf-16":
        yield from _wide_lines(file, _codec(encoding, start))
        return
    yield from _narrow_lines(file, encoding)


def _narrow_lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    number = 0
    old_mac = None
    while line := file.readline(LONGEST_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
            old_mac = b"\r" in line.strip() and b"\n" not in line.rstrip(b"\n")
        if old_mac:
            yield from _old_mac_lines(line, file, encoding)
            return
        if len(line) >= LONGEST_LINE and not line.endswith(b"\n"):
            raise UnreadableText("long_line", number)
        yield _decoded(line, encoding)


def _old_mac_lines(first: bytes, file: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines that end in a carriage return alone, as Excel on a Mac still saves them."""
    rest, number = first, 0
    while True:
        *lines, rest = rest.split(b"\r")
        for line in lines:
            number += 1
            yield _decoded(line.strip(b"\n") + b"\n", encoding)
        if len(rest) >= LONGEST_LINE:
            raise UnreadableText("long_line", number + 1)
        more = file.read(LONGEST_LINE)
        if not more:
            break
        rest += more
    if rest:
        yield _decoded(rest, encoding)


def _wide_lines(file: BinaryIO, codec: str) -> Iterator[str]:
    """UTF-16, as Excel saves "Unicode text"."""
    raw: io.RawIOBase = _Raw(file)
    text = io.TextIOWrapper(io.BufferedReader(raw), codec, "replace", newline="")
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) >= LONGEST_LINE and not line.endswith("\n"):
            raise UnreadableText("long_line", number)
        yield line.removeprefix("\ufeff") if number == 1 else line
    text.detach()


class _Raw(io.RawIOBase):
    """A file that somebody else closes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _decoded(line: bytes, encoding: str) -> str:
    """A line in its encoding; one that is of another, in a file pasted together, in that one."""
    if encoding == "mac-roman":
        return line.decode("mac-roman")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
