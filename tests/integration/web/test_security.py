"""What every answer carries and what every question may be (R 8.5, 8.6, 8.10, 8.18, 8.19)."""

import re
from collections.abc import Callable

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter_service.app import create_app
from newsletter_service.models import Role
from newsletter_service.settings import Settings
from newsletter_service.web import access, security
from newsletter_service.web_extensions import limiter
from tests.integration.web.browsing import csrf_token, submit

HTTPS = "https://brev.example.org"
ADDRESSES = (
    *("/desk/logga-in", "/desk/", "/healthz", "/brand.css", "/static/css/tokens.css"),
    *("/no-such-page", "/desk/no-such-page", "/bekrafta/x", "/prenumerera/x"),
)


@pytest.fixture
def answers(app: Flask, client_as: Callable[..., FlaskClient]) -> list[TestResponse]:
    """Pages, errors, redirects, files, and a view that breaks; logged in and not."""

    @app.get("/breaks")
    @access.public
    def breaks() -> str:
        raise RuntimeError("a secret inside")

    stranger, insider = app.test_client(), client_as(Role.ADMINISTRATOR)
    inside = [insider.get(path) for path in (*ADDRESSES, "/desk/konto", "/desk/brevlada/")]
    return [
        *(stranger.get(path) for path in ADDRESSES),
        *inside,
        stranger.get("/breaks"),
        stranger.post("/desk/logga-in", data={}),
        stranger.put("/desk/logga-in"),
        stranger.post("/desk/logga-ut"),
    ]


def _directives(answer: TestResponse) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {name: value for name, _, value in (part.strip().partition(" ") for part in parts)}


def test_asvs_3_4_3_every_answer_forbids_what_it_does_not_need(answers: list[TestResponse]) -> None:
    for answer in answers:
        policy = _directives(answer)
        for name in ("default-src", "object-src", "base-uri"):
            assert policy[name] == "'none'", answer.request.path
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_asvs_3_4_6_frame_ancestors(answers: list[TestResponse]) -> None:
    for answer in answers:
        assert _directives(answer)["frame-ancestors"] == "'none'"
        assert "X-Frame-Options" not in answer.headers


def test_asvs_3_4_4_nosniff(answers: list[TestResponse]) -> None:
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}


def test_asvs_3_4_5_referrer_policy(answers: list[TestResponse]) -> None:
    assert {answer.headers["Referrer-Policy"] for answer in answers} == {"no-referrer"}


def test_asvs_3_4_8_opener_policy(answers: list[TestResponse]) -> None:
    assert {answer.headers["Cross-Origin-Opener-Policy"] for answer in answers} == {"same-origin"}


def test_asvs_14_3_2_pages_are_not_kept_by_browsers(answers: list[TestResponse]) -> None:
    for answer in answers:
        if not answer.request.path.startswith(("/static/", "/brand.css")):
            assert answer.headers["Cache-Control"] == "no-store", answer.request.path


def test_no_page_holds_inline_code_and_each_script_carries_the_nonce(
    answers: list[TestResponse],
) -> None:
    for answer in answers:
        if answer.mimetype != "text/html":
            continue
        page = answer.get_data(as_text=True)
        nonce = _directives(answer)["script-src"].removeprefix("'nonce-").removesuffix("'")
        for tag in re.findall(r"<script[^>]*>", page):
            assert f'nonce="{nonce}"' in tag
            assert "src=" in tag
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)


def test_asvs_16_5_1_what_broke_inside_is_not_shown(answers: list[TestResponse]) -> None:
    broken = next(answer for answer in answers if answer.status_code == 500)
    assert "secret" not in broken.get_data(as_text=True)
    assert broken.headers["X-Request-ID"] in broken.get_data(as_text=True)


def test_asvs_13_4_6_no_answer_names_a_version(answers: list[TestResponse]) -> None:
    for answer in answers:
        assert "X-Powered-By" not in answer.headers


