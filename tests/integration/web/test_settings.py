"""*Inställningar*: the newsletter, its sources, people, and the rights of readers."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter_service.accounts import newsletters, organisation, people
from newsletter_service.extensions import db
from newsletter_service.models import DoctorReport, Notice, Role, SiteProbe, Source
from newsletter_service.news import sources
from newsletter_service.operations import doctor
from tests.integration.web.browsing import submit

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BASE = "/desk/installningar"
OWNER = {"name": "Park", "postal_address": "Vägen 1", "contact_email": "x@park.test"}
LETTER = {"name": "Parkbrevet", "sender_name": "Parken", "sender_address": "brev@park.test"}


@pytest.fixture(autouse=True)
def list_id(app: Flask) -> int:
    """An organisation with one newsletter."""
    with app.app_context():
        organisation.save(OWNER, actor="x", now=NOW)
        new = newsletters.NewNewsletter("Parkbrevet", "Parken", "brev@park.test")
        return newsletters.create(new, actor="x", now=NOW).id


@pytest.fixture
def administrator(client_as: Callable[..., FlaskClient]) -> FlaskClient:
    """Somebody who may do all of it."""
    return client_as(Role.ADMINISTRATOR)


def test_the_newsletter_is_changed(app: Flask, administrator: FlaskClient, list_id: int) -> None:
    values = LETTER | {"name": "Nya brevet", "frequency": "en gång i månaden", "locales": "en"}
    answer = submit(administrator, f"{BASE}/", values, action=f"{BASE}/nyhetsbrev/{list_id}")
    assert answer.status_code == 303
    with app.app_context():
        listed = newsletters.everything()[0]
        assert (listed.name, listed.frequency) == ("Nya brevet", "en gång i månaden")
        assert listed.locales == ["sv", "en"]


def test_english_names_are_asked_for_only_where_there_is_english(
    app: Flask, administrator: FlaskClient, list_id: int
) -> None:
    assert 'name="name_en"' not in administrator.get(f"{BASE}/").text
    with app.app_context():
        newsletters.change(list_id, {"name": "Brevet"}, ("sv", "en"), actor="x")
    assert 'name="name_en"' in administrator.get(f"{BASE}/").text


def test_a_fault_stands_at_its_field_and_nothing_typed_is_lost(
    administrator: FlaskClient, list_id: int
) -> None:
    values = LETTER | {"name": "Ett nytt namn", "sender_address": "brev at park"}
    answer = submit(administrator, f"{BASE}/", values, action=f"{BASE}/nyhetsbrev/{list_id}")
    assert answer.status_code == 422
    assert "Ett nytt namn" in answer.text
    assert 'id="sender_address-error"' in answer.text


def test_the_accent_reaches_every_page(administrator: FlaskClient) -> None:
    values = {f"org_{name}": text for name, text in OWNER.items()} | {"org_accent": "#a1006b"}
    submit(administrator, f"{BASE}/", values, action=f"{BASE}/organisation")
    sheet = administrator.get("/brand.css")
    assert "--brand: #a1006b;" in sheet.text
    again = administrator.get("/brand.css", headers={"If-None-Match": sheet.headers["ETag"]})
    assert again.status_code == 304


def _shape(form: str) -> list[str]:
    """A form's tags and words, without what differs between services."""
    plain = re.sub(r"https?://[^/\"]+/prenumerera/\w+", "ACTION", form)
    plain = re.sub(r"https?://[^/\"]+/integritet", "PRIVACY", plain)
    plain = re.sub(r'name="words" value="[^"]+"', "WORDS", plain)
    plain = re.sub(r"skickar vi .+ till din adress(, .+?)?\.", "PROMISE.", plain, flags=re.DOTALL)
    return plain.split()


