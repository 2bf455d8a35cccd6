"""Files that somebody made to break the import, through the whole upload: page, worker, report."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from newsletter_service.extensions import db
from newsletter_service.models import ImportPart, ReaderImport, Role, Subscriber
from newsletter_service.subscribers import import_turns
from tests.integration.web.browsing import csrf_token
from tests.world import World

ClientAs = Callable[[Role], FlaskClient]
PAGE = "/desk/prenumeranter/importera"
SHEET = "xl/worksheets/sheet1.xml"


def upload(
    client: FlaskClient, body: bytes, list_id: int, name: str = "läsare.csv"
) -> TestResponse:
    token = csrf_token(client.get(PAGE))
    data = {"csrf_token": token, "list_id": str(list_id), "file": (io.BytesIO(body), name)}
    return client.post(PAGE, data=data)


def taken_in(client: FlaskClient, uploaded: TestResponse) -> ReaderImport:
    """Settle what was uploaded, as the page proposes, and let a worker do it."""
    assert uploaded.status_code == 303
    page = uploaded.headers["Location"]
    form = {"csrf_token": csrf_token(client.get(page)), "heading": "yes", "column-0": "email"}
    form |= {"do": "take", "how": "consent", "evidence": "Mässan"}
    assert client.post(page, data=form).status_code == 303
    import_id = int(page.rpartition("/")[2])
    import_turns.work(import_id, datetime.now(UTC))
    assert client.get(page).status_code == 200
    db.session.rollback()
    return db.session.get_one(ReaderImport, import_id)


def addresses() -> list[str]:
    return sorted(db.session.scalars(select(Subscriber.address)))


def bomb() -> bytes:
    """A workbook of some kilobytes that unpacks to thirty million bytes."""
    book = io.BytesIO()
    openpyxl.Workbook().save(book)
    made = io.BytesIO()
    with (
        zipfile.ZipFile(book) as given,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in given.namelist():
            archive.writestr(name, b" " * 30_000_000 if name == SHEET else given.read(name))
    return made.getvalue()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (bomb, "för stor när den packas upp"),
        (lambda: b"email\n" + b"a" * 1_000_000, "Rad 2 är längre än"),
        (lambda: b"\0" * 100_000, "varken text eller"),
        (lambda: b"%PDF-1.7\n", "varken text eller"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "gammalt Excel"),
        (lambda: b"email" + b",x" * 2000, "fler kolumner"),
        (lambda: b"PK\x03\x04" + b"\xff" * 900, "skadad"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words_and_nothing_of_it_is_kept(
    desk_world: World, client_as: ClientAs, body: Callable[[], bytes], says: str
) -> None:
    answer = upload(client_as(Role.EDITOR), body(), desk_world.list_id)
    assert answer.status_code == 422
    assert says in answer.get_data(as_text=True)
    assert db.session.scalars(select(ImportPart)).all() == []


class Endless(io.RawIOBase):
    """A body without end; counts what was read of it."""

    def __init__(self) -> None:
        self.read_so_far = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self.read_so_far += len(buffer)
        buffer[:] = b"a" * len(buffer)
        return len(buffer)


def test_a_gigabyte_is_refused_before_it_is_read(desk_world: World, client_as: ClientAs) -> None:
    assert desk_world
    body = Endless()
    form = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": str(1 << 30)}
    sent = form | {"wsgi.input": io.BufferedReader(body)}
    answer = client_as(Role.EDITOR).post(PAGE, environ_overrides=sent)
    assert answer.status_code in {400, 413}
    assert body.read_so_far < 1 << 20


def test_hostile_rows_spoil_themselves_alone(desk_world: World, client_as: ClientAs) -> None:
    rows = [
        b"email;namn",
        "åsa@reader.test;Åsa".encode(),
        "bo@reader.test;Bo Ström".encode("latin-1"),
        b"=HYPERLINK(1)@reader.test;=cmd|' /C calc'!A0",
        b"ci\0a@reader.test;Cia",
        b'"dan@reader.test\nBcc: x@reader.test";Dan',
        b"eva@reader.test;" + b"e" * 200_000,
        "fia@reader.test\u202e;Fia".encode(),
        b"<script>@reader.test;x",
    ]
    client = client_as(Role.EDITOR)
    run = taken_in(client, upload(client, b"\r\n".join(rows), desk_world.list_id))
    assert (run.state, run.taken) == ("done", 3)
    assert addresses() == ["bo@reader.test", "eva@reader.test", "åsa@reader.test"]
    report = client.get(f"{PAGE}/{run.id}/rapport.csv").get_data(as_text=True)
    assert "\n=" not in report
    assert ",=" not in report


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "latin-1"])
def test_a_file_of_excel_is_read_in_any_encoding_also_without_its_mark(
    desk_world: World, client_as: ClientAs, encoding: str
) -> None:
    client = client_as(Role.EDITOR)
    body = "e-post\tförnamn\nanna@reader.test\tÅsa\n".encode(encoding)
    run = taken_in(client, upload(client, body, desk_world.list_id, "läsare.txt"))
    assert (run.state, run.taken, addresses()) == ("done", 1, ["anna@reader.test"])
