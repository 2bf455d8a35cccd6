"""Clicks in total: the same links for everybody, counted for nobody, machines apart."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter_service.accounts import sending
from newsletter_service.accounts.sending import Sending
from newsletter_service.extensions import db
from newsletter_service.issues import clicks, compose, editions
from newsletter_service.issues.clicks import is_machine
from newsletter_service.models import CountedLink, Edition, Issue, IssueState, NewsletterList
from tests.world import World, world

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
URL = "https://park.example.org/nyheter/kryo"


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as made:
        yield made


def _counting(desk: World, **more: object) -> Edition:
    """A sent issue of a newsletter that counts."""
    decided = replace(Sending(), clicks=True, **more)  # type: ignore[arg-type]
    sending.decide(desk.list_id, decided, actor="anna")
    return db.session.get_one(Edition, (desk.issue(IssueState.SENDING), "sv"))


def _totals() -> list[tuple[int, int]]:
    db.session.rollback()
    rows = db.session.execute(select(CountedLink.people, CountedLink.machines))
    return [(row[0], row[1]) for row in rows]


def test_without_asking_for_it_no_link_is_counted(desk: World) -> None:
    edition = db.session.get_one(Edition, (desk.issue(IssueState.SENDING), "sv"))
    assert f'href="{URL}"' in edition.html
    assert _totals() == []


def test_the_letter_leads_over_us_in_both_parts_but_to_our_own_pages_at_once(desk: World) -> None:
    edition = _counting(desk)
    through = f"https://nyhetsbrev.example.org/l/{edition.issue_id}/"

    assert f'href="{through}' in edition.html
    assert URL not in edition.html
    assert URL not in edition.text
    assert through in edition.text
    assert "https://nyhetsbrev.example.org/nytta/" in edition.html
    kept = db.session.scalars(select(CountedLink.url)).all()
    assert URL in kept
    assert not [one for one in kept if one.startswith("https://nyhetsbrev.example.org")]


def test_a_press_leads_on_and_only_totals_are_kept(desk: World) -> None:
    edition = _counting(desk)
    link = clicks.of_issue(db.session(), edition.issue_id)[0]
    client = desk.app.test_client()
    path = f"/l/{edition.issue_id}/{link.n}"

    first = client.get(path, headers={"User-Agent": BROWSER})
    client.head(path, headers={"User-Agent": BROWSER})
    client.get(path, headers={"User-Agent": "Barracuda Sentinel (EE)"})
    assert (first.status_code, first.location) == (302, link.url)
    assert "Set-Cookie" not in first.headers
    assert (1, 2) in _totals()
    assert set(CountedLink.__table__.columns.keys()) == {
        "issue_id",
        "n",
        "url",
        "people",
        "machines",
    }


@pytest.mark.parametrize("path", ["/l/1/99", "/l/99/1", "/l/1/1?url=https://evil.test"])
def test_it_leads_nowhere_but_where_the_letter_did(desk: World, path: str) -> None:
    _counting(desk)
    answer = desk.app.test_client().get(path, headers={"User-Agent": BROWSER})
    assert answer.status_code == 404 or "evil" not in answer.location


def test_what_presses_everything_at_once_was_a_machine(desk: World) -> None:
    _counting(desk)
    issue_id = clicks.of_issue(db.session(), 1)[0].issue_id
    clicks.count(issue_id, 1, machine=False)
    clicks.take_back(issue_id, {1, 2})
    assert (0, 1) in _totals()


@pytest.mark.parametrize(
    ("method", "agent", "said", "machine"),
    [
        ("GET", BROWSER, {}, False),
        ("GET", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", {}, False),
        ("HEAD", BROWSER, {}, True),
        ("GET", "", {}, True),
        ("GET", "Mozilla/5.0 (compatible; Googlebot/2.1)", {}, True),
        ("GET", "python-requests/2.32", {}, True),
        ("GET", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)", {}, True),
        ("GET", BROWSER, {"Sec-Purpose": "prefetch;prerender"}, True),
    ],
)
def test_machines_are_told_by_what_they_say_and_do(
    method: str, agent: str, said: dict[str, str], machine: bool
) -> None:
    assert is_machine(method, agent, said) is machine


def test_links_to_own_sites_carry_the_campaign_where_it_is_wanted(desk: World) -> None:
    sending.decide(desk.list_id, Sending(campaign=True), actor="anna")
    issue = db.session.get_one(Issue, desk.issue(IssueState.DRAFT))
    letter = compose.letter(db.session(), issue, "sv")
    tags = "utm_source=nytt&utm_medium=email&utm_campaign=nr-1"

    assert f"{URL}?{tags}" in letter.text
    assert f"{URL}?{tags.replace('&', '&amp;')}" in letter.html
    assert "example.org/nytta/1/yes?utm" not in letter.html
    assert "utm_" not in compose.letter(db.session(), issue, "sv", archived=True).html


def test_tagged_links_are_counted_with_their_tags(desk: World) -> None:
    edition = _counting(desk, campaign=True)
    kept = db.session.scalars(select(CountedLink.url)).all()
    assert [one for one in kept if one.startswith(f"{URL}?utm_source=nytt")]
    letters = editions.frozen(db.session(), db.session.get_one(Issue, edition.issue_id))
    assert "utm_" not in letters["sv"].text


def test_what_was_decided_is_read_back(desk: World) -> None:
    wanted = Sending(clicks=True, own_domains=("konferens.example.org",), canary_minutes=60)
    sending.decide(desk.list_id, wanted, actor="anna")
    db.session.expire_all()
    assert sending.of_list(db.session.get_one(NewsletterList, desk.list_id)) == wanted
