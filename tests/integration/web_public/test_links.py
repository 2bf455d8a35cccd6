"""What the links in letters do: confirm, block, unsubscribe, undo, preferences."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from newsletter_service.extensions import db
from newsletter_service.models import ConsentEvent, ConsentKind, Token
from newsletter_service.subscribers import opt_in, privacy
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.tokens import unseal
from tests.integration.subscribers.parken import Desk

ANNA = "anna@example.org"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
CONTEXT = RequestContext()


@pytest.fixture
def link(desk: Desk) -> str:
    """The secret of Anna's confirmation link."""
    opt_in.subscribe("nytt", ANNA, "sv", CONTEXT, datetime.now(UTC))
    return desk.link()


@pytest.fixture
def leave_token(desk: Desk, link: str) -> str:
    """Anna subscribes; the token of the unsubscribe link in her letters."""
    opt_in.confirm(link, "sv", CONTEXT, datetime.now(UTC))
    return desk.leave_token(ANNA)


def is_private(answer: TestResponse) -> bool:
    """Whether a page may be neither kept, nor listed, nor told of to others (R 6.5)."""
    headers = answer.headers
    return (
        headers["Cache-Control"] == "no-store"
        and headers["Referrer-Policy"] == "no-referrer"
        and "noindex" in headers["X-Robots-Tag"]
        and "Set-Cookie" not in headers
        and "<script" not in answer.text
    )


def expire(link: str) -> None:
    token = db.session.scalars(select(Token)).one()
    token.expires_at = datetime.now(UTC) - timedelta(days=1)
    db.session.commit()


@pytest.mark.parametrize("method", ["get", "head"])
def test_r_6_4_opening_the_link_does_not_confirm(
    client: FlaskClient, desk: Desk, link: str, method: str
) -> None:
    for _ in range(5):
        assert getattr(client, method)(f"/bekrafta/{link}").status_code == 200
    assert desk.state(ANNA) == "pending"
    done = client.post(f"/bekrafta/{link}")
    assert "Klart. Nu prenumererar du på Nytt från Parken." in done.text
    assert desk.state(ANNA) == "confirmed"
    assert len(desk.notices("welcome")) == 1


def test_r_6_5_the_confirmation_pages_are_private(client: FlaskClient, link: str) -> None:
    assert is_private(client.get(f"/bekrafta/{link}"))
    assert is_private(client.post(f"/bekrafta/{link}"))


