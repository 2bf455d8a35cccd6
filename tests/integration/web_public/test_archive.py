"""The open archive: off until switched on, everything that was sent, nothing of any reader."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from newsletter_service.accounts import newsletters
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


def test_letters_lead_to_the_archive_while_it_is_open(made: World) -> None:
    issue = db.session.get_one(Issue, 1)
    url = f"https://nyhetsbrev.example.org/arkiv/{issue.newsletter.slug}/1"
    assert url not in compose.letter(db.session(), issue, "sv").html
    switch(made, on=True)
    assert url in compose.letter(db.session(), db.session.get_one(Issue, 1), "sv").html