@pytest.fixture
def secure_app(environment: dict[str, str]) -> Flask:
    """The app behind one proxy that speaks TLS."""
    return create_app(
        Settings.from_env(
            environment | {"NEWSLETTER_BASE_URL": HTTPS, "NEWSLETTER_TRUSTED_PROXIES": "1"}
        )
    )


def test_asvs_3_3_1_the_session_cookie_is_bound_to_the_host(secure_app: Flask) -> None:
    cookie = secure_app.test_client().get("/desk/logga-in", base_url=HTTPS).headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie


def test_asvs_3_4_1_strict_transport_security_for_a_year(secure_app: Flask) -> None:
    header = secure_app.test_client().get("/healthz").headers["Strict-Transport-Security"]
    assert header == "max-age=31536000; includeSubDomains"


def test_without_https_no_promise_of_https_is_made(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


def test_r_8_19_a_forged_client_address_is_ignored(app: Flask, secure_app: Flask) -> None:
    for one, seen in ((app, "127.0.0.1"), (secure_app, "198.51.100.7")):
        one.add_url_rule("/who", "who", access.public(lambda: request.remote_addr or ""))
        forged = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
        assert one.test_client().get("/who", headers=forged).text == seen


def test_a_body_that_is_too_large_is_told_so(client: FlaskClient) -> None:
    answer = client.post("/desk/logga-in/lank", data={"email": "x" * 70_000})
    assert answer.status_code == 413
    assert "Det var för stort." in answer.text


def test_asvs_6_3_1_guessing_a_password_is_slowed_and_the_link_still_works(
    app: Flask, client: FlaskClient, client_as: Callable[..., FlaskClient]
) -> None:
    client_as(Role.EDITOR)
    guess = {"email": "editor@staff.test", "password": "a guess of a password"}
    codes = [submit(client, "/desk/logga-in", guess).status_code for _ in range(12)]
    assert codes == [422] * 10 + [429] * 2
    asked = submit(
        client, "/desk/logga-in", {"email": guess["email"]}, action="/desk/logga-in/lank"
    )
    assert asked.status_code == 303


@pytest.fixture
def with_redis(environment: dict[str, str], valkey_url: str) -> Settings:
    """Settings that name a Redis, with the limiter not remembering that there was none."""
    limiter._storage_dead = False
    return Settings.from_env(environment | {"NEWSLETTER_REDIS_URL": valkey_url})


def test_limits_are_counted_in_redis_and_shared_between_processes(with_redis: Settings) -> None:
    guess = {"email": "shared@staff.test", "password": "a guess of a password"}
    codes = []
    for _ in range(2):
        browser = create_app(with_redis).test_client()
        codes += [submit(browser, "/desk/logga-in", guess).status_code for _ in range(6)]
    assert codes == [422] * 10 + [429] * 2


def test_a_letter_in_a_frame_runs_nothing_and_is_framed_by_us_only(app: Flask) -> None:
    with app.test_request_context("/desk/x"):
        answer = app.process_response(security.as_letter("<p>hej</p>"))
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


def test_a_stale_form_is_answered_in_friendly_words(client: FlaskClient) -> None:
    answer = client.post("/desk/logga-in", data={"csrf_token": "old"})
    assert answer.status_code == 400
    assert "öppen för länge" in answer.text


def test_errors_are_json_for_who_asks_for_json(client: FlaskClient) -> None:
    answer = client.get("/no-such-page", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["error"]["status"] == 404


def test_errors_speak_english_where_the_reader_does(client: FlaskClient) -> None:
    answer = client.get("/desk/logga-in/nothing-like-it", headers={"Accept-Language": "en"})
    assert "The link no longer works" in answer.text
    assert 'lang="en"' in answer.text


def test_the_token_of_one_page_serves_another(client: FlaskClient) -> None:
    token = csrf_token(client.get("/desk/logga-in"))
    answer = client.post("/desk/logga-in/nothing", data={"csrf_token": token})
    assert answer.status_code == 410
