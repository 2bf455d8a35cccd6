"""The news desk and the overview."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.models import Issue, Item, Role, SiteProbe, Source, writing
from newsletter_service.news import desk as news
from newsletter_service.news import sources
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World


@pytest.fixture
def editor(browser: Browser) -> FlaskClient:
    return browser(Role.EDITOR)


@pytest.fixture
def item(desk: World) -> int:
    made = news.type_in(desk.list_id, news.Typed("Fika på fredag"), datetime.now(UTC))
    db.session.remove()
    return made


def test_a_headline_becomes_news(editor: FlaskClient) -> None:
    submit(editor, "/desk/nyheter", {"written": "Ny <i>chef</i> i parken"})

    assert "Ny chef i parken" in editor.get("/desk/nyheter").get_data(as_text=True)


def test_a_link_is_kept_and_its_words_can_be_changed(editor: FlaskClient) -> None:
    answer = submit(editor, "/desk/nyheter", {"written": "www.park.se/nyheter/ny-chef"})
    assert "We are reading the page" in editor.get(answer.location).text
    with writing() as session:
        session.scalars(select(SiteProbe)).one().answered_at = datetime.now(UTC)
    page = editor.get(answer.location).get_data(as_text=True)

    assert 'value="https://www.park.se/nyheter/ny-chef"' in page
    assert 'value="Ny chef"' in page
    submit(editor, answer.location, {"title": "Vår nya chef", "starts_on": "2026-12-03"})
    kept = db.session.scalars(select(Item)).one()
    assert (kept.title, str(kept.starts_on)) == ("Vår nya chef", "2026-12-03")


def test_an_empty_field_is_told_at_once(editor: FlaskClient) -> None:
    answer = submit(editor, "/desk/nyheter", {"written": " "})

    assert answer.status_code == 422
    assert "Paste a link or write a headline." in answer.get_data(as_text=True)


def test_chosen_news_goes_into_the_draft_or_begins_one(editor: FlaskClient, item: int) -> None:
    chosen = {"items": str(item), "act": "draft"}
    answer = submit(editor, "/desk/nyheter", chosen, "/desk/nyheter/valda")

    issue = db.session.scalars(select(Issue)).one()
    assert answer.location.endswith(f"/desk/utskick/{issue.id}")
    assert [block.item_id for block in issue.blocks] == [item]
    used = editor.get("/desk/nyheter?flik=anvanda").get_data(as_text=True)
    assert "in no. 1" in used


def test_hidden_news_is_shown_again(editor: FlaskClient, item: int) -> None:
    chosen = {"items": str(item), "act": "hide"}
    submit(editor, "/desk/nyheter", chosen, "/desk/nyheter/valda")
    assert "Fika på fredag" not in editor.get("/desk/nyheter").get_data(as_text=True)

    again = {"items": str(item), "act": "show", "flik": "dolda"}
    submit(editor, "/desk/nyheter?flik=dolda", again, "/desk/nyheter/valda")
    assert "Fika på fredag" in editor.get("/desk/nyheter").get_data(as_text=True)


def test_a_feed_that_does_not_answer_is_something_to_do(desk: World, editor: FlaskClient) -> None:
    now = datetime.now(UTC)
    source = sources.add(
        desk.list_id, sources.NewSource("https://park.se/feed"), actor="anna", now=now
    )
    source.failures, source.last_error = 3, "It did not answer."
    db.session.commit()
    db.session.remove()

    assert "It did not answer." in editor.get("/desk/").get_data(as_text=True)
    submit(editor, "/desk/nyheter", {}, "/desk/nyheter/hamta")
    db.session.rollback()  # sees what the request committed
    assert db.session.scalars(select(Source.due_at)).one() > now


def test_an_operator_sees_the_overview_but_not_the_news(browser: Browser) -> None:
    operator = browser(Role.OPERATOR)

    assert operator.get("/desk/").status_code == 200
    assert operator.get("/desk/nyheter").status_code == 403
