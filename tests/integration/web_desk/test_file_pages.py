"""*Bilder och filer*: uploading, describing, taking away, and choosing for the letter."""

import io
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, suggest
from newsletter_service.issues.blocks import Edit
from newsletter_service.models import Block, Issue, Role, StoredFile
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World

NOW = datetime.now(UTC)


@pytest.fixture
def editor(browser: Browser) -> FlaskClient:
    return browser(Role.EDITOR)


def jpeg() -> tuple[io.BytesIO, str]:
    out = io.BytesIO()
    Image.effect_noise((640, 360), 60).convert("RGB").save(out, "JPEG")
    out.seek(0)
    return out, "labb i parken.jpg"


def files() -> list[StoredFile]:
    db.session.rollback()
    return list(db.session.scalars(select(StoredFile)))


def test_a_picture_is_uploaded_described_and_taken_away(editor: FlaskClient) -> None:
    submit(editor, "/desk/bilder", {"file": jpeg(), "alt": ""}, "/desk/bilder")
    page = editor.get("/desk/bilder").text
    assert "labb i parken.jpg" in page
    assert "Words are missing" in page
    (kept,) = files()
    submit(editor, "/desk/bilder", {"alt": "Labbet i hus 3"}, f"/desk/bilder/{kept.id}/beskriv")
    assert 'alt="Labbet i hus 3"' in editor.get("/desk/bilder?sok=hus").text
    submit(editor, "/desk/bilder", {}, f"/desk/bilder/{kept.id}/ta-bort")
    assert "Nothing is uploaded yet" in editor.get("/desk/bilder").text


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"<svg onload=alert(1)>", "That is no JPEG"), (b"%PDF-1.4 cut", "The file is damaged")],
)
def test_what_cannot_be_kept_is_told_at_the_field(
    editor: FlaskClient, body: bytes, told: str
) -> None:
    answer = submit(editor, "/desk/bilder", {"file": (io.BytesIO(body), "x.jpg")}, "/desk/bilder")
    assert answer.status_code == 422
    assert told in answer.text
    assert files() == []


def test_a_picture_is_chosen_for_a_part_of_the_letter(desk: World, editor: FlaskClient) -> None:
    issue_id = suggest.empty(desk.list_id, actor="anna", now=NOW)
    block = Block(kind="image", position=0, data={})
    blocks.add(issue_id, [block], Edit(1, "anna", NOW))
    block_id = block.id
    db.session.remove()

    composer = editor.get(f"/desk/utskick/{issue_id}").text
    assert f"/desk/bilder?block={block_id}" in composer
    wanted = {"file": jpeg(), "alt": "Labbet"}
    answer = submit(
        editor, f"/desk/bilder?block={block_id}", wanted, f"/desk/bilder?block={block_id}"
    )
    assert f"#block-{block_id}" in answer.location
    values = db.session.get_one(Block, block_id).values("sv")
    assert values["alt"] == "Labbet"
    assert values["url"].startswith("http://localhost/bild/")
    assert (values["width"], values["height"]) == (640, 360)

    (kept,) = files()
    submit(
        editor,
        f"/desk/bilder?block={block_id}",
        {},
        f"/desk/bilder/{kept.id}/anvand?block={block_id}",
    )
    db.session.rollback()
    assert db.session.get_one(Issue, issue_id).version == 3
