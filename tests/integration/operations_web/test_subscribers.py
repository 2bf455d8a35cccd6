"""*Prenumeranter*: searching, a person's page, files in and out."""

import io
from collections.abc import Callable
from datetime import UTC, datetime

from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from newsletter_service.extensions import db
from newsletter_service.models import (
    Role,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    writing,
)
from newsletter_service.subscribers import privacy
from tests.integration.web.browsing import csrf_token, submit
from tests.world import World

ClientAs = Callable[..., FlaskClient]
HOME = "/desk/prenumeranter"


def test_an_exact_address_leads_to_its_person_without_being_in_the_url(
    desk_world: World, client_as: ClientAs
) -> None:
    reader_id = desk_world.readers(3)[1]
    answer = submit(client_as(Role.EDITOR), HOME, {"q": " Reader2@reader.test "})
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(f"{HOME}/{reader_id}")


def test_a_part_of_an_address_lists_those_that_hold_it(
    desk_world: World, client_as: ClientAs
) -> None:
    desk_world.readers(12)
    text = submit(client_as(Role.EDITOR), HOME, {"q": "reader1"}).get_data(as_text=True)
    assert "reader1@reader.test" in text
    assert "reader12@reader.test" in text
    assert "reader2@reader.test" not in text
    nothing = submit(client_as(Role.OPERATOR), HOME, {"q": "%"}).get_data(as_text=True)
    assert "Ingen prenumerant" in nothing


def test_an_erased_person_is_still_explained(desk_world: World, client_as: ClientAs) -> None:
    desk_world.readers(1)
    privacy.erase("reader1@reader.test", "test", datetime.now(UTC))
    text = submit(client_as(Role.EDITOR), HOME, {"q": "reader1@reader.test"})
    assert "bortglömd" in text.get_data(as_text=True)


def test_a_subscription_is_ended_and_an_address_suppressed_and_released(
    desk_world: World, client_as: ClientAs
) -> None:
    [reader_id] = desk_world.readers(1)
    subscription_id = db.session.scalar(select(Subscription.id))
    client = client_as(Role.EDITOR)
    page = f"{HOME}/{reader_id}"
    submit(client, page, {}, f"{page}/avsluta/{subscription_id}")
    submit(client, page, {"why": "bad om det i telefon"}, f"{page}/sparra")
    db.session.remove()
    assert db.session.scalars(select(Subscription.state)).one() == SubscriptionState.UNSUBSCRIBED
    barred = db.session.scalars(select(Suppression)).one()
    assert (barred.reason, barred.evidence) == ("manual", "bad om det i telefon")
    submit(client, page, {"why": "ångrade sig", "scope": "0"}, f"{page}/hav")
    db.session.remove()
    assert db.session.scalars(select(Suppression)).one().released_at is not None


def test_an_approver_may_look_and_not_change(desk_world: World, client_as: ClientAs) -> None:
    [reader_id] = desk_world.readers(1)
    client = client_as(Role.APPROVER)
    assert client.get(f"{HOME}/{reader_id}").status_code == 200
    answer = submit(client, HOME, {"why": "x"}, f"{HOME}/{reader_id}/sparra")
    assert answer.status_code == 403


def test_pages_go_by_key_from_the_newest(desk_world: World, client_as: ClientAs) -> None:
    desk_world.readers(60)
    client = client_as(Role.EDITOR)
    first = client.get(f"{HOME}/alla?lage=confirmed").get_data(as_text=True)
    assert "reader60@reader.test" in first
    assert "reader10@reader.test" not in first
    second = client.get(f"{HOME}/alla?lage=confirmed&fore=11").get_data(as_text=True)
    assert "reader10@reader.test" in second


def upload(client: FlaskClient, body: str, list_id: int) -> TestResponse:
    """Choose a file and look at it."""
    token = csrf_token(client.get(f"{HOME}/importera"))
    file = (io.BytesIO(body.encode()), "läsare.csv")
    data = {"csrf_token": token, "list_id": str(list_id), "file": file}
    return client.post(f"{HOME}/importera", data=data)


def test_a_file_is_shown_first_and_imported_with_evidence(
    desk_world: World, client_as: ClientAs
) -> None:
    desk_world.readers(1)
    client = client_as(Role.EDITOR)
    body = "email\nnew@reader.test\nreader1@reader.test\nwrong\n"
    seen = upload(client, body, desk_world.list_id)
    text = seen.get_data(as_text=True)
    assert "1 av 3 kan importeras" in text
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 1
    kept = text.split('name="kept" value="')[1].split('"')[0]
    form = {"csrf_token": csrf_token(seen), "kept": kept, "list_id": str(desk_world.list_id)}
    form |= {"file_name": "läsare.csv", "how": "confirmed"}
    take = f"{HOME}/importera/ta-in"
    assert client.post(take, data=form).status_code == 422
    done = client.post(take, data=form | {"evidence": "Höstkonferensen 2026"})
    assert "1 importerade" in done.get_data(as_text=True)
    assert client.post(take, data=form | {"evidence": "x"}).status_code == 422


def test_a_file_without_addresses_is_refused_with_a_remedy(
    desk_world: World, client_as: ClientAs
) -> None:
    answer = upload(client_as(Role.EDITOR), "namn\nAnna\n", desk_world.list_id)
    assert answer.status_code == 422
    assert "email" in answer.get_data(as_text=True)


def test_r_8_12_no_exported_cell_is_a_formula(desk_world: World, client_as: ClientAs) -> None:
    desk_world.readers(2)
    with writing() as session:
        session.execute(
            update(Subscriber).where(Subscriber.id == 1).values(address="=cmd@reader.test")
        )
    client = client_as(Role.EDITOR)
    answer = submit(client, HOME, {"list_id": str(desk_world.list_id)}, f"{HOME}/exportera")
    lines = answer.get_data(as_text=True).lstrip("\ufeff").splitlines()
    assert lines[0].startswith("email,")
    assert lines[1].startswith("'=cmd@reader.test,sv,confirmed,")
    assert len(lines) == 3
