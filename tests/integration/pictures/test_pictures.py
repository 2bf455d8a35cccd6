"""Pictures of news become ours, uploads are kept once, drafts and letters show our own."""

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from newsletter_service.extensions import db
from newsletter_service.issues import (
    blocks,
    editions,
    let_stand,
    link_check,
    mend,
    preflight,
    suggest,
)
from newsletter_service.issues.blocks import Edit
from newsletter_service.models import (
    Block,
    Issue,
    NewsletterList,
    Organisation,
    RemotePicture,
    StoredBytes,
    StoredFile,
    writing,
)
from newsletter_service.news import desk as news_desk
from newsletter_service.news import tabs
from newsletter_service.pictures import library, remote
from tests.world import World, world

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def jpeg(width: int = 900, height: int = 500) -> bytes:
    out = io.BytesIO()
    size = (width // 8, height // 8)
    small = Image.merge("RGB", [Image.effect_noise(size, 80) for _channel in range(3)])
    small.resize((width, height)).save(out, "JPEG")
    return out.getvalue()


class Site(BaseHTTPRequestHandler):
    """Answers by path with what the server holds for it, and counts."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        status, body = self.server.answers.get(self.path, (404, b""))  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.answers, server.asked = {}, []  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path, site: Any) -> Iterator[World]:
    """In trial mode, where the site's own origin is let through."""
    with world(sqlite_url, tmp_path, trial_origins=site.url) as made:
        with writing() as session:
            session.get_one(Organisation, 1).live_at = None
        yield made


def typed(desk: World, url: str, title: str = "Nytt labb") -> int:
    return news_desk.type_in(desk.list_id, news_desk.Typed(title, image_url=url), NOW)


def draft(desk: World) -> Issue:
    made = suggest.suggest(suggest.Wish(desk.list_id), actor="anna", now=NOW)
    return db.session.get_one(Issue, made)


def test_a_picture_of_news_is_fetched_once_and_the_draft_shows_our_own(
    desk: World, site: Any
) -> None:
    site.answers["/labb.jpg"] = (200, jpeg())
    url = f"{site.url}/labb.jpg"
    typed(desk, url)
    typed(desk, url, "Samma bild")
    block = draft(desk).blocks[0]
    assert block.values("sv")["image_url"] == url
    version = draft_version(block)

    assert remote.is_due(NOW)
    assert remote.fetch_due(NOW) == 1
    assert not remote.is_due(NOW + timedelta(days=30))
    assert remote.fetch_due(NOW) == 0
    db.session.expire_all()

    values = db.session.get_one(Block, block.id).values("sv")
    assert values["image_url"].startswith("https://nyhetsbrev.example.org/bild/")
    assert values["image_url"].endswith("-b.jpg")
    assert values["image_height"] == 333
    assert draft_version(block) == version
    assert site.asked == ["/labb.jpg"]
    (first, *_rest) = tabs.rows(desk.list_id, tabs.Wanted("used", NOW, NOW.date()))
    assert first.picture.endswith("-s.jpg")


def test_the_check_finds_a_picture_elsewhere_and_puts_in_our_own(desk: World, site: Any) -> None:
    site.answers["/labb.jpg"] = (200, jpeg())
    url = f"{site.url}/labb.jpg"
    typed(desk, url)
    issue = draft(desk)
    block_id, issue_id = issue.blocks[0].id, issue.id
    with writing() as session:  # as somebody sees it who is in earnest
        session.get_one(Organisation, 1).live_at = NOW
        session.get_one(NewsletterList, desk.list_id).sender_address = "brev@fjallangen.se"

    def found() -> list[preflight.Finding]:
        db.session.expire_all()
        kept = db.session.get_one(Issue, issue_id)
        report = preflight.examine(db.session(), kept, LATER, only=["picture_elsewhere"])
        return report.should

    assert [(one.place, one.can_be_mended) for one in found()] == [(f"block:{block_id}", False)]
    with writing() as session:
        session.get_one(Organisation, 1).live_at = None
    assert remote.fetch_due(NOW) == 1
    with writing() as session:  # as if it had come while the issue was approved
        block = session.get_one(Block, block_id)
        block.data = {"sv": block.data["sv"] | {"image_url": url}}
        session.get_one(Organisation, 1).live_at = NOW
    assert found()[0].can_be_mended
    version = db.session.get_one(Issue, issue_id).version
    mend.mend_all(issue_id, blocks.Edit(version, "anna", LATER))  # it is not on https either
    assert found() == []
    shown = db.session.get_one(Block, block_id).values("sv")["image_url"]
    assert shown.startswith("https://nyhetsbrev.example.org/bild/")


def draft_version(block: Block) -> int:
    return db.session.get_one(Issue, block.issue_id).version


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, b"<svg onload=alert(1)>"), "kind"),
        ((404, b""), "status_404"),
        ((200, PIXEL), "too_small"),
    ],
)
def test_what_is_no_picture_is_shown_nowhere_and_not_asked_for_again(
    desk: World, site: Any, answer: tuple[int, bytes], code: str
) -> None:
    site.answers["/pixel.gif"] = answer
    typed(desk, f"{site.url}/pixel.gif")
    block = draft(desk).blocks[0]
    assert remote.fetch_due(NOW) == 0
    db.session.expire_all()
    assert db.session.get_one(Block, block.id).values("sv")["image_url"] == ""
    assert db.session.scalars(select(RemotePicture)).one().error == code
    assert not remote.is_due(NOW + timedelta(days=30))
    # where it is written by hand it stays to be seen, and is never sent
    issue = db.session.get_one(Issue, block.issue_id)
    edit = Edit(issue.version, "anna", NOW)
    blocks.write(issue.id, "sv", {}, {block.id: {"image_url": f"{site.url}/pixel.gif"}}, edit)
    assert db.session.get_one(Block, block.id).values("sv")["image_url"] == f"{site.url}/pixel.gif"
    with writing() as session:
        session.get_one(Organisation, 1).live_at = NOW
        session.get_one(NewsletterList, desk.list_id).sender_address = "brev@fjallangen.se"
    (found,) = preflight.examine(db.session(), issue, LATER, only=["picture_refused"]).must
    link_check.ask(issue.id, LATER)  # somebody says that it is there now
    assert remote.is_due(LATER)
    with writing() as session:
        session.scalars(select(RemotePicture)).one().due_at = None
        session.scalars(select(RemotePicture)).one().error = code
    with pytest.raises(let_stand.NotAllowed):
        let_stand.let_stand(
            issue.id, found.rule, found.place, "Jo", actor="chef", now=LATER, may_all=True
        )
    edit = Edit(db.session.get_one(Issue, issue.id).version, "anna", LATER)
    mend.mend(issue.id, found.rule, found.place, edit)
    assert db.session.get_one(Block, block.id).values("sv")["image_url"] == ""


