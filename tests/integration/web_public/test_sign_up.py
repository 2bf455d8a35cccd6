"""The form, its one answer, and what it refuses."""

import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import altcha
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentEvent,
    Lane,
    Organisation,
    SignUp,
    Subscriber,
    SuppressionReason,
    Wording,
    writing,
)
from newsletter_service.subscribers import lanes, opt_in, opt_out, sign_ups
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.opt_out import Scope
from tests.integration.subscribers.parken import Desk, parken, visitor

ANNA = "anna@example.org"


def post(
    client: FlaskClient, email: str = ANNA, path: str = "/prenumerera/nytt", **more: str
) -> TestResponse:
    return client.post(path, data={"email": email, **more})


def readers() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Subscriber)) or 0


def same(first: TestResponse, second: TestResponse) -> bool:
    """Whether two answers differ in nothing but the id of the request."""
    headers = [
        sorted((name, value) for name, value in each.headers if name != "X-Request-ID")
        for each in (first, second)
    ]
    bodies = (first.data, second.data)
    return first.status == second.status and headers[0] == headers[1] and bodies[0] == bodies[1]


def test_the_form_says_what_it_is_for_and_sets_no_cookie(
    client: FlaskClient,
) -> None:
    answer = client.get("/prenumerera/nytt")
    page = answer.text
    assert answer.status_code == 200
    assert "Prenumerera på Nytt från Parken" in page
    assert "Så behandlar vi dina personuppgifter" in page
    assert 'lang="sv"' in page
    assert 'type="email"' in page
    assert 'autocomplete="email"' in page
    assert page.count("<script") == 1  # the proof of work, which nobody needs
    assert "Set-Cookie" not in answer.headers


def test_the_english_twin_is_english(client: FlaskClient) -> None:
    page = client.get("/subscribe/nytt").text
    assert "Subscribe to Nytt från Parken in English" in page
    assert 'lang="en"' in page
    answer = post(client, path="/subscribe/nytt")
    assert answer.location == "/subscribe/nytt/thanks"
    assert "Look in your inbox" in client.get(answer.location).text


def test_a_sign_up_is_answered_with_look_in_your_inbox(client: FlaskClient, desk: Desk) -> None:
    answer = post(client)
    assert (answer.status_code, answer.location) == (303, "/prenumerera/nytt/tack")
    assert "Kolla din inkorg" in client.get(answer.location).text
    assert readers() == 0  # nothing is looked up while the visitor waits
    desk.take()
    assert desk.state(ANNA) == "pending"
    assert len(desk.notices("confirmation")) == 1


# path, headers and what else is sent, by each way of embedding
SITE = {"Origin": "https://www.park.test", "Referer": "https://www.park.test/"}
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "page": ("/prenumerera/nytt", {}),
    "English page": ("/subscribe/nytt", {}),
    "form elsewhere": ("/prenumerera/nytt", SITE),
    "form of a stranger": ("/prenumerera/nytt", {"Origin": "https://evil.test"}),
    "script elsewhere": ("/prenumerera/nytt", SITE | {"Accept": "application/json"}),
    "frame": ("/formular/nytt", {}),
}


def by_way(client: FlaskClient, way: str, address: str) -> TestResponse:
    path, headers = WAYS[way]
    return client.post(path, data={"email": address}, headers=headers)


@pytest.fixture
def everybody(desk: Desk) -> list[str]:
    """Addresses about which something different is known each, and one nobody knows."""
    context, now = RequestContext(), datetime.now(UTC)
    with writing() as session:
        session.get_one(Organisation, 1).website = "https://www.park.test"
    for name in ("pending", "known", "left"):
        opt_in.subscribe("nytt", f"{name}@example.org", "sv", context, now)
        if name != "pending":
            opt_in.confirm(desk.link(), "sv", context, now)
    opt_out.unsubscribe(desk.leave_token("left@example.org"), Scope.LIST, context, now)
    for reason in SuppressionReason:
        with writing() as session:
            key = desk.key(f"{reason}@example.org")
            suppression.suppress(session, key, reason=reason, source="test", now=now)
    names = ("new", "pending", "known", "left", *map(str, SuppressionReason), "abuse-desk")
    return [f"{name}@example.org" for name in names]


def test_r_6_3_new_pending_confirmed_left_and_suppressed_get_the_same_answer_by_every_way(
    client: FlaskClient, everybody: list[str]
) -> None:
    for way in WAYS:
        first = by_way(client, way, "first@example.org")
        assert first.status_code in {200, 303}
        for address in everybody:
            assert same(first, by_way(client, way, address)), (way, address)


def test_r_6_7_a_filled_honeypot_gets_the_same_answer_and_is_dropped(client: FlaskClient) -> None:
    trapped = post(client, "robot@example.org", reference="hello")
    assert readers() == 0
    assert same(trapped, post(client, "person@example.org"))