def _to_copy(browser: FlaskClient, way: str) -> str:
    page = browser.get(f"{BASE}/formular?way={way}").text
    copied = re.search(r'<textarea[^>]*id="snippet"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert copied
    return html.unescape(copied[1])


def test_each_way_to_put_the_form_on_a_site_can_be_copied(administrator: FlaskClient) -> None:
    assert '<a href="http://localhost/prenumerera/parkbrevet">' in _to_copy(administrator, "link")
    script = _to_copy(administrator, "script")
    assert 'data-newsletter="stay"' in script
    named = re.search(r'src="http://localhost(/[^"]+)" integrity="sha384-([^"]+)"', script)
    assert named
    served = administrator.get(named[1])
    assert base64.b64encode(hashlib.sha384(served.data).digest()).decode() == named[2]
    assert served.headers["Access-Control-Allow-Origin"] == "*"
    frame = _to_copy(administrator, "frame")
    assert 'src="http://localhost/formular/parkbrevet" title="' in frame


def test_the_look_of_the_form_is_kept_and_its_faults_stand_at_the_fields(
    administrator: FlaskClient, list_id: int
) -> None:
    here = f"{BASE}/formular"
    look = {"accent": "#a1006b", "paper": "", "corners": "round", "font": "system"}
    kept = submit(administrator, here, look | {"return_url": ""}, action=f"{here}/{list_id}/sv")
    assert kept.status_code == 303
    assert "--newsletter-accent: #a1006b" in _to_copy(administrator, "form")
    faulty = look | {"accent": "red", "return_url": "https://elsewhere.test/tack"}
    answer = submit(administrator, here, faulty, action=f"{here}/{list_id}/sv")
    assert answer.status_code == 422
    assert 'id="accent-error"' in answer.text
    assert 'id="return_url-error"' in answer.text


def test_a_site_is_let_in_and_shut_out(administrator: FlaskClient, list_id: int) -> None:
    here, listed = f"{BASE}/formular", str(list_id)
    site = {"site": "jobb.example.org/om", "list": listed}
    assert submit(administrator, here, site, action=f"{here}/webbplatser").status_code == 303
    assert "<code>https://jobb.example.org</code>" in administrator.get(here).text
    gone = {"site": "https://jobb.example.org", "list": listed}
    submit(administrator, here, gone, action=f"{here}/webbplatser/bort")
    assert "<code>https://jobb.example.org</code>" not in administrator.get(here).text
    fault = submit(administrator, here, {"site": "?", "list": listed}, f"{here}/webbplatser")
    assert fault.status_code == 422
    assert 'id="site-error"' in fault.text


def test_the_page_of_the_form_says_when_it_has_worked(
    administrator: FlaskClient, list_id: int
) -> None:
    fragment = f"{BASE}/formular/{list_id}/sv/sedd"
    assert "Väntar på en första anmälan" in administrator.get(fragment).text
    administrator.post("/prenumerera/parkbrevet", data={"email": "anna@example.org"})
    assert "Formuläret fungerar" in administrator.get(fragment).text


def test_r_5_7_the_form_to_copy_is_the_one_of_the_documents(administrator: FlaskClient) -> None:
    form = _to_copy(administrator, "form")
    documents = (Path(__file__).parents[3] / "docs" / "site-owners.md").read_text("utf-8")
    documented = re.search(r"<form.*?</form>", documents, re.DOTALL)

    assert 'action="http://localhost/prenumerera/parkbrevet"' in form
    assert "avprenumerera" in form
    assert "checked" not in form
    assert " id=" not in form  # it may stand twice on a page
    assert documented
    assert _shape(form) == _shape(documented[0])


def test_another_lists_number_is_not_found(administrator: FlaskClient) -> None:
    assert administrator.get(f"{BASE}/?list=4711").status_code == 404
    assert administrator.get(f"{BASE}/kallor?list=4711").status_code == 404


def test_a_source_is_looked_for_added_and_taken_away(
    app: Flask, administrator: FlaskClient, list_id: int
) -> None:
    asked = submit(
        administrator,
        f"{BASE}/kallor",
        {"url": "park.test"},
        action=f"{BASE}/kallor/{list_id}/leta",
    )
    assert asked.status_code == 303
    feed = {"url": "https://park.test/feed", "kind": "rss", "title": "Parken", "site_url": ""}
    with app.app_context():
        probe = db.session.scalars(select(SiteProbe)).one()
        assert probe.url == "https://park.test"
        probe.found = {"feeds": [feed | {"count": 3, "headlines": ["En", "Två"]}]}
        probe.answered_at = NOW
        db.session.commit()
        probe_id = probe.id
    found = asked.headers["Location"]
    assert "3 nyheter: En · Två" in administrator.get(found).text
    chosen = {"feeds": [feed["url"], "https://evil.test/feed"]}
    submit(administrator, found, chosen, action=f"{BASE}/kallor/{list_id}/lagg-till/{probe_id}")
    with app.app_context():
        source = db.session.scalars(select(Source)).one()
        source_id = source.id
        assert source.url == feed["url"]
    remove = f"{BASE}/kallor/{list_id}/ta-bort/{source_id}"
    submit(administrator, f"{BASE}/kallor", {}, action=remove)
    with app.app_context():
        assert sources.of_list(list_id) == []


def test_an_invitation_goes_out_by_mail(app: Flask, administrator: FlaskClient) -> None:
    values = {"name": "Bo Ek", "email": "bo@park.test", "roles": ["editor", "emperor"]}
    answer = submit(administrator, f"{BASE}/personer", values)
    assert answer.status_code == 303
    with app.app_context():
        bo = people.find("bo@park.test")
        assert bo is not None
        assert bo.roles == ["editor"]
        assert db.session.scalars(select(Notice)).one().kind == "invitation"
    again = submit(administrator, f"{BASE}/personer", values)
    assert again.status_code == 422
    assert "redan någon med den adressen" in again.text


def test_the_last_administrator_is_told_why_they_must_stay(
    app: Flask, administrator: FlaskClient
) -> None:
    with app.app_context():
        page = f"{BASE}/personer/{people.everybody()[0].id}"
    answer = submit(administrator, page, {}, action=f"{page}/stang")
    assert answer.status_code == 303
    assert "Någon måste kunna administrera" in administrator.get(f"{BASE}/personer").text


def test_r_5_8_a_person_gets_a_copy_as_a_file(administrator: FlaskClient) -> None:
    page = f"{BASE}/dataskydd"
    answer = submit(administrator, page, {"email": "anna@reader.test"}, action=f"{page}/kopia")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(answer.data)["address"] == "anna@reader.test"


def test_r_5_9_an_erased_person_is_blocked(app: Flask, administrator: FlaskClient) -> None:
    page = f"{BASE}/dataskydd"
    submit(administrator, page, {"erase_email": "anna@reader.test"}, action=f"{page}/radera")
    copy = submit(administrator, page, {"email": "anna@reader.test"}, action=f"{page}/kopia")
    assert json.loads(copy.data)["suppressions"][0]["reason"] == "erased"
    wrong = submit(administrator, page, {"erase_email": "anna"}, action=f"{page}/radera")
    assert wrong.status_code == 422


def test_p13_live_only_after_the_checks_have_passed(app: Flask, administrator: FlaskClient) -> None:
    page = f"{BASE}/leverans"
    assert "disabled" in administrator.get(page).text.split("Gå i drift</button>")[0][-60:]
    submit(administrator, page, {}, action=f"{page}/i-drift")
    assert "Provläge:" in administrator.get(page).text
    with app.app_context():
        db.session.add(DoctorReport(at=datetime.now(UTC), passed=True, checks=[]))
        db.session.commit()
    submit(administrator, page, {}, action=f"{page}/i-drift")
    live = administrator.get(page).text
    assert "Provläge:" not in live
    submit(administrator, page, {}, action=f"{page}/provlage")
    assert "Provläge:" in administrator.get(page).text


def test_the_report_of_the_checks_is_told_in_swedish(
    app: Flask, administrator: FlaskClient
) -> None:
    with app.app_context():
        doctor.check(datetime.now(UTC))
        told = doctor.told(doctor.latest() or DoctorReport(checks=[]), "sv")
    page = administrator.get(f"{BASE}/leverans").text
    assert told
    assert html.escape(told[0]["title"]) in page