def test_a_site_that_is_away_is_asked_again_some_times_and_then_no_more(
    desk: World, site: Any
) -> None:
    site.answers["/labb.jpg"] = (503, b"")
    typed(desk, f"{site.url}/labb.jpg")
    when = NOW
    for _try in range(remote.MOST_TRIES):
        assert remote.is_due(when)
        remote.fetch_due(when)
        when += timedelta(days=10)
    assert not remote.is_due(when)
    assert len(site.asked) == remote.MOST_TRIES


def test_in_live_mode_a_picture_inside_the_house_is_never_asked_for(desk: World, site: Any) -> None:
    site.answers["/labb.jpg"] = (200, jpeg())
    with writing() as session:
        session.get_one(Organisation, 1).live_at = NOW
    typed(desk, f"{site.url}/labb.jpg")
    assert remote.fetch_due(NOW) == 0
    assert site.asked == []


def test_a_picture_written_into_a_block_is_fetched_and_put_in_its_place(
    desk: World, site: Any
) -> None:
    site.answers["/bild.png"] = (200, jpeg(1600, 900))
    issue_id = suggest.empty(desk.list_id, actor="anna", now=NOW)
    block = Block(kind="image", position=0, data={"sv": {"url": "", "alt": ""}})
    version = blocks.add(issue_id, [block], Edit(1, "anna", NOW))
    wanted = {"url": f" {site.url}/bild.png ", "alt": "Labbet"}
    blocks.write(issue_id, "sv", {}, {block.id: wanted}, Edit(version, "anna", NOW))
    remote.fetch_due(NOW)
    db.session.expire_all()
    values = db.session.get_one(Block, block.id).values("sv")
    assert values["url"].startswith("https://nyhetsbrev.example.org/bild/")
    assert (values["width"], values["height"], values["alt"]) == (1200, 675, "Labbet")
    # whoever had the page open writes the old address back, and it is ours again
    issue = db.session.get_one(Issue, issue_id)
    blocks.write(issue_id, "sv", {}, {block.id: wanted}, Edit(issue.version, "anna", NOW))
    assert db.session.get_one(Block, block.id).values("sv")["url"] == values["url"]
    # and saving what the page shows now asks nobody for what we have
    shown = wanted | {"url": values["url"], "alt": "Labbet i hus 3"}
    edit = Edit(db.session.get_one(Issue, issue_id).version, "anna", NOW)
    blocks.write(issue_id, "sv", {}, {block.id: shown}, edit)
    assert not remote.is_due(LATER)
    assert db.session.get_one(Block, block.id).values("sv")["url"] == values["url"]


