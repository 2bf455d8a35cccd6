"""Who is let in, where a log-in leads, and what every answer carries (ASVS 3, 7, 8)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from newsletter_service import address
from newsletter_service.accounts import links, people
from newsletter_service.embedded.sandbox_store import Sandbox
from newsletter_service.extensions import db
from newsletter_service.models import Role, Token
from newsletter_service.subscribers import sign_ups
from newsletter_service.web import access
from tests.integration.attacks.conftest import forget_limits
from tests.integration.attacks.town import PASSWORD, Town, differences, dump
from tests.integration.web.browsing import csrf_token, submit

COLLEAGUE = "colleague@staff.test"
LETTERS = ("/html", "/brev", "/valkomst")  # pages of their own in a frame, without any script
ELSEWHERE = (
    "https://evil.test/desk/",
    "//evil.test/desk/",
    "/\\evil.test/desk/",
    "/desk/\\evil.test",
    "/desk/../../evil.test",
    "javascript:alert(1)",
    "/desk/\r\nSet-Cookie: a=b",
    "/desk/\0",
    "/desk/logga-ut",
    "/desk@evil.test",
    "\t//evil.test",
)


def log_in(client: FlaskClient, **more: str) -> TestResponse:
    form = {"email": COLLEAGUE, "password": PASSWORD}
    return submit(client, "/desk/logga-in", form | more)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_log_in_leads_elsewhere(town: Town, stranger: FlaskClient, target: str) -> None:
    answer = log_in(stranger, next=target)
    assert answer.status_code == 303
    assert answer.location.startswith("/desk/")
    assert "evil" not in answer.location
    assert "Set-Cookie: a" not in str(answer.headers)
    again = town.stranger().get("/desk/logga-in", query_string={"next": target})
    assert again.status_code == 200


def test_a_log_in_starts_a_session_of_its_own(town: Town, stranger: FlaskClient) -> None:
    stranger.get("/desk/logga-in")
    planted = stranger.get_cookie("session")
    assert log_in(stranger).status_code == 303
    fresh = stranger.get_cookie("session")
    assert planted is not None
    assert fresh is not None
    assert planted.value != fresh.value
    victim = town.stranger()
    victim.set_cookie("session", planted.value)
    assert victim.get("/desk/konto").status_code == 302


def test_a_copied_cookie_is_worth_nothing_after_the_log_out(
    town: Town, stranger: FlaskClient
) -> None:
    log_in(stranger)
    copy = stranger.get_cookie("session")
    assert copy is not None
    thief = town.stranger()
    thief.set_cookie("session", copy.value)
    assert thief.get("/desk/konto").status_code == 200
    submit(stranger, "/desk/konto", {}, action="/desk/logga-ut")
    assert thief.get("/desk/konto").status_code == 302


def test_a_disabled_colleague_is_out_at_once(town: Town, stranger: FlaskClient) -> None:
    log_in(stranger)
    people.create("admin@staff.test", "", [Role.ADMINISTRATOR])
    people.disable(town.person_id, actor="admin@staff.test", now=datetime.now(UTC))
    db.session.remove()
    assert stranger.get("/desk/konto").status_code == 302
    assert log_in(town.stranger()).status_code == 422
    assert (
        submit(town.stranger(), "/desk/logga-in", {}, f"/desk/logga-in/{town.login}").status_code
        == 410
    )


def test_a_one_time_link_is_one(town: Town) -> None:
    path = f"/desk/logga-in/{town.login}"
    assert submit(town.stranger(), path, {}).status_code == 303
    assert submit(town.stranger(), "/desk/logga-in", {}, path).status_code == 410


def test_a_link_that_is_too_old_opens_nothing(town: Town) -> None:
    then = datetime.now(UTC) - timedelta(minutes=1)
    with db.engine.begin() as connection:
        connection.execute(update(Token).values(expires_at=then))
    before = dump()
    path = f"/desk/logga-in/{town.login}"
    assert submit(town.stranger(), "/desk/logga-in", {}, path).status_code == 410
    assert differences(before, dump()) == []


def test_each_character_of_a_link_matters(town: Town) -> None:
    client = town.stranger()
    token = csrf_token(client.get("/desk/logga-in"))
    for raw, doors in (
        (town.login, ["desk/logga-in"]),
        (town.confirm, ["bekrafta", "confirm", "sparra", "block"]),
        (town.leave, ["avprenumerera", "unsubscribe"]),
        (town.preferences, ["installningar", "preferences"]),
    ):
        before = dump()
        for at in range(len(raw)):
            forget_limits()
            other = "a" if raw[at] != "a" else "b"
            flipped = raw[:at] + other + raw[at + 1 :]
            for door in doors[: 1 + (at % 2)]:
                answer = client.post(
                    f"/{door}/{flipped}",
                    data={"csrf_token": token, "List-Unsubscribe": "One-Click", "act": "renew"},
                )
                assert answer.status_code in {404, 410}, f"{door} with character {at} changed"
        assert differences(before, dump()) == []


def test_a_token_opens_its_own_door_only(town: Town) -> None:
    client = town.stranger()
    token = csrf_token(client.get("/desk/logga-in"))
    own = {
        "desk/logga-in": town.login,
        "bekrafta": town.confirm,
        "sparra": town.confirm,
        "unsubscribe": town.leave,
        "preferences": town.preferences,
    }
    before = dump()
    for door, right in own.items():
        for raw in {*own.values()} - {right}:
            answer = client.post(f"/{door}/{raw}", data={"csrf_token": token})
            assert answer.status_code in {404, 410}, door
    assert differences(before, dump()) == []


def test_asvs_3_5_1_a_form_with_another_browsers_token_does_nothing(town: Town) -> None:
    foreign = csrf_token(town.stranger().get("/desk/logga-in"))
    administrator = town.browser(Role.ADMINISTRATOR)
    before = dump()
    for rule in town.world.app.url_map.iter_rules():
        if "POST" not in (rule.methods or set()) or rule.endpoint in access.CSRF_EXEMPT:
            continue
        for path in town.paths(rule)[:1]:
            for form in ({}, {"csrf_token": ""}, {"csrf_token": foreign}):
                headers = {"Origin": "https://evil.test", "Referer": "https://evil.test/"}
                answer = administrator.post(path, data=form, headers=headers)
                assert answer.status_code == 400, f"{path} took {form}"
    assert differences(before, dump()) == []


@pytest.mark.parametrize("who", ["stranger", *Role])
def test_asvs_8_2_1_what_a_role_may_not_do_changes_nothing(town: Town, who: str) -> None:
    """With a genuine token and rows that exist: only the role stands in the way."""
    client = town.stranger() if who == "stranger" else town.browser(Role(who))
    page = client.get("/desk/logga-in" if who == "stranger" else "/desk/konto")
    form = {"csrf_token": csrf_token(page)}
    before = dump()
    for rule in town.world.app.url_map.iter_rules():
        declared = access.declared(town.world.app.view_functions[rule.endpoint])
        assert declared is not None
        if declared.anybody or "POST" not in (rule.methods or set()):
            continue
        if who != "stranger" and (who == Role.ADMINISTRATOR or Role(who) in declared.roles):
            continue
        for path in town.paths(rule):
            answer = client.post(path, data=form)
            assert answer.status_code in {401, 403}, f"{path} as {who}"
    assert differences(before, dump()) == []


def test_rows_of_one_are_not_reached_through_another(town: Town) -> None:
    """An address that names two rows which do not belong together names nothing."""
    client = town.browser(Role.ADMINISTRATOR)
    form = {"csrf_token": csrf_token(client.get("/desk/konto"))}
    other = town.subscriber_id + 1
    before = dump()
    for path in (
        f"/desk/prenumeranter/{other}/avsluta/{town.subscription_id}",
        f"/desk/installningar/kallor/{town.world.list_id}/ta-bort/{town.source_id + 1}",
        f"/desk/installningar/kallor/{town.world.list_id + 1}/ta-bort/{town.source_id}",
    ):
        assert client.post(path, data=form).status_code == 404, path
    assert differences(before, dump()) == []


def test_a_block_of_another_issue_is_not_changed_through_this_one(town: Town) -> None:
    client = town.browser(Role.EDITOR)
    with db.engine.connect() as connection:
        foreign = connection.exec_driver_sql(
            f"SELECT id FROM block WHERE issue_id = {town.sent_id}"
        ).scalar_one()
    page = f"/desk/utskick/{town.issue_id}"
    for act in ("remove", "up", "copy"):
        before = dump()["block"]
        opened = client.get(page)
        version = opened.text.partition('name="version" value="')[2].partition('"')[0]
        answer = submit(client, page, {"do": f"{act}:{foreign}", "version": version})
        assert answer.status_code < 500
        assert dump()["block"] == before, act


def test_a_forged_host_is_in_no_link_and_no_redirect(town: Town) -> None:
    client = town.browser(Role.ADMINISTRATOR)
    forged = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-For": "6.6.6.6"}
    for rule in town.world.app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()):
            continue
        for path in town.paths(rule):
            for asked in {path, path.rstrip("/") or "/"}:
                answer = client.get(asked, headers=forged)
                assert "evil.test" not in answer.headers.get("Location", ""), asked
                assert "evil.test" not in answer.get_data(as_text=True), asked


def test_mail_names_the_configured_address_whoever_asked(town: Town) -> None:
    answer = town.stranger().post(
        "/prenumerera/nytt",
        data={"email": "poisoned@reader.test"},
        headers={"Host": "evil.test", "X-Forwarded-Host": "evil.test"},
    )
    assert answer.status_code == 303
    assert answer.location.startswith("/prenumerera/")
    sign_ups.take(datetime.now(UTC) + timedelta(hours=3))
    assert "evil.test" not in repr(dump())


def test_a_log_in_link_in_the_sandbox_is_its_owners_only(town: Town) -> None:
    """However the address is spelled: the mail carries its domain as A-labels."""
    people.create("chef@ängsparken.test", "", [Role.ADMINISTRATOR])
    db.session.remove()
    envelope = address.parse("chef@ängsparken.test").envelope
    store = Sandbox(town.world.settings.data_dir / "sandbox")
    raw = b"Subject: in\r\nContent-Type: text/plain\r\n\r\nhttp://localhost/desk/logga-in/x\r\n"
    ids = [
        store.add("b+x@bounce.test", [to], raw, datetime.now(UTC))
        for to in (envelope, envelope.upper())
    ]
    editor = town.browser(Role.EDITOR)
    for mail_id in ids:
        for part in ("", "/html", "/raw"):
            assert editor.get(f"/desk/brevlada/{mail_id}{part}").status_code == 404
        assert f"/desk/brevlada/{mail_id}" not in editor.get("/desk/brevlada/").text


ERRORS = (
    ("GET", "/no-such-page", {}),
    ("GET", "/desk/no-such-page", {}),
    ("PUT", "/prenumerera/nytt", {}),
    ("TRACE", "/desk/", {}),
    ("POST", "/prenumerera/nytt", {"data": {"email": "x" * 100_000}}),
    ("POST", "/desk/logga-in", {"data": {"email": "x"}}),
    ("POST", "/desk/konto", {}),
    ("GET", "/static/../../etc/passwd", {}),
    ("GET", "/unsubscribe/nothing", {}),
    ("OPTIONS", "/unsubscribe/nothing", {}),
)


def test_every_answer_to_everybody_carries_its_guard(town: Town) -> None:
    client, stranger = town.browser(Role.ADMINISTRATOR), town.stranger()
    answers = [stranger.open(path, method=method, **more) for method, path, more in ERRORS]  # type: ignore[arg-type]
    for rule in town.world.app.url_map.iter_rules():
        if "GET" in (rule.methods or set()):
            answers += [one.get(path) for path in town.paths(rule) for one in (client, stranger)]
    for answer in answers:
        path, policy = answer.request.path, answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "object-src 'none'" in policy, path
        assert "frame-ancestors" in policy, path
        assert not re.search(r"script-src[^;]*unsafe|script-src[^;]*\*", policy), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] == "no-referrer", path
        if not path.startswith(("/static/", "/brand.css")):
            assert "no-store" in answer.headers["Cache-Control"], path
        if answer.mimetype == "text/html" and not any(letter in path for letter in LETTERS):
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text), path


def test_pages_behind_a_personal_link_are_found_by_no_search_engine(town: Town) -> None:
    for rule in town.world.app.url_map.iter_rules():
        if "token" not in rule.arguments or "GET" not in (rule.methods or set()):
            continue
        for path in town.paths(rule):
            answer = town.stranger().get(path)
            if answer.status_code == 200 and not path.startswith("/desk"):
                assert "noindex" in answer.headers["X-Robots-Tag"], path
                assert "Set-Cookie" not in answer.headers, path


def test_sessions_in_the_database_open_nothing(town: Town, stranger: FlaskClient) -> None:
    log_in(stranger)
    for row in dump()["login_session"]:
        digest = next(cell for cell in row if isinstance(cell, bytes))
        for guess in (digest.hex(), digest.decode("latin-1")):
            thief = town.stranger()
            with thief.session_transaction() as session:
                session["_user_id"] = guess
            assert thief.get("/desk/konto").status_code == 302
    assert links.usable(town.login, datetime.now(UTC))