def test_r_6_11_a_typo_is_suggested_and_the_original_can_still_be_sent(
    client: FlaskClient, desk: Desk
) -> None:
    asked = post(client, "anna@gmial.com")
    assert asked.status_code == 200
    assert "Menade du anna@gmail.com?" in asked.text
    assert 'value="anna@gmial.com"' in asked.text
    assert readers() == 0
    kept = post(client, "anna@gmial.com", suggested="anna@gmail.com")
    assert kept.status_code == 303
    desk.take()
    assert desk.state("anna@gmial.com") == "pending"


def test_r_6_11_the_suggestion_is_taken_by_a_button_of_its_own(
    client: FlaskClient, desk: Desk
) -> None:
    asked = post(client, "bo@gmial.com").text
    first, second = re.findall(r"<form.*?</form>", asked, re.DOTALL)
    assert 'name="email" value="bo@gmail.com"' in first  # Enter in the field sends the second
    assert 'value="bo@gmial.com"' in second
    assert post(client, "bo@gmail.com").status_code == 303
    desk.take()
    assert desk.state("bo@gmail.com") == "pending"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Ange en e-postadress"),
        ("anna", "Det saknas ett @"),
        ("anna@b@example.org", "ett enda @"),
        ("anna@example.org\r\nBcc: victim@example.org", "tecken"),
        ("an\0na@example.org", "tecken"),
        ("an na@example.org", "före @"),
        ("anna@example", "efter @"),
        ("a" * 300 + "@example.org", "för lång"),
        ("postmaster@example.org", "Ange din egen adress"),
    ],
)
def test_a_wrong_address_is_explained_at_the_field_and_what_was_typed_is_kept(
    client: FlaskClient, typed: str, says: str
) -> None:
    answer = post(client, typed)
    assert answer.status_code == 422
    assert answer.text.count(says) == 2  # at the field and in the summary
    assert 'aria-invalid="true"' in answer.text
    assert readers() == 0
    if typed.isascii() and typed.isprintable() and len(typed) < 300:
        assert f'value="{typed}"' in answer.text


@pytest.mark.parametrize(
    "field", ["email", "suggested", "stamp", "reference", "unheard-of", "csrf_token"]
)
def test_line_breaks_in_any_field_reach_no_header_and_no_mail(
    client: FlaskClient, desk: Desk, field: str
) -> None:
    nasty = "x@example.org\r\nBcc: victim@example.org\r\n\r\n\0"
    answer = post(client, **{"email": ANNA, field: nasty})  # type: ignore[misc]
    assert answer.status_code in {303, 422}
    assert "victim" not in str(answer.headers)
    desk.take()
    assert all("\n" not in notice.address for notice in desk.notices())


def test_nasty_headers_are_stored_as_plain_text(client: FlaskClient, desk: Desk) -> None:
    client.post(
        "/prenumerera/nytt",
        data={"email": ANNA},
        headers={"User-Agent": "x" * 5000, "Referer": "https://park.test/\x1b[31m"},
    )
    desk.take()
    event = db.session.scalars(select(ConsentEvent)).one()
    assert len(event.user_agent) <= 300
    assert event.form.isprintable()


def test_an_oversized_body_is_refused_in_the_visitors_language(client: FlaskClient) -> None:
    answer = post(client, "a" * 200_000)
    assert answer.status_code == 413
    assert "<h1>" in answer.text
    assert readers() == 0


def test_an_unknown_list_is_a_page_that_says_so(client: FlaskClient) -> None:
    assert client.get("/prenumerera/nix").status_code == 404
    assert post(client, path="/prenumerera/nix").status_code == 404
    assert client.get("/prenumerera/nix/tack").status_code == 404


def test_r_6_13_a_form_on_another_site_can_post_without_token_or_cookie(
    client: FlaskClient, desk: Desk
) -> None:
    answer = client.post(
        "/prenumerera/nytt",
        data={"email": ANNA},
        headers={"Origin": "https://park.test", "Referer": "https://park.test/nyheter"},
    )
    assert answer.status_code == 303
    desk.take()
    event = db.session.scalars(select(ConsentEvent)).one()
    assert event.form == "https://park.test/nyheter"


def test_r_5_12_the_proof_names_the_words_the_person_saw(client: FlaskClient, desk: Desk) -> None:
    words = re.search('name="words" value="([^"]+)"', client.get("/prenumerera/nytt").text)
    assert words
    post(client, words=words[1])
    desk.take()
    event = db.session.scalars(select(ConsentEvent)).one()
    seen = db.session.get_one(Wording, event.wording)
    assert "avprenumerera" in seen.text


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=80))
def test_whatever_is_typed_is_answered_without_an_error_of_ours(
    client: FlaskClient, text: str
) -> None:
    network = f"10.0.{hash(text) % 250}.{hash(text) // 250 % 250}"
    answer = client.post(
        "/prenumerera/nytt",
        data=b"email="
        + "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "replace")).encode(),
        content_type="application/x-www-form-urlencoded",
        environ_base={"REMOTE_ADDR": network},
    )
    assert answer.status_code in {200, 303, 422}


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word, as a hung Redis does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