@pytest.mark.usefixtures("desk")
def test_the_same_upload_is_kept_once_and_found_by_its_words() -> None:
    body = jpeg()
    first = library.keep(library.Upload(body, "C:\\Bilder\\labb.jpg", "Labbet"), actor="a", now=NOW)
    again = library.keep(library.Upload(body, "labb2.jpg"), actor="b", now=NOW)
    assert first == again
    kept = library.get(first)
    assert kept is not None
    assert (kept.name, kept.alt, kept.created_by) == ("labb2.jpg", "Labbet", "a")
    assert [one.id for one in library.uploaded("labbet")] == [first]
    assert library.uploaded("katt") == []
    library.retire(first, actor="a", now=NOW)
    assert library.uploaded() == []
    library.keep(library.Upload(body, "labb.jpg"), actor="a", now=NOW)
    assert len(library.uploaded()) == 1


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"%PDF-1.7 half", "broken"),
        (b"PK\x03\x04", "kind"),
        (b"<html>%PDF-1.7 %%EOF", "kind"),
        (b"%PDF-1.7" + b"\0" * library.MAX_BYTES + b"%%EOF", "too_large"),
    ],
)
def test_other_files_are_refused(body: bytes, code: str) -> None:
    with pytest.raises(library.NotAFile) as refused:
        library.keep(library.Upload(body, "x.pdf"), actor="a", now=NOW)
    assert refused.value.code == code


def test_what_a_frozen_letter_shows_is_kept_for_good(desk: World, site: Any) -> None:
    site.answers["/labb.jpg"] = (200, jpeg())
    typed(desk, f"{site.url}/labb.jpg")
    remote.fetch_due(NOW)
    issue_id = draft(desk).id
    with writing() as session:
        editions.freeze(session, session.get_one(Issue, issue_id), NOW)
    assert db.session.scalars(select(StoredFile)).one().kept_at == NOW
    assert db.session.scalar(select(func.count()).select_from(StoredFile)) == 1


def test_pictures_of_old_news_go_and_those_of_letters_and_the_library_stay(
    desk: World, site: Any
) -> None:
    for n in range(3):
        site.answers[f"/{n}.jpg"] = (200, jpeg(800 + 8 * n))
        typed(desk, f"{site.url}/{n}.jpg", f"Nyhet nummer {n}")
    remote.fetch_due(NOW)
    with writing() as session:
        shown, uploaded, _old = session.scalars(select(StoredFile).order_by(StoredFile.width))
        shown.kept_at, uploaded.uploaded = NOW, True
    assert remote.forget_old(NOW + timedelta(days=179)) == 0
    assert remote.forget_old(NOW + timedelta(days=181)) == 1
    assert sorted(one.width for one in db.session.scalars(select(StoredFile))) == [800, 808]
    assert db.session.scalar(select(func.count()).select_from(StoredBytes)) == 6
    assert remote.forget_old(NOW + timedelta(days=181)) == 0


def test_files_are_served_for_good_and_run_nothing(desk: World) -> None:
    picture = library.keep(library.Upload(jpeg(), "labb.jpg"), actor="a", now=NOW)
    paper = library.keep(library.Upload(PDF, "Avtal för åren.pdf"), actor="a", now=NOW)
    base = desk.settings.base_url
    urls = [library.address(db.session.get_one(StoredFile, one)) for one in (picture, paper)]
    client = desk.app.test_client()
    for url in urls:
        answer = client.get(url.removeprefix(base))
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in answer.headers["Cache-Control"]
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        again = client.get(
            url.removeprefix(base), headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status_code == 304
    assert urls[1].endswith("/avtal-for-aren.pdf")
    paper_answer = client.get(urls[1].removeprefix(base))
    assert paper_answer.headers["Content-Disposition"].startswith("attachment")
    key = urls[0].rsplit("/", 1)[1].partition(".")[0]
    for wrong in (
        f"/bild/{key}.png",
        f"/bild/{key}-x.jpg",
        f"/bild/{'0' * 32}.jpg",
        f"/fil/{key}/x.pdf",
    ):
        assert client.get(wrong).status_code == 404
