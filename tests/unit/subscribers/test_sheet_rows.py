"""Workbooks, as people save them and as an attacker makes them."""

import zipfile
from io import BytesIO

import openpyxl
import pytest

from newsletter_service.subscribers import sheet_rows
from newsletter_service.subscribers.csv_rows import Row, UnreadableFile, rows

ENTITY_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">&c;</workbook>'
)


def workbook(*lines: list[object]) -> BytesIO:
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    file = BytesIO()
    book.save(file)
    file.seek(0)
    return file


def test_the_first_sheet_is_read_like_a_csv() -> None:
    file = workbook(["Namn", "E-post", "Språk"], ["Åsa", "asa@example.org", "en"], [None, None])
    assert list(rows(file)) == [Row(2, "asa@example.org", "en")]


def test_numbers_dates_and_formulas_are_text_and_never_run() -> None:
    file = workbook(["email", "kund"], ["bo@example.org", 17], ["=1+1", 3.5])
    assert list(rows(file)) == [Row(2, "bo@example.org"), Row(3, "")]


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread() -> None:
    file = BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(sheet_rows.UNPACKED_BYTES_AT_MOST // 2**20 + 1):
            part.write(bytes(2**20))
    file.seek(0)
    with pytest.raises(UnreadableFile, match="too large"):
        list(rows(file))


def test_entities_are_refused() -> None:
    healthy, hostile = workbook(["email"]), BytesIO()
    with zipfile.ZipFile(healthy) as given, zipfile.ZipFile(hostile, "w") as archive:
        for name in given.namelist():
            body = ENTITY_BOMB.encode() if name == "xl/workbook.xml" else given.read(name)
            archive.writestr(name, body)
    hostile.seek(0)
    with pytest.raises(UnreadableFile, match="damaged"):
        list(rows(hostile))


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
