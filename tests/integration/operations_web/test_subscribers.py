"""*Prenumeranter*: searching, a person's page, files in and out."""

import io
from collections.abc import Callable
from datetime import UTC, datetime

import openpyxl
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from newsletter_service.extensions import db
from newsletter_service.models import (
    FieldKind,
    FieldValue,
    Role,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    writing,
)
from newsletter_service.subscribers import fields, import_turns, privacy
from newsletter_service.subscribers.fields import Definition
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
    seen = client.get(upload(client, body, desk_world.list_id).headers["Location"])
    assert "1 av 3 kan importeras" in seen.get_data(as_text=True)
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 1
    page = seen.request.path
    form = {"csrf_token": csrf_token(seen), "heading": "yes", "column-0": "email", "do": "take"}
    form |= {"how": "existing_customer"}
    assert client.post(page, data=form).status_code == 422
    begun = client.post(page, data=form | {"evidence": "Höstkonferensen 2026"})
    assert begun.status_code == 303
    assert "Filen importeras" in client.get(page).get_data(as_text=True)
    import_turns.work(int(page.rpartition("/")[2]), datetime.now(UTC))
    done = client.get(page).get_data(as_text=True)
    assert "1 importerade" in done
    new = select(Subscription.legal_basis).where(Subscription.basis_evidence != "")
    assert db.session.scalars(new).all() == ["existing_customer"]
    report = client.get(f"{page}/rapport.csv").get_data(as_text=True)
    assert "4,Adressen är felskriven,wrong" in report
    assert client.post(page, data=form | {"evidence": "x"}).status_code == 303
    assert "1 importerade" in client.get(page).get_data(as_text=True)


def test_columns_are_said_by_hand_tried_on_the_whole_file_and_then_taken(
    desk_world: World, client_as: ClientAs
) -> None:
    client = client_as(Role.EDITOR)
    asked = Definition("Bolag", FieldKind.TEXT)
    field = fields.define(desk_world.list_id, asked, actor="ada", now=datetime.now(UTC))
    body = "Kontakt;Firma\nnew@reader.test;=Labbet\nny@reader.test;\n"
    page = upload(client, body, desk_world.list_id).headers["Location"]
    seen = client.get(page)
    form = {"csrf_token": csrf_token(seen), "heading": "yes", "column-0": "", "column-1": ""}
    assert client.post(page, data=form | {"do": "dry"}).status_code == 422
    form |= {"column-0": "email", "column-1": f"field:{field.id}", "how": "consent"}
    assert "2 av 2 kan importeras" in client.post(page, data=form).get_data(as_text=True)
    import_id = int(page.rpartition("/")[2])
    assert client.post(page, data=form | {"do": "dry"}).status_code == 303
    import_turns.work(import_id, datetime.now(UTC))
    assert "Inget har ändrats än" in client.get(page).get_data(as_text=True)
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 0
    assert "Firma" in client.get(f"{page}?andra=1").get_data(as_text=True)
    client.post(page, data=form | {"do": "take", "evidence": "Mässan"})
    import_turns.work(import_id, datetime.now(UTC))
    assert [value.value for value in db.session.scalars(select(FieldValue))] == ["=Labbet"]
    token = {"csrf_token": csrf_token(seen), "list_id": str(desk_world.list_id)}
    out = client.post(f"{HOME}/exportera", data=token).get_data(as_text=True)
    assert ",'=Labbet" in out
    book = client.post(f"{HOME}/exportera", data=token | {"as": "xlsx"})
    rows = list(openpyxl.load_workbook(io.BytesIO(book.data)).active.iter_rows(values_only=True))
    assert rows[0][:3] == ("email", "locale", "status")
    assert {row[-1] for row in rows} == {"bolag", "'=Labbet", None}


def test_a_file_without_addresses_is_refused_with_a_remedy(
    desk_world: World, client_as: ClientAs
) -> None:
    answer = upload(client_as(Role.EDITOR), "namn\nAnna\n", desk_world.list_id)
    assert answer.status_code == 422
    assert "Ingen kolumn innehåller e-postadresser" in answer.get_data(as_text=True)


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
    assert lines[1].startswith("'=cmd@reader.test,sv,subscribed,,")
    assert len(lines) == 3
