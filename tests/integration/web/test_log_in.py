"""Logging in and out in a browser (R 8.8 to 8.10, P8)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter_service.accounts import links, people
from newsletter_service.models import Role
from tests.integration.web.browsing import csrf_token, submit

PASSWORD = "tulpaner blommar sent i Umeå"
INSIDE = "/desk/konto"


@pytest.fixture(autouse=True)
def anna(app: Flask) -> None:
    """Somebody with a password."""
    with app.app_context():
        people.create("anna@staff.test", "Anna Lind", [Role.EDITOR], PASSWORD)


def _link(app: Flask) -> str:
    with app.app_context():
        anna = people.find("anna@staff.test")
        assert anna is not None
        return links.one_time_link(anna, datetime.now(UTC)).removeprefix("http://localhost")


def test_a_password_leads_to_the_page_that_was_asked_for(client: FlaskClient) -> None:
    asked = client.get(INSIDE)
    typed = {"email": "anna@staff.test", "password": PASSWORD, "next": INSIDE}
    answer = submit(client, asked.headers["Location"], typed, action="/desk/logga-in")
    assert answer.headers["Location"] == INSIDE
    assert "Anna Lind" in client.get(INSIDE).text


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.test/", "//evil.test/desk/", "/desk/\\evil.test", "/prenumerera/x", ""],
)
def test_asvs_3_7_2_nobody_is_led_to_another_site_after_logging_in(
    client: FlaskClient, elsewhere: str
) -> None:
    typed = {"email": "anna@staff.test", "password": PASSWORD, "next": elsewhere}
    answer = submit(client, "/desk/logga-in", typed)
    assert answer.headers["Location"] == "/desk/"


def test_asvs_3_5_3_opening_a_link_logs_nobody_in_however_often(
    app: Flask, client: FlaskClient
) -> None:
    path = _link(app)
    for _ in range(5):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200
    assert client.get(INSIDE).status_code == 302
    assert submit(client, path, {}).status_code == 303
    assert client.get(INSIDE).status_code == 200


def test_asvs_6_4_1_a_used_link_says_so_and_offers_another(app: Flask, client: FlaskClient) -> None:
    path = _link(app)
    submit(client, path, {})
    again = app.test_client().get(path)
    assert again.status_code == 410
    assert "Be om en ny länk" in again.text


def test_asvs_7_2_4_logging_in_begins_a_new_session(app: Flask, client: FlaskClient) -> None:
    page = client.get("/desk/logga-in")
    before = client.get_cookie("session")
    answer = submit(client, _link(app), {})
    assert answer.status_code == 303
    after = client.get_cookie("session")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    stale = client.post("/desk/logga-ut", data={"csrf_token": csrf_token(page)})
    assert stale.status_code == 400


def test_asvs_7_4_1_a_copied_cookie_is_worth_nothing_after_logging_out(
    app: Flask, client: FlaskClient
) -> None:
    submit(client, _link(app), {})
    copied = client.get_cookie("session")
    assert copied is not None
    thief = app.test_client()
    thief.set_cookie("session", copied.value)
    assert thief.get(INSIDE).status_code == 200
    submit(client, INSIDE, {}, action="/desk/logga-ut")
    assert client.get(INSIDE).status_code == 302
    assert thief.get(INSIDE, headers={"Accept": "application/json"}).status_code == 401
    assert thief.post(INSIDE).status_code == 401


def test_asvs_6_3_8_asking_for_a_link_is_answered_alike_for_all(client: FlaskClient) -> None:
    pages = []
    for email in ("anna@staff.test", "nobody@elsewhere.test", "no address"):
        answer = submit(client, "/desk/logga-in", {"email": email}, action="/desk/logga-in/lank")
        pages.append((answer.status_code, answer.headers["Location"]))
    assert len(set(pages)) == 1


def test_what_was_typed_is_kept_but_never_the_password(client: FlaskClient) -> None:
    typed = {"email": "anna@staff.test", "password": "a wrong but secret one"}
    answer = submit(client, "/desk/logga-in", typed)
    assert answer.status_code == 422
    assert "anna@staff.test" in answer.text
    assert "secret" not in answer.text


def test_the_desk_follows_the_browser_until_the_person_chooses(
    app: Flask, client: FlaskClient
) -> None:
    submit(client, _link(app), {})
    english = {"Accept-Language": "en-GB,en"}
    assert "My account" in client.get(INSIDE, headers=english).text
    submit(client, INSIDE, {"name": "Anna", "locale": "sv"})
    assert "Mitt konto" in client.get(INSIDE, headers=english).text


def test_a_disabled_person_is_out_at_the_next_click(
    app: Flask, client: FlaskClient, client_as: Callable[..., FlaskClient]
) -> None:
    submit(client, _link(app), {})
    boss = client_as(Role.ADMINISTRATOR)
    with app.app_context():
        anna = people.find("anna@staff.test")
        assert anna is not None
        page = f"/desk/installningar/personer/{anna.id}"
    submit(boss, page, {}, action=f"{page}/stang")
    assert client.get(INSIDE).status_code == 302
