"""*Drift*: how sending stands, and the operator's buttons."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient
from sqlalchemy import insert

from newsletter_service.extensions import db
from newsletter_service.models import Batch, Issue, IssueState, Relay, Role, writing
from newsletter_service.operations import sending_plans, stops
from newsletter_service.send_windows import DAYS, SendWindow
from tests.integration.web.browsing import csrf_token
from tests.world import World, world

ClientAs = Callable[..., FlaskClient]


def press(client: FlaskClient, path: str) -> str:
    """Press a button of the page and return the page that follows."""
    token = csrf_token(client.get("/desk/drift"))
    answer = client.post(path, data={"csrf_token": token}, follow_redirects=True)
    assert answer.status_code == 200
    db.session.remove()
    return answer.get_data(as_text=True)


def test_drift_is_for_operators_only(desk_world: World, client_as: ClientAs) -> None:
    assert client_as(Role.EDITOR).get("/desk/drift").status_code == 403


def test_r_9_10_an_issue_is_paused_resumed_and_cancelled(
    desk_world: World, client_as: ClientAs
) -> None:
    issue_id = desk_world.issue()
    with writing() as session:
        session.execute(insert(Batch).values(issue_id=issue_id, first_n=1, last_n=9, pending=9))
    client = client_as(Role.OPERATOR)
    for act, state in (
        ("pausa", IssueState.PAUSED),
        ("fortsatt", IssueState.SENDING),
        ("pausa", IssueState.PAUSED),
        ("avbryt", IssueState.CANCELLED),
    ):
        press(client, f"/desk/drift/utskick/{issue_id}/{act}")
        assert db.session.get_one(Issue, issue_id).state == state
        db.session.remove()
    assert "Det gick inte längre" in press(client, f"/desk/drift/utskick/{issue_id}/pausa")


def test_a_relay_is_paused_and_opened(desk_world: World, client_as: ClientAs) -> None:
    client = client_as(Role.OPERATOR)
    press(client, "/desk/drift/epost/1/pausa")
    assert db.session.get_one(Relay, 1).paused_reason == "Paused by Anna Ek"
    db.session.remove()
    press(client, "/desk/drift/epost/1/oppna")
    assert db.session.get_one(Relay, 1).paused_at is None


def test_the_live_parts_come_alone_and_a_new_shape_asks_for_all(
    desk_world: World, client_as: ClientAs
) -> None:
    client = client_as(Role.OPERATOR)
    page = client.get("/desk/drift").get_data(as_text=True)
    shape = page.split("shape=")[1].split('"')[0]
    live = client.get(f"/desk/drift?shape={shape}", headers={"HX-Request": "true"})
    assert 'id="verdict"' in live.get_data(as_text=True)
    assert "<html" not in live.get_data(as_text=True)
    old = client.get("/desk/drift?shape=other", headers={"HX-Request": "true"})
    assert old.headers["HX-Refresh"] == "true"


def test_r_9_5_metrics_are_for_this_machine_or_the_token(sqlite_url: str, tmp_path: Path) -> None:
    with world(sqlite_url, tmp_path, metrics_token="s3cret-for-tests") as made:
        client = made.app.test_client()
        assert client.get("/metrics").status_code == 200
        away = {"REMOTE_ADDR": "192.0.2.9"}
        assert client.get("/metrics", environ_base=away).status_code == 404
        proxied = {"X-Forwarded-For": "192.0.2.9"}
        assert client.get("/metrics", headers=proxied).status_code == 404
        token = {"Authorization": "Bearer s3cret-for-tests"}
        assert client.get("/metrics", environ_base=away, headers=token).status_code == 200


def test_everything_is_stopped_with_a_reason_and_let_go_on(
    desk_world: World, client_as: ClientAs
) -> None:
    client = client_as(Role.OPERATOR)
    token = csrf_token(client.get("/desk/drift"))
    told = {"csrf_token": token, "reason": "Fel länk i utskicket"}
    client.post("/desk/drift/allt/stoppa", data=told)
    page = client.get("/desk/drift").get_data(as_text=True)
    assert "Ingenting skickas" in page
    assert "Fel länk i utskicket" in page
    assert "Ingenting skickas" not in press(client, "/desk/drift/allt/fortsatt")


def test_a_queue_is_paused_and_resumed(desk_world: World, client_as: ClientAs) -> None:
    client = client_as(Role.OPERATOR)
    assert "har pausat" in press(client, "/desk/drift/koer/default/pausa")
    assert stops.is_paused("default")
    assert "har pausat" not in press(client, "/desk/drift/koer/default/fortsatt")
    assert not stops.is_paused("default")


def test_drift_says_why_an_issue_waits_and_until_when(
    desk_world: World, client_as: ClientAs
) -> None:
    issue_id = desk_world.issue()
    with writing() as session:
        session.execute(insert(Batch).values(issue_id=issue_id, first_n=1, last_n=90, pending=90))
    now = datetime.now(UTC)
    sending_plans.begin_warm_up("domain:park.example.org", [20, 40], "anna", now)
    tomorrow = (now.astimezone(ZoneInfo("Europe/Stockholm")).weekday() + 1) % 7
    window = SendWindow.parse(f"{DAYS[tomorrow]} 07:00-20:00")
    sending_plans.set_list_window(desk_world.list_id, window, "anna")
    page = client_as(Role.OPERATOR).get("/desk/drift").get_data(as_text=True)
    assert "är ny och skickar 20 om dagen" in page
    assert "Nyhetsbrevet skickas bara vissa tider. Fortsätter" in page
