"""Files of addresses, as they come."""

from contextlib import suppress
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.subscribers.csv_rows import Row, UnreadableFile, rows


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


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_clear_refusal(body: bytes) -> None:
    with suppress(UnreadableFile):
        assert all(row.line >= 1 for row in rows(BytesIO(body)))


def test_a_file_in_utf_16_is_read_as_excel_saves_it() -> None:
    body = "Namn\te-post\nÅsa\tasa@example.org\n".encode("utf-16")
    assert list(rows(BytesIO(body))) == [Row(2, "asa@example.org")]