def test_a_queue_that_hangs_keeps_nobody_waiting(
    sqlite_url: str, tmp_path: Path, silent_server: int
) -> None:
    url = f"redis://127.0.0.1:{silent_server}/0"
    with parken(sqlite_url, tmp_path, NEWSLETTER_REDIS_URL=url) as app:
        start = time.monotonic()
        answer = post(visitor(app))
        assert time.monotonic() - start < 3
        assert answer.status_code == 303
        Desk(app).take()
        assert len(Desk(app).notices("confirmation")) == 1


def test_a_queue_that_is_gone_changes_neither_the_answer_nor_the_mail(
    sqlite_url: str, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"redis://127.0.0.1:{port}/0"
    with parken(sqlite_url, tmp_path, NEWSLETTER_REDIS_URL=url) as app:
        start = time.monotonic()
        answer = post(visitor(app))
        assert time.monotonic() - start < 3
        assert (answer.status_code, answer.location) == (303, "/prenumerera/nytt/tack")
        Desk(app).take()
        assert len(Desk(app).notices("confirmation")) == 1


def test_a_late_second_request_of_the_same_visitor_gets_a_second_mail(
    client: FlaskClient, desk: Desk
) -> None:
    post(client)
    desk.take()
    notice = desk.notices()[0]
    notice.created_at = datetime.now(UTC) - timedelta(hours=25)
    db.session.commit()
    post(client)
    desk.take()
    assert len(desk.notices("confirmation")) == 2


def test_r_6_1_without_work_the_form_runs_no_script_and_takes_no_proof(
    sqlite_url: str, tmp_path: Path
) -> None:
    with parken(sqlite_url, tmp_path, NEWSLETTER_SIGN_UP_WORK="off") as app:
        client = visitor(app)
        assert "<script" not in client.get("/prenumerera/nytt").text
        assert client.get("/prenumerera/nytt/task").status_code == 404
        assert post(client).status_code == 303


@pytest.mark.parametrize("domain", ["mailinator.com", "sub.mailinator.com"])
def test_r_6_10_an_address_for_one_day_waits(client: FlaskClient, domain: str) -> None:
    assert post(client, f"anna@{domain}").status_code == 303
    assert db.session.scalars(select(SignUp.lane)).all() == ["doubted"]


def test_r_6_10_an_address_for_one_day_is_refused_where_it_is_set_so(
    sqlite_url: str, tmp_path: Path
) -> None:
    with parken(sqlite_url, tmp_path, NEWSLETTER_THROWAWAY_ADDRESSES="refuse") as app:
        answer = post(visitor(app), "anna@mailinator.com")
        assert answer.status_code == 422
        assert "bara en dag" in answer.text


def test_r_6_3_the_same_statements_run_whatever_is_known_of_the_address(
    client: FlaskClient, everybody: list[str]
) -> None:
    """The door does the same work for everybody: its time has nothing to tell."""
    said: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    for way in WAYS:
        by_way(client, way, "first@example.org")  # keeps the words and that the form was used
        ran: dict[str, list[str]] = {}
        for address in everybody:
            said.clear()
            by_way(client, way, address)
            ran[address] = said.copy()
        assert any("INSERT INTO sign_up" in one for one in ran["new@example.org"])
        assert {address for address, one in ran.items() if one != ran["new@example.org"]} == set()


def solved(client: FlaskClient) -> str:
    """The work that a visitor's browser does."""
    task = altcha.Challenge.from_dict(client.get("/prenumerera/nytt/task").json)
    solution = altcha.solve_challenge(task)
    assert solution is not None
    return altcha.Payload(task, solution).to_base64()


def test_r_6_2_robots_colleagues_and_one_address_again_and_again(
    client: FlaskClient, desk: Desk
) -> None:
    """In small numbers; `newsletter bench flood` sends ten thousand robots."""

    def ask(email: str, network: str, **more: str) -> None:
        answer = client.post(
            "/prenumerera/nytt", data={"email": email} | more, environ_base={"REMOTE_ADDR": network}
        )
        assert answer.status_code == 303

    for n in range(25):  # from everywhere, for one domain, which may be a victim
        ask(f"robot{n}@flooded.example", f"198.51.{n}.9")
    for n in range(9):
        ask("victim@example.org", f"203.0.{n}.9")
    stamp = client.get("/prenumerera/nytt").text.split('name="stamp" value="')[1].split('"')[0]
    for n in range(40):  # behind one address, and no script runs; their stamp is seconds old
        ask(f"colleague{n}@company.example", "192.0.2.40", stamp=stamp, altcha="not solved")
    ask(ANNA, "192.0.2.7", altcha=solved(client))
    now = datetime.now(UTC)
    sign_ups.take(now)
    assert [notice.address for notice in desk.notices("confirmation")] == [ANNA]
    for minutes in range(1, 16):  # within a quarter of an hour each of them has had it
        sign_ups.take(now + timedelta(minutes=minutes))
    told = [notice.address for notice in desk.notices("confirmation")]
    assert {f"colleague{n}@company.example" for n in range(40)} <= set(told)
    assert told.count("victim@example.org") == 1
    assert len([each for each in told if "robot" in each]) == lanes.PACES[Lane.DOUBTED].per_domain
    assert len(told) == len(set(told))
