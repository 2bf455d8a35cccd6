"""*Kom igång*: from an empty installation to a suggested issue, without a terminal."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter_service.embedded.sample_feed import SampleSite
from newsletter_service.extensions import db
from newsletter_service.models import Block, Issue, NewsletterList, Organisation, Role, SiteProbe
from newsletter_service.news import fetch, probe
from tests.integration.web.browsing import submit

START = "/desk/kom-igang"
OWNER = {
    "name": "Ängsparken Science Park",
    "postal_address": "Ängsvägen 4, 123 45 Ängby",
    "contact_email": "brev@angsparken.test",
}
LETTER = {
    "name": "Nytt från Ängsparken",
    "sender_name": "Ängsparken",
    "sender_address": "brev@angsparken.test",
}


@pytest.fixture
def site() -> Iterator[SampleSite]:
    """A site on loopback."""
    with SampleSite() as running:
        yield running


@pytest.fixture
def environment(environment: dict[str, str], site: SampleSite) -> dict[str, str]:
    """The trial mode lets that very site through."""
    return environment | {"NEWSLETTER_TRIAL_ORIGINS": site.url}


@pytest.fixture
def administrator(client_as: Callable[..., FlaskClient]) -> FlaskClient:
    """The first person of an installation."""
    return client_as(Role.ADMINISTRATOR)


def _work(app: Flask) -> None:
    """What the workers do: look at the site, fetch the feeds."""
    now = datetime.now(UTC)
    with app.app_context():
        for probe_id in db.session.scalars(
            select(SiteProbe.id).where(SiteProbe.answered_at.is_(None))
        ).all():
            probe.discover(probe_id, now)
        for source_id in fetch.due(now):
            fetch.fetch(source_id, now)


def test_an_empty_installation_opens_at_the_first_step(administrator: FlaskClient) -> None:
    assert administrator.get("/desk/").headers["Location"] == f"{START}/"
    assert administrator.get(f"{START}/").headers["Location"] == f"{START}/webbplats"


def test_the_way_ends_at_an_issue_of_ones_own_news(
    app: Flask, administrator: FlaskClient, site: SampleSite
) -> None:
    asked = submit(administrator, f"{START}/webbplats", {"url": site.url})
    assert asked.headers["Location"] == f"{START}/organisation"
    _work(app)
    named = submit(administrator, f"{START}/organisation", OWNER)
    assert named.headers["Location"] == f"{START}/nyhetsbrev"
    begun = submit(administrator, f"{START}/nyhetsbrev", LETTER)
    assert begun.headers["Location"] == f"{START}/forslag"

    page = administrator.get(f"{START}/forslag").get_data(as_text=True)
    assert site.feed_url in page
    with app.app_context():
        found = db.session.scalars(select(SiteProbe)).one().found
    chosen = {"feeds": site.feed_url, "logo": found["logos"][0], "accent": found["accents"][0]}
    submit(administrator, f"{START}/forslag", chosen)
    _work(app)
    made = submit(administrator, f"{START}/forsta-utskicket", {})

    with app.app_context():
        issue = db.session.scalars(select(Issue)).one()
        assert made.headers["Location"] == f"/desk/utskick/{issue.id}"
        assert len(issue.blocks) >= 3
        owner = db.session.get_one(Organisation, 1)
        assert owner.logo_url == found["logos"][0]
        assert owner.accent == found["accents"][0]
        newsletter = db.session.scalars(select(NewsletterList)).one()
        assert newsletter.slug == "nytt-fran-angsparken"
        assert newsletter.list_id.startswith("nytt-fran-angsparken.")


def test_the_organisation_is_prefilled_with_what_the_site_told(
    app: Flask, administrator: FlaskClient, site: SampleSite
) -> None:
    submit(administrator, f"{START}/webbplats", {"url": site.url})
    _work(app)
    with app.app_context():
        name = db.session.scalars(select(SiteProbe)).one().found["name"]
    assert name
    assert name in administrator.get(f"{START}/organisation").get_data(as_text=True)


def test_while_the_site_is_being_read_the_page_says_so_and_asks_again(
    administrator: FlaskClient, site: SampleSite
) -> None:
    submit(administrator, f"{START}/webbplats", {"url": site.url})
    page = administrator.get(f"{START}/forslag").get_data(as_text=True)
    assert 'hx-trigger="every 2s"' in page
    fragment = administrator.get(f"{START}/forslag", headers={"HX-Request": "true"})
    assert "<html" not in fragment.get_data(as_text=True)


@pytest.mark.parametrize("typed", ["", "inte en adress", "ftp://x.test", "http://", "http://[::1"])
def test_what_is_no_address_is_told_at_the_field_and_asks_nothing(
    app: Flask, administrator: FlaskClient, typed: str
) -> None:
    answer = submit(administrator, f"{START}/webbplats", {"url": typed})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    with app.app_context():
        assert db.session.scalars(select(SiteProbe)).all() == []


def test_asvs_1_3_6_a_private_address_is_refused_and_the_page_says_why(
    app: Flask, administrator: FlaskClient
) -> None:
    submit(administrator, f"{START}/webbplats", {"url": "http://127.0.0.2/"})
    _work(app)
    submit(administrator, f"{START}/organisation", OWNER)
    submit(administrator, f"{START}/nyhetsbrev", LETTER)
    page = administrator.get(f"{START}/forslag").get_data(as_text=True)
    assert "privat nät" in page
    assert f'action="{START}/flode"' in page


def test_without_any_news_the_way_ends_at_an_empty_draft(
    app: Flask, administrator: FlaskClient
) -> None:
    submit(administrator, f"{START}/organisation", OWNER)
    submit(administrator, f"{START}/nyhetsbrev", LETTER)
    submit(administrator, f"{START}/forsta-utskicket", {})
    with app.app_context():
        assert db.session.scalars(select(Issue)).one()
        assert db.session.scalars(select(Block)).all() == []


def test_a_feed_that_was_not_found_on_the_site_is_never_added(
    app: Flask, administrator: FlaskClient, site: SampleSite
) -> None:
    submit(administrator, f"{START}/webbplats", {"url": site.url})
    _work(app)
    submit(administrator, f"{START}/organisation", OWNER)
    submit(administrator, f"{START}/nyhetsbrev", LETTER)
    submit(administrator, f"{START}/forslag", {"feeds": "http://elsewhere.test/feed"})
    with app.app_context():
        assert fetch.due(datetime.now(UTC)) == []


def test_what_was_typed_is_kept_when_something_is_missing(administrator: FlaskClient) -> None:
    answer = submit(administrator, f"{START}/organisation", OWNER | {"postal_address": ""})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Ängsparken Science Park" in page
    assert 'href="#postal_address"' in page


def test_header_injection_in_a_name_is_told_at_its_field(
    app: Flask, administrator: FlaskClient
) -> None:
    submit(administrator, f"{START}/organisation", OWNER)
    evil = LETTER | {"sender_name": "Park\r\nBcc: x@evil.test"}
    assert submit(administrator, f"{START}/nyhetsbrev", evil).status_code == 422
    with app.app_context():
        assert db.session.scalars(select(NewsletterList)).one_or_none() is None
