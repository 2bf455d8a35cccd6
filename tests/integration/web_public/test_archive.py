"""The open archive: off until switched on, everything that was sent, nothing of any reader."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from newsletter_service.__main__ import door
from newsletter_service.accounts import newsletters
from newsletter_service.cli import Door
from newsletter_service.cli.archive import group as archive_command
from newsletter_service.extensions import db
from newsletter_service.issues import compose
from newsletter_service.models import Issue, IssueState, NewsletterList, writing
from tests.integration.subscribers.parken import visitor
from tests.world import World, world


@pytest.fixture
def made(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as made:
        made.issue(IssueState.SENT)
        yield made


@pytest.fixture
def client(made: World) -> FlaskClient:
    return visitor(made.app)


def switch(made: World, *, on: bool) -> NewsletterList:
    newsletters.open_archive(made.list_id, actor="ada", open_to_all=on)
    return db.session.get_one(NewsletterList, made.list_id)


def test_the_archive_is_closed_until_it_is_opened(made: World, client: FlaskClient) -> None:
    slug = db.session.get_one(NewsletterList, made.list_id).slug
    places = (f"/arkiv/{slug}", f"/arkiv/{slug}/1", f"/archive/{slug}/rss.xml")
    assert [client.get(place).status_code for place in places] == [404, 404, 404]
    switch(made, on=True)
    assert [client.get(place).status_code for place in places[:2]] == [200, 200]
    switch(made, on=False)
    assert client.get(places[0]).status_code == 404


def test_an_issue_of_the_archive_holds_nothing_of_a_reader(
    made: World, client: FlaskClient
) -> None:
    slug = switch(made, on=True).slug
    page = client.get(f"/arkiv/{slug}/1").text
    assert "xslot" not in page
    for personal in ("avprenumerera", "unsubscribe", "installningar", "nytta", "@example.org</"):
        assert personal not in page.split("<body")[1].lower().replace("hej@example.org</", "")
    assert f'<link rel="canonical" href="https://nyhetsbrev.example.org/arkiv/{slug}/1">' in page
    assert '<meta property="og:title"' in page
    assert "&lt;/" not in page


def test_what_was_not_released_is_not_in_the_archive(made: World, client: FlaskClient) -> None:
    slug = switch(made, on=True).slug
    with writing() as session:
        session.get_one(Issue, 1).state = IssueState.SCHEDULED
    assert client.get(f"/arkiv/{slug}/1").status_code == 404
    assert f"/arkiv/{slug}/1" not in client.get(f"/arkiv/{slug}").text


def test_the_search_folds_case_also_of_swedish_letters(made: World, client: FlaskClient) -> None:
    slug = switch(made, on=True).slug
    subject = db.session.get_one(Issue, 1).text("sv").subject
    found = client.get(f"/arkiv/{slug}", query_string={"q": subject.upper()}).text
    assert f"/arkiv/{slug}/1" in found
    missing = client.get(f"/arkiv/{slug}", query_string={"q": "<b>%_finns inte"}).text
    assert f"/arkiv/{slug}/1" not in missing
    assert "<b>%_finns" not in missing


def test_the_feed_names_every_issue_by_its_own_address(made: World, client: FlaskClient) -> None:
    slug = switch(made, on=True).slug
    root = ElementTree.fromstring(client.get(f"/arkiv/{slug}/rss.xml").data)
    assert [link.text for link in root.iterfind("channel/item/link")] == [
        f"https://nyhetsbrev.example.org/arkiv/{slug}/1"
    ]


def test_previews_name_no_strangers_picture_and_tell_what_it_is_about(
    made: World, client: FlaskClient
) -> None:
    slug = switch(made, on=True).slug
    picture = "https://nyhetsbrev.example.org/bild/kryo-b.jpg"
    with writing() as session:
        issue = session.get_one(Issue, 1)
        issue.text("sv").preheader = ""
        values = issue.blocks[0].data["sv"]
        issue.blocks[0].data = {"sv": values | {"image_url": "https://spar.test/pixel.png"}}
    page = client.get(f"/arkiv/{slug}/1").text.partition("<body")[0]
    assert "spar.test" not in page
    assert '<meta name="description" content="Kryomikroskop för alla">' in page

    with writing() as session:
        session.get_one(Issue, 1).blocks[0].data = {"sv": values | {"image_url": picture}}
    assert f'<meta property="og:image" content="{picture}">' in client.get(f"/arkiv/{slug}/1").text


def test_letters_lead_to_the_archive_while_it_is_open(made: World) -> None:
    issue = db.session.get_one(Issue, 1)
    url = f"https://nyhetsbrev.example.org/arkiv/{issue.newsletter.slug}/1"
    assert url not in compose.letter(db.session(), issue, "sv").html
    switch(made, on=True)
    assert url in compose.letter(db.session(), db.session.get_one(Issue, 1), "sv").html


def test_what_went_to_some_only_is_not_for_everybody(made: World, client: FlaskClient) -> None:
    slug = switch(made, on=True).slug
    with writing() as session:
        issue = session.get_one(Issue, 1)
        issue.canary, issue.canary_n = True, 1
    assert client.get(f"/arkiv/{slug}/1").status_code == 404
    with writing() as session:
        issue = session.get_one(Issue, 1)
        issue.canary_passed_at, issue.segment_id = issue.released_at, 7
    assert client.get(f"/arkiv/{slug}/1").status_code == 404
    with writing() as session:
        session.get_one(Issue, 1).segment_id = None
    assert client.get(f"/arkiv/{slug}/1").status_code == 200


def test_r_2_7_letters_name_the_archive_once_it_is_open(made: World) -> None:
    issue = db.session.get_one(Issue, 1)
    assert compose.fixed_headers(db.session(), issue, "sv").list_archive is None
    slug = switch(made, on=True).slug
    found = compose.fixed_headers(db.session(), issue, "en").list_archive
    assert found == f"https://nyhetsbrev.example.org/archive/{slug}"


def test_the_archive_as_files_leads_from_page_to_page_and_holds_nothing_of_a_reader(
    made: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = switch(made, on=True).slug
    db.session.remove()
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    args = ["export", str(tmp_path / "out"), "--site", "https://arkiv.example.org"]
    done = CliRunner().invoke(archive_command, args, obj=door())  # as the command itself runs
    assert done.exit_code == 0, done.output

    shelf = (tmp_path / "out" / "arkiv" / slug / "index.html").read_text()
    issue = (tmp_path / "out" / "arkiv" / slug / "1" / "index.html").read_text()
    feed = (tmp_path / "out" / "arkiv" / slug / "rss.xml").read_text()
    assert 'href="1/index.html"' in shelf
    assert 'href="../../static/css/tokens.css"' in shelf
    assert (tmp_path / "out" / "static" / "css" / "tokens.css").exists()
    assert 'role="search"' not in shelf
    assert f'rel="canonical" href="https://arkiv.example.org/arkiv/{slug}/1"' in issue
    assert 'href="../index.html"' in issue
    assert f"<link>https://arkiv.example.org/arkiv/{slug}/1</link>" in feed
    assert f'href="https://nyhetsbrev.example.org/prenumerera/{slug}"' in shelf
    assert len(list((tmp_path / "out").rglob("*.html"))) == 2
    assert "avprenumerera" not in issue


def test_with_no_open_archive_there_is_nothing_to_export(made: World, tmp_path: Path) -> None:
    db.session.remove()
    args = ["export", str(tmp_path / "out")]
    done = CliRunner().invoke(archive_command, args, obj=Door(lambda: made.app))
    assert done.exit_code == 1
    assert not (tmp_path / "out").exists()