def test_confirming_twice_is_no_error(client: FlaskClient, desk: Desk, link: str) -> None:
    pages = [client.post(f"/confirm/{link}") for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert "You now subscribe" in pages[1].text or "Done" in pages[1].text
    assert desk.state(ANNA) == "confirmed"


def test_confirming_in_english_makes_the_letters_english(
    client: FlaskClient, desk: Desk, link: str
) -> None:
    assert 'lang="en"' in client.get(f"/confirm/{link}").text
    client.post(f"/confirm/{link}")
    assert desk.subscription(ANNA).subscriber.locale == "en"


def test_an_expired_link_offers_a_new_one_by_one_button(
    client: FlaskClient, desk: Desk, link: str
) -> None:
    expire(link)
    notice = desk.notices()[0]
    notice.created_at = datetime.now(UTC) - timedelta(days=8)
    db.session.commit()
    page = client.get(f"/bekrafta/{link}").text
    assert "Länken har gått ut" in page
    assert page.count("<button") == 1
    assert "Länken har gått ut" in client.post(f"/bekrafta/{link}").text
    renewed = client.post(f"/bekrafta/{link}", data={"act": "renew"})
    assert "Kolla din inkorg" in renewed.text
    assert len(desk.notices("confirmation")) == 2
    client.post(f"/bekrafta/{desk.link()}")
    assert desk.state(ANNA) == "confirmed"


@pytest.mark.parametrize("path", ["bekrafta", "confirm", "sparra", "block"])
@pytest.mark.parametrize("token", ["nonsense", "a" * 43, "%00", "%0d%0aSet-Cookie:x", "å" * 20])
def test_an_unknown_link_is_a_clear_404(client: FlaskClient, path: str, token: str) -> None:
    for answer in (
        client.get(f"/{path}/{token}"),
        client.post(f"/{path}/{token}"),
        client.post(f"/{path}/{token}", data={"act": "renew"}),
    ):
        assert answer.status_code == 404
        assert "<h1>" in answer.text


def test_the_owner_blocks_the_address_by_a_button(
    client: FlaskClient, desk: Desk, link: str
) -> None:
    assert client.get(f"/sparra/{link}").status_code == 200
    assert desk.state(ANNA) == "pending"
    assert "Klart. Adressen är spärrad." in client.post(f"/sparra/{link}").text
    assert "Adressen är spärrad" in client.post(f"/bekrafta/{link}").text
    assert desk.state(ANNA) == "unsubscribed"


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("path", ["unsubscribe", "avprenumerera"])
def test_r_1_16_get_does_not_unsubscribe(
    client: FlaskClient, desk: Desk, leave_token: str, method: str, path: str
) -> None:
    for _ in range(10):
        answer = getattr(client, method)(f"/{path}/{leave_token}")
        assert answer.status_code == 200
    assert desk.state(ANNA) == "confirmed"


def test_the_unsubscribe_page_shows_the_masked_address_only(
    client: FlaskClient, leave_token: str
) -> None:
    answer = client.get(f"/unsubscribe/{leave_token}")
    assert "Vill du sluta få Nytt från Parken till a•••@example.org?" in answer.text
    assert ANNA not in answer.text
    assert is_private(answer)


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_r_1_13_one_click_works_in_both_encodings(
    client: FlaskClient, desk: Desk, leave_token: str, content_type: str
) -> None:
    answer = client.post(f"/unsubscribe/{leave_token}", data=ONE_CLICK, content_type=content_type)
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert desk.state(ANNA) == "unsubscribed"
    (event,) = db.session.scalars(
        select(ConsentEvent).where(ConsentEvent.kind == ConsentKind.WITHDRAWN)
    )
    assert event.channel == "one-click"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": ""},
        {"User-Agent": "\x01 odd", "Accept": "application/json"},
        {"Origin": "https://mail.test", "Referer": "https://mail.test/"},
        {"Cookie": "session=nonsense"},
    ],
)
def test_r_1_14_one_click_needs_no_cookie_origin_or_known_browser(
    client: FlaskClient, desk: Desk, leave_token: str, headers: dict[str, str]
) -> None:
    answer = client.post(f"/unsubscribe/{leave_token}", data=ONE_CLICK, headers=headers)
    assert answer.status_code == 200
    assert desk.state(ANNA) == "unsubscribed"


def test_a_post_without_a_readable_body_unsubscribes_too(
    client: FlaskClient, desk: Desk, leave_token: str
) -> None:
    answer = client.post(
        f"/unsubscribe/{leave_token}", data=b"\xff\xfe", content_type="multipart/form-data"
    )
    assert answer.status_code == 200
    assert desk.state(ANNA) == "unsubscribed"


def test_r_1_12_flipping_a_character_is_404_and_changes_nothing(
    client: FlaskClient, desk: Desk, leave_token: str
) -> None:
    for place in range(0, len(leave_token), 7):
        other = "a" if leave_token[place] != "a" else "b"
        flipped = leave_token[:place] + other + leave_token[place + 1 :]
        assert client.get(f"/unsubscribe/{flipped}").status_code == 404
        assert client.post(f"/unsubscribe/{flipped}", data=ONE_CLICK).status_code == 404
    assert desk.state(ANNA) == "confirmed"


def test_r_1_18_a_second_post_is_200_too(client: FlaskClient, leave_token: str) -> None:
    for _ in range(2):
        assert client.post(f"/unsubscribe/{leave_token}", data=ONE_CLICK).status_code == 200
        assert client.post(f"/unsubscribe/{leave_token}", data={"scope": "list"}).status_code == 200


def test_r_1_18_it_works_after_the_reader_was_erased(client: FlaskClient, leave_token: str) -> None:
    privacy.erase(ANNA, "ada@example.org", datetime.now(UTC))
    assert "Vi har inte kvar din adress" in client.get(f"/unsubscribe/{leave_token}").text
    assert client.post(f"/unsubscribe/{leave_token}", data=ONE_CLICK).status_code == 200
    assert "Klart." in client.post(f"/unsubscribe/{leave_token}").text


