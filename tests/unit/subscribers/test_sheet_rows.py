"""Workbooks, as people save them and as an attacker makes them."""

import re
import zipfile
from datetime import date, datetime
from io import BytesIO

import openpyxl
import pytest

from newsletter_service.subscribers import sheet_rows
from newsletter_service.subscribers.columns import Row
from newsletter_service.subscribers.file_rows import look, rows
from newsletter_service.subscribers.tables import UnreadableFile

DOCTYPE = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = b"</sheetData></worksheet>"
MOMENT = datetime(2024, 3, 9, 14, 30)  # noqa: DTZ001 - a workbook's times have no zone


def workbook(*lines: list[object]) -> BytesIO:
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    file = BytesIO()
    book.save(file)
    file.seek(0)
    return file


def with_parts(parts: dict[str, bytes]) -> BytesIO:
    """A workbook of one address with parts of its zip put in others' places."""
    hostile = BytesIO()
    with (
        zipfile.ZipFile(workbook(["email"], ["bo@example.org"])) as given,
        zipfile.ZipFile(hostile, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for each in {*given.namelist(), *parts}:
            archive.writestr(each, parts[each] if each in parts else given.read(each))
    hostile.seek(0)
    return hostile


def with_part(name: str, body: bytes) -> BytesIO:
    return with_parts({name: body})


def part(name: str) -> bytes:
    with zipfile.ZipFile(workbook(["email"], ["bo@example.org"])) as given:
        return given.read(name) if name in given.namelist() else b"<sst><si><t>x</t></si></sst>"


def refused(file: BytesIO) -> str:
    with pytest.raises(UnreadableFile) as error:
        list(rows(file))
    return error.value.code


def test_the_first_sheet_is_read_like_a_csv() -> None:
    file = workbook(["Namn", "E-post", "Språk"], ["Åsa", "asa@example.org", "en"], [None, None])
    assert list(rows(file)) == [Row(2, "asa@example.org", "en")]


def test_numbers_dates_and_formulas_are_text_and_never_run() -> None:
    file = workbook(
        ["email", "kund", "sedan", "mötte", "ja"],
        ["bo@example.org", 17, date(2024, 3, 9), MOMENT, True],
        ["=1+1", 3.5],
    )
    assert look(file).first[1] == ["bo@example.org", "17", "2024-03-09", "2024-03-09 14:30", "true"]
    assert [row.address for row in rows(file)] == ["bo@example.org", ""]


def test_texts_of_several_pieces_and_gaps_between_cells_are_kept() -> None:
    strings = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<si><t>email</t></si><si><r><t>bo@</t></r><r><t>example.org</t></r>"
        b"<rPh sb='0' eb='1'><t>x</t></rPh></si></sst>"
    )
    sheet = HEAD + (
        b'<row r="1"><c r="B1" t="s"><v>0</v></c></row>'
        b'<row r="5"><c r="B5" t="s"><v>1</v></c>'
        b'<c r="D5" t="inlineStr"><is><t>y</t></is></c></row>'
    )
    hostile = with_parts({SHEET: sheet + TAIL, STRINGS: strings})
    assert look(hostile).first == [["", "email"], ["", "bo@example.org", "", "y"]]
    assert list(rows(hostile)) == [Row(5, "bo@example.org")]


def test_a_zip_bomb_is_refused_unread() -> None:
    assert refused(with_part(SHEET, bytes(32 * 2**20))) == "too_large"
    assert refused(with_part("xl/styles.xml", bytes(8 * 2**20))) == "too_large"


@pytest.mark.parametrize("name", [SHEET, STRINGS, "xl/workbook.xml", "xl/styles.xml"])
def test_entities_are_refused_wherever_they_stand(name: str) -> None:
    body = part(name)
    at = body.index(b"?>") + 2 if body.startswith(b"<?xml") else 0
    assert refused(with_part(name, body[:at] + DOCTYPE + body[at:])) == "damaged"


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        (b'<row r="1">' + b"<c/>" * 20_000 + b"</row>", "too_large"),
        (b'<row r="999999999999"><c><v>1</v></c></row>', "too_large"),
        (b'<row r="5"><c><v>1</v></c></row><row r="5"><c><v>1</v></c></row>', "damaged"),
        (b'<row r="-1"><c><v>1</v></c></row>', "damaged"),
        (b'<row r="x"><c><v>1</v></c></row>', "damaged"),
        (b'<row r="1"><c r="A1" t="s"><v>x</v></c></row>', "damaged"),
        (b'<row r="1"><c><v>1</v></row>', "damaged"),
    ],
)
def test_a_sheet_that_is_made_to_hurt_is_refused(inside: bytes, code: str) -> None:
    assert refused(with_part(SHEET, HEAD + inside + TAIL)) == code


def test_a_far_column_and_an_endless_text_take_no_more_than_their_room() -> None:
    long = b"x" * (3 * 2**20)
    inside = b'<row r="1"><c r="A1" t="inlineStr"><is><t>email' + long + b"</t></is></c>"
    inside += b'<c r="XFD1"><v>1</v></c></row>'
    with zipfile.ZipFile(with_part(SHEET, HEAD + inside + TAIL)) as archive:
        read = sheet_rows._Sheet([], frozenset()).rows(archive.open(SHEET))
        ((_line, cells),) = read
    assert [len(cell) for cell in cells] == [sheet_rows.CELL_AT_MOST]


@pytest.mark.parametrize("cut", [4, 40, 400, 2000])
def test_half_a_workbook_says_what_to_do(cut: int) -> None:
    file = BytesIO(workbook(["email"], ["bo@example.org"]).getvalue()[:cut])
    with pytest.raises(UnreadableFile, match="Save it"):
        list(rows(file))


def test_a_zip_of_something_else_says_what_to_do() -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hello.txt", "hello")
    file.seek(0)
    with pytest.raises(UnreadableFile, match="Save it"):
        list(rows(file))


def test_a_part_that_is_not_what_its_size_says_is_refused() -> None:
    body = bytearray(workbook(["email"], ["bo@example.org"]).getvalue())
    for match in re.finditer(b"PK\x01\x02", bytes(body)):  # sizes in the directory at the end
        body[match.start() + 24 : match.start() + 28] = b"\x10\x00\x00\x00"
    assert refused(BytesIO(bytes(body))) == "damaged"
