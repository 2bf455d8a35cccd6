"""Companies of the house send in news by a signed link; nothing is shown before it is let in."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.issues import suggest
from newsletter_service.models import Item, StoredFile
from newsletter_service.news import desk as news_desk
from newsletter_service.news import sources, submissions, tabs
from tests.world import World, world

NOW = datetime.now(UTC)
SVG = b"<svg onload=alert(1)>"


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path, base_url="http://localhost") as made:
        yield made


@pytest.fixture
def company(house: World) -> int:
    return submissions.add(house.list_id, " Lymfia <b>AB</b> ", actor="anna", now=NOW)


@pytest.fixture
def visitor(house: World) -> FlaskClient:
    return house.app.test_client()


def form_of(company: int, locale: str = "sv") -> str:
    return submissions.link(company, locale).removeprefix("http://localhost")


def items() -> list[Item]:
    db.session.rollback()
    return list(db.session.scalars(select(Item)))


def shown(house: World, tab: str) -> list[str]:
    wanted = tabs.Wanted(tab, NOW, NOW.date())
    return [row.item.title for row in tabs.rows(house.list_id, wanted)]


def test_the_form_speaks_both_languages_and_names_the_company(
    company: int, visitor: FlaskClient
) -> None:
    swedish, english = visitor.get(form_of(company)), visitor.get(form_of(company, "en"))
    assert "Från Lymfia AB." in swedish.text
    assert "From Lymfia AB." in english.text
    for answer in (swedish, english):
        assert "Set-Cookie" not in answer.headers
        assert "<script" not in answer.text


def test_what_is_sent_in_waits_and_is_news_once_it_is_let_in(
    house: World, company: int, visitor: FlaskClient
) -> None:
    out = io.BytesIO()
    Image.effect_noise((640, 360), 60).convert("RGB").save(out, "JPEG", comment=b"hemligt")
    out.seek(0)
    sent = {
        "title": "Vi söker <script>alert(1)</script>en kemist {{ 7*7 }}",
        "summary": "Tre rader.\nOm jobbet.",
        "url": "www.lymfia.test/jobb",
        "picture": (out, "x.jpg"),
        "image_alt": "Labbet",
        "last_day": "2027-01-15",
    }
    answer = visitor.post(form_of(company), data=sent)
    assert answer.status_code == 303
    assert "Tack, vi har den" in visitor.get(answer.location).text

    (item,) = items()
    assert item.title == "Vi söker en kemist {{ 7*7 }}"
    assert (item.url, item.summary) == ("https://www.lymfia.test/jobb", "Tre rader. Om jobbet.")
    assert item.image_url.startswith("http://localhost/bild/")
    assert db.session.scalars(select(StoredFile)).one().alt == "Labbet"
    assert shown(house, "new") == []
    assert shown(house, "sent_in") == [item.title]
    assert submissions.waiting(house.list_id) == 1
    with pytest.raises(suggest.NothingNew):
        suggest.suggest(suggest.Wish(house.list_id), actor="anna", now=NOW)

    news_desk.let_in([item.id])
    assert shown(house, "new") == [item.title]
    assert shown(house, "sent_in") == []
    assert suggest.suggest(suggest.Wish(house.list_id), actor="anna", now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"title": " "}, "Skriv en rubrik."),
        ({"title": "Nytt", "url": "javascript:alert(1)"}, "webbadress"),
        ({"title": "Nytt", "picture": (io.BytesIO(SVG), "x.svg"), "image_alt": "x"}, "varken JPEG"),
        ({"title": "Nytt", "picture": (io.BytesIO(b"\xff\xd8\xff"), "x.jpg")}, "vad bilden visar"),
    ],
)  # fmt: skip
def test_faults_are_told_at_the_field_and_nothing_is_kept(
    company: int, visitor: FlaskClient, fields: dict[str, object], told: str
) -> None:
    answer = visitor.post(form_of(company), data=fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert items() == []


def test_a_link_that_is_not_ours_or_has_ended_takes_nothing(
    house: World, company: int, visitor: FlaskClient
) -> None:
    link = form_of(company)
    other = link[:-2] + ("aa" if not link.endswith("aa") else "bb")
    assert visitor.post(other, data={"title": "Nytt"}).status_code == 404
    sources.remove(house.list_id, company, actor="anna", now=NOW)
    assert "används inte längre" in visitor.get(link).text
    assert visitor.post(link, data={"title": "Nytt"}).status_code == 404
    assert items() == []


def test_a_robot_that_fills_in_everything_is_thanked_and_forgotten(
    company: int, visitor: FlaskClient
) -> None:
    sent = {"title": "Köp nu", "reference": "x"}
    assert visitor.post(form_of(company), data=sent).status_code == 303
    assert items() == []


@pytest.mark.usefixtures("house")
def test_no_more_is_taken_than_editors_can_read(company: int) -> None:
    token = form_of(company).rsplit("/", 1)[1]
    for number in range(submissions.MOST_WAITING):
        submissions.send_in(token, news_desk.Typed(f"Nyhet {number}"), b"", NOW)
    with pytest.raises(submissions.EnoughWaits):
        submissions.send_in(token, news_desk.Typed("En till"), b"", NOW)


def test_a_flood_through_one_link_is_stopped(company: int, visitor: FlaskClient) -> None:
    answers = [visitor.post(form_of(company), data={"title": ""}).status_code for _ in range(25)]
    assert answers[0] == 422
    assert answers[-1] == 429
