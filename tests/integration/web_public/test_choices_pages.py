"""The pages of a reader's own choices, without cookies or script."""

import json
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from newsletter_service.subscribers import opt_in, personal_link
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.tokens import unseal
from tests.integration.subscribers.parken import Desk
from tests.integration.web_public.test_links import is_private

ANNA = "anna@example.org"


@pytest.fixture(autouse=True)
def anna_reads(desk: Desk) -> None:
    now = datetime.now(UTC)
    opt_in.subscribe("nytt", ANNA, "sv", RequestContext(), now)
    opt_in.confirm(desk.link(), "sv", RequestContext(), now)


@pytest.fixture
def page(desk: Desk) -> str:
    """The address of Anna's own page."""
    personal_link.ask(ANNA, datetime.now(UTC))
    raw = unseal(desk.settings.secret_key, desk.notices("personal_link")[-1].sealed or b"")
    return f"/mina-val/{raw}"


def test_asking_for_the_link_tells_nothing_of_who_subscribes(
    client: FlaskClient, desk: Desk
) -> None:
    known, unknown = (
        client.post("/mina-val", data={"email": address}) for address in (ANNA, "x@example.org")
    )
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert len(desk.notices("personal_link")) == 1
    wrong = client.post("/my-choices", data={"email": "anna"})
    assert wrong.status_code == 422
    assert "has an @" in wrong.text


def test_the_link_of_a_letter_leads_on_to_a_mail_and_no_further(
    client: FlaskClient, desk: Desk
) -> None:
    letter = f"/installningar/{desk.preferences_token(ANNA)}"
    for act in ("copy", "erase", "address", "save"):
        client.post(
            letter, data={"act": act, "language": "sv", "lists": ["nytt"], "email": "b@c.d"}
        )
    assert desk.state(ANNA) == "confirmed"
    assert desk.notices("new_address") == []
    asked = client.post(letter, data={"act": "mail"})
    assert "Titta" in asked.text or "inkorg" in asked.text
    assert len(desk.notices("personal_link")) == 1


def test_the_page_is_private_and_shows_what_is_chosen(client: FlaskClient, page: str) -> None:
    shown = client.get(page)
    assert is_private(shown)
    assert ANNA in shown.text
    assert 'value="nytt" checked' in shown.text
    saved = client.post(
        page, data={"act": "save", "lists": ["nytt"], "language": "sv", "pause": "4"}
    )
    assert "Dina val är sparade" in saved.text
    assert "Breven är pausade till" in saved.text


def test_a_copy_is_a_file(client: FlaskClient, page: str) -> None:
    copy = client.post(page, data={"act": "copy"})
    assert "attachment" in copy.headers["Content-Disposition"]
    assert copy.headers["Cache-Control"] == "no-store"
    assert json.loads(copy.data)["subscriber"]["address"] == ANNA


def test_erasing_and_a_link_that_is_too_old_say_what_comes_next(
    client: FlaskClient, page: str
) -> None:
    assert "Du är raderad hos oss" in client.post(page, data={"act": "erase"}).text
    late = client.get(page)
    assert late.status_code == 410
    assert 'href="/mina-val"' in late.text


def test_a_new_address_is_asked_for_and_confirmed_by_button(
    client: FlaskClient, desk: Desk, page: str
) -> None:
    assert client.post(page, data={"act": "address", "email": "anna"}).status_code == 422
    asked = client.post(page, data={"act": "address", "email": "anna.ny@example.org"})
    assert "Titta i din nya inkorg" in asked.text
    raw = unseal(desk.settings.secret_key, desk.notices("new_address")[-1].sealed or b"")
    assert client.get(f"/ny-adress/{raw}").text.count("<button") == 1
    assert "Klart" in client.post(f"/ny-adress/{raw}").text
    assert desk.state("anna.ny@example.org") == "confirmed"
    assert client.get("/ny-adress/nonsense").status_code == 404


def test_the_privacy_text_has_versions_that_stay(client: FlaskClient, desk: Desk) -> None:
    client.post("/prenumerera/nytt", data={"email": "bea@example.org"})
    now = client.get("/integritet").text
    assert "dataskyddsombud" not in now
    assert "2 år efter att du har avslutat" in now
