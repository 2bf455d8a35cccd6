"""Every address of the public pages is fetched ten times, as mail scanners do: nothing changes.

The addresses are taken from the pages' own list, so that a new one cannot be left out.
"""

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter_service.extensions import Base, db
from newsletter_service.models import Issue, NewsletterList, writing
from newsletter_service.subscribers import new_address, opt_in, personal_link
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.wordings import Words
from newsletter_service.tokens import unseal
from newsletter_service.web.public.pages import PATHS
from tests.integration.subscribers.parken import Desk

ANNA, BEA = "anna@example.org", "bea@example.org"
PRIVACY = Words("privacy", "sv", "Så gör vi.")
CONTEXT = RequestContext(channel="form", words=(PRIVACY,))


def everything() -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    db.session.rollback()
    return {
        table.name: sorted(map(tuple, db.session.execute(select(table))), key=repr)
        for table in Base.metadata.sorted_tables
    }


@pytest.fixture
def values(desk: Desk) -> dict[str, dict[str, str]]:
    """What stands in the addresses, by the page's name or for all of them."""
    now = datetime.now(UTC)
    for address in (ANNA, BEA):
        opt_in.subscribe("nytt", address, "sv", CONTEXT, now)
        if address == ANNA:
            opt_in.confirm(desk.link(), "sv", CONTEXT, now)
    waiting = desk.link()
    personal_link.ask(ANNA, now)

    def secret(kind: str) -> str:
        return unseal(desk.settings.secret_key, desk.notices(kind)[-1].sealed or b"")

    new_address.ask(secret("personal_link"), "anna.ny@example.org", now)
    leave = desk.leave_token(ANNA)
    with writing() as session:
        listed = session.scalars(select(NewsletterList).order_by(NewsletterList.id)).first()
        assert listed is not None
        listed.settings = {"open_archive": True}
        issue = Issue(
            list_id=listed.id, number=1, state="sent", created_at=now, changed_at=now,
            released_at=now, expires_at=now,
        )  # fmt: skip
        session.add(issue)
        session.flush()
        every = {"slug": "nytt", "issue_id": str(issue.id), "number": "1", "reply": "yes"}
    return {
        "": every | {"digest": PRIVACY.digest},
        "confirm": {"token": waiting},
        "block": {"token": waiting},
        "unsubscribe": {"token": leave},
        "undo": {"token": leave},
        "preferences": {"token": desk.preferences_token(ANNA)},
        "choices": {"token": secret("personal_link")},
        "new_address": {"token": secret("new_address")},
    }


def filled(template: str, known: dict[str, str]) -> str:
    """An address with its values; a link that this test does not make stands for a forged one."""
    return re.sub(r"<(?:int:)?(\w+)>", lambda found: known.get(found[1], "9999"), template)


def test_r_6_4_fetching_every_address_ten_times_changes_nothing(
    client: FlaskClient, values: dict[str, dict[str, str]]
) -> None:
    before = everything()
    for name, paths in PATHS.items():
        known = values[""] | values.get(name, {})
        for template in paths.values():
            path = filled(template, known)
            for turn in range(10):
                answer = client.get(path) if turn % 2 else client.head(path)
                assert answer.status_code < 500, path
                assert "Set-Cookie" not in answer.headers, path
                if name in values:
                    private = answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]
                    assert private == ("no-store", "no-referrer"), path
    assert everything() == before


@pytest.mark.parametrize("name", ["confirm", "choices", "new_address", "unsubscribe"])
def test_the_links_still_work_after_that(
    client: FlaskClient, values: dict[str, dict[str, str]], name: str
) -> None:
    path = PATHS[name]["sv"].replace("<token>", values[name]["token"])
    pages = [client.get(path) for _ in range(10)]
    assert {page.status_code for page in pages} == {200}
    done = client.post(path, data={"act": "save", "language": "sv", "lists": ["jobb"]})
    assert done.status_code == 200
    assert re.search(r"Klart|sparade", done.text), done.text
