"""*Dataskydd*: what the data protection officer reads, and what only administrators change."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList, Organisation, Role, writing
from newsletter_service.subscribers import opt_in
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.wordings import Words
from tests.integration.subscribers.parken import Desk, add_list
from tests.integration.web.browsing import submit

ANNA = "anna@example.org"
SEEN = Words("form", "sv", "Vi skickar Nytt från Parken till dig.")
HERE = "/desk/installningar/dataskydd"
As = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def anna(app: Flask) -> None:
    """Anna subscribes to a newsletter of Parken."""
    now = datetime.now(UTC)
    with app.app_context():
        with writing() as session:
            session.add(Organisation(id=1, name="Parken", contact_email="hej@example.org",
                                     postal_address="Parkgatan 1", created_at=now))  # fmt: skip
            session.add(add_list("nytt", "Nytt från Parken"))
        context = RequestContext(ip="192.0.2.7", user_agent="Firefox", words=(SEEN,))
        opt_in.subscribe("nytt", ANNA, "sv", context, now)
        opt_in.confirm(Desk(app).link(), "sv", context, now)
        assert db.session.get(NewsletterList, 1)
        db.session.rollback()


def test_the_officer_reads_proofs_and_nothing_else(client_as: As) -> None:
    officer = client_as(Role.DATA_PROTECTION)
    assert officer.get(HERE).status_code == 200
    for path in ("/desk/", "/desk/prenumeranter", "/desk/prenumeranter/1", "/desk/nyheter",
                 "/desk/utskick", "/desk/drift", f"{HERE}/uppgifter"):  # fmt: skip
        assert officer.get(path).status_code == 403, path
    assert officer.get("/desk/konto").status_code == 200
    menu = officer.get(HERE).text
    assert "/desk/prenumeranter" not in menu
    assert "Radera en person" not in menu


def test_from_an_address_to_the_receipt_and_its_file(client_as: As) -> None:
    officer = client_as(Role.DATA_PROTECTION)
    found = submit(officer, HERE, {"person": ANNA.upper()}, action=f"{HERE}/kvitto")
    assert found.headers["Location"] == f"{HERE}/kvitto/1"
    page = officer.get(f"{HERE}/kvitto/1").text
    for shown in (ANNA, "192.0.2.7", "Firefox", SEEN.text, "Samtycke"):
        assert shown in page, shown
    kept = officer.get(f"{HERE}/kvitto/1.json")
    assert "attachment" in kept.headers["Content-Disposition"]
    assert json.loads(kept.data)["texts"][SEEN.digest]["text"] == SEEN.text
    nobody = submit(officer, HERE, {"person": "x@example.org"}, action=f"{HERE}/kvitto")
    assert nobody.status_code == 422
    assert officer.get(f"{HERE}/kvitto/99").status_code == 404


def test_an_administrator_fills_in_the_particulars_and_the_texts_follow(
    client_as: As, client: FlaskClient
) -> None:
    before = client.get("/integritet").text
    assert "Disa Ek" not in before
    administrator = client_as(Role.ADMINISTRATOR)
    values = {
        "dpo_name": "Disa Ek",
        "dpo_email": "disa@example.org",
        "deliveries": "200",
        "processors": "Posthuset AB, e-post, Sverige",
        "security": "Allt är låst.",
    }
    saved = submit(administrator, f"{HERE}/uppgifter", values)
    assert saved.status_code == 303
    told = client.get("/integritet").text
    for shown in ("Disa Ek", "Posthuset AB, e-post, Sverige", "7 månader"):
        assert shown in told, shown
    record = administrator.get(f"{HERE}/behandlingar").text
    for shown in ("Disa Ek", "Posthuset AB", "Allt är låst.", "Spärrade adresser", "Parken"):
        assert shown in record, shown
    wrong = submit(administrator, f"{HERE}/uppgifter", {"deliveries": "soon"})
    assert wrong.status_code == 422


def test_earlier_versions_of_the_text_stay_readable(client_as: As, client: FlaskClient) -> None:
    administrator = client_as(Role.ADMINISTRATOR)
    for name in ("Disa Ek", "Dag Ek"):
        submit(administrator, f"{HERE}/uppgifter", {"dpo_name": name})
    now = client.get("/integritet").text
    assert "Dag Ek" in now
    earlier = now.split('href="/integritet/')[1].split('"')[0]
    assert "Disa Ek" in client.get(f"/integritet/{earlier}").text
    assert client.get("/integritet/nonsense").status_code == 404


def test_the_legal_basis_is_changed_by_an_administrator(client_as: As) -> None:
    administrator = client_as(Role.ADMINISTRATOR)
    basis = {"basis": "legal_person", "evidence": "org.nr 556000-0000"}
    submit(administrator, f"{HERE}/kvitto/1", basis, action=f"{HERE}/kvitto/1/grund/1")
    assert "org.nr 556000-0000" in administrator.get(f"{HERE}/kvitto/1").text
    officer = client_as(Role.DATA_PROTECTION)
    refused = submit(officer, HERE, basis, action=f"{HERE}/kvitto/1/grund/1")
    assert refused.status_code == 403


def test_the_welcome_is_written_and_looked_at_by_editors(client_as: As) -> None:
    editor = client_as(Role.EDITOR)
    here = "/desk/installningar/mejl"
    shown = editor.get(f"{here}/1/valkomst/sv").text
    assert "Nu prenumererar du" in " ".join(shown.split())
    words = {"welcome": "yes", "text_sv": "Kul att **du** är här.", "text_en": "Nice."}
    saved = submit(editor, here, words, action=f"{here}/1")
    assert saved.status_code == 303
    assert "<strong>du</strong>" in editor.get(f"{here}/1/valkomst/sv").text
    assert "Nice." in editor.get(f"{here}/1/valkomst/en").text
    long = submit(editor, here, {"text_sv": "x" * 2001}, action=f"{here}/1")
    assert long.status_code == 422