def test_a_person_leaves_by_the_button_and_can_undo_it_from_that_page_only(
    client: FlaskClient, desk: Desk, leave_token: str
) -> None:
    left = client.post(f"/avprenumerera/{leave_token}", data={"scope": "list"})
    assert "Klart. Du får inte fler Nytt från Parken." in left.text
    proof = re.search('name="proof" value="([^"]+)"', left.text)
    assert proof
    again = client.post(f"/avprenumerera/{leave_token}", data={"scope": "list"})
    assert "proof" not in again.text
    undone = client.post(f"/avprenumerera/{leave_token}/angra", data={"proof": proof[1]})
    assert "Välkommen tillbaka" in undone.text
    assert desk.state(ANNA) == "confirmed"


def test_who_left_by_one_click_takes_it_back_by_a_link_mailed_to_the_address(
    client: FlaskClient, desk: Desk, leave_token: str
) -> None:
    client.post(f"/unsubscribe/{leave_token}", data=ONE_CLICK)
    seen = client.get(f"/avprenumerera/{leave_token}").text
    assert "Mejla mig en länk" in seen
    asked = client.post(f"/avprenumerera/{leave_token}/angra", data={"act": "mail"})
    assert "Kolla din inkorg" in asked.text
    assert is_private(asked)
    assert desk.state(ANNA) == "unsubscribed"  # a letter that was sent on takes nothing back
    (notice,) = desk.notices("personal_link")
    assert notice.sealed is not None
    link = unseal(desk.settings.secret_key, notice.sealed)
    page = client.get(f"/mina-val/{link}").text
    assert "Du lämnade Nytt från Parken" in page
    assert desk.state(ANNA) == "unsubscribed"
    assert "Dina val är sparade" in client.post(f"/mina-val/{link}", data={"act": "undo"}).text
    assert desk.state(ANNA) == "confirmed"
    again = client.post(f"/avprenumerera/{leave_token}/angra", data={"act": "mail"})
    assert again.text == asked.text
    assert len(desk.notices("personal_link")) == 1


def test_a_forged_undo_is_refused(client: FlaskClient, desk: Desk, leave_token: str) -> None:
    client.post(f"/unsubscribe/{leave_token}", data=ONE_CLICK)
    answer = client.post(f"/unsubscribe/{leave_token}/undo", data={"proof": "made up"})
    assert answer.status_code == 410
    assert desk.state(ANNA) == "unsubscribed"


def test_an_english_reader_meets_english_pages_at_the_address_all_letters_name(
    client: FlaskClient, desk: Desk, link: str
) -> None:
    opt_in.confirm(link, "en", CONTEXT, datetime.now(UTC))
    page = client.get(f"/unsubscribe/{desk.leave_token(ANNA)}").text
    assert "Do you want to stop getting" in page
    assert 'lang="en"' in page


def test_preferences_show_and_change_lists_without_a_login(
    client: FlaskClient, desk: Desk, leave_token: str
) -> None:
    token = desk.preferences_token(ANNA)
    page = client.get(f"/installningar/{token}")
    assert is_private(page)
    assert "a•••@example.org" in page.text
    assert ANNA not in page.text
    saved = client.post(f"/installningar/{token}", data={"language": "sv", "lists": []})
    assert "avslutat" in saved.text
    assert desk.state(ANNA) == "unsubscribed"
    joined = client.post(f"/preferences/{token}", data={"language": "sv", "lists": ["jobb"]})
    assert "Look in your inbox" in joined.text
    assert desk.state(ANNA, "jobb") == "pending"


def test_an_unsubscribe_token_opens_no_preferences(client: FlaskClient, leave_token: str) -> None:
    assert client.get(f"/installningar/{leave_token}").status_code == 404


def test_the_first_page_lists_the_newsletters_in_both_languages(client: FlaskClient) -> None:
    assert 'href="/prenumerera/nytt"' in client.get("/").text
    assert 'href="/subscribe/jobb"' in client.get("/?lang=en").text


@pytest.mark.parametrize(("path", "says"), [("/integritet", "samtycke"), ("/privacy", "consent")])
def test_the_privacy_text_names_who_is_responsible(
    client: FlaskClient, path: str, says: str
) -> None:
    page = client.get(path).text
    assert says in page
    assert "Parkgatan 1, 123 45 Parkstad" in page
    assert "hej@example.org" in page
