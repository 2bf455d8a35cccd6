"""Files of addresses, as they come: text."""

import io
from contextlib import suppress
from io import BytesIO
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.subscribers import file_rows
from newsletter_service.subscribers.columns import Row
from newsletter_service.subscribers.csv_rows import Dialect, sniff
from newsletter_service.subscribers.file_rows import rows
from newsletter_service.subscribers.tables import UnreadableFile

SWEDISH = "Namn;E-post;Språk\nÅsa Öman;asa@example.org;svenska\nBo;bo@example.org;en\n"
READ = [Row(2, "asa@example.org", "sv"), Row(3, "bo@example.org", "en")]


def read(text: str) -> list[Row]:
    return list(rows(BytesIO(text.encode())))


def test_the_address_and_language_columns_are_found_by_their_headings() -> None:
    assert read("Namn;Språk;E-post\nÅsa;Engelska;asa@example.org\n") == [
        Row(2, "asa@example.org", "en")
    ]


def test_a_file_without_headings_is_read_from_its_first_line() -> None:
    assert read("anna@example.org\nbo@example.org\n") == [
        Row(1, "anna@example.org"),
        Row(2, "bo@example.org"),
    ]


def test_a_short_row_has_no_address_and_breaks_nothing() -> None:
    assert read("namn,email\nAnna\n") == [Row(2, "")]


def read_all(file: BinaryIO) -> None:
    file_rows.look(file)
    list(rows(file))


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_clear_refusal(body: bytes) -> None:
    with suppress(UnreadableFile):
        assert all(row.line >= 1 for row in rows(BytesIO(body)))


@pytest.mark.parametrize("mark", [";", ",", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("latin-1", "cp1252"),
        ("cp1252", "cp1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16"),
    ],
)
def test_separator_encoding_and_line_ends_are_found_out(
    mark: str, end: str, encoding: str, found: str
) -> None:
    file = BytesIO(SWEDISH.replace(";", mark).replace("\n", end).encode(encoding))
    assert sniff(file) == Dialect(found, mark)
    assert [(row.address, row.locale) for row in rows(file)] == [
        (row.address, row.locale) for row in READ
    ]
    assert file_rows.look(file).first[1][0] == "Åsa Öman"


def test_letters_of_an_old_mac_are_read_when_somebody_says_so() -> None:
    file = BytesIO(SWEDISH.encode("mac-roman"))
    assert file_rows.look(file, encoding="mac-roman").first[1][0] == "Åsa Öman"


def test_a_file_pasted_together_of_two_encodings_is_read_line_by_line() -> None:
    file = BytesIO(
        "namn,email\nÅsa,a@example.org\n".encode() + "Öst,b@example.org\n".encode("cp1252")
    )
    assert [cells[0] for cells in file_rows.look(file).first] == ["namn", "Åsa", "Öst"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "nothing"),
        (b"name,city\nAnna,Lund\n", "no_address"),
        (b'email\n"' + b"x\n" * 200_000, "not_csv"),
        (b"email\n" + b"x" * 300_000, "long_line"),
        ("email\n".encode("utf-16") + "x".encode("utf-16-le") * 300_000, "long_line"),
        (b"email" + b"," * 5_000 + b"\n", "wide_row"),
        (b"email\na@example.org\n" + b"," * 5_000, "wide_row"),
        (b"\x00" * 4_000, "binary"),
        (b"%PDF-1.7\n", "binary"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_excel"),
    ],
)
def test_what_is_no_file_of_addresses_says_why(body: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as error:
        read_all(BytesIO(body))
    assert error.value.code == code


def test_a_zero_byte_spoils_its_own_row_alone() -> None:
    found = list(rows(BytesIO(b"email\na\x00b@example.org\nbo@example.org\n")))
    assert [row.address for row in found] == ["a\x00b@example.org", "bo@example.org"]


class Endless(io.RawIOBase):
    """A file of one line that never ends; counts what was read of it."""

    read_bytes = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, _offset: int, _whence: int = 0) -> int:
        return 0

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"x" * len(buffer)
        self.read_bytes += len(buffer)
        return len(buffer)


def test_a_line_of_a_gigabyte_is_refused_after_a_moment() -> None:
    raw = Endless()
    with pytest.raises(UnreadableFile) as error:
        read_all(io.BufferedReader(raw))
    assert error.value.code == "long_line"
    assert raw.read_bytes < 2 * 2**20
