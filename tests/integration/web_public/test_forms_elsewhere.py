"""The form on other sites: posted plainly, by our script, in a frame; and what it asks for more."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentEvent,
    FieldKind,
    FieldValue,
    FormSeen,
    Lane,
    NewsletterList,
    Organisation,
    SignUp,
    Wording,
    writing,
)
from newsletter_service.subscribers import fields, forms, opt_in
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.fields import Choice, Definition
from newsletter_service.subscribers.forms import Look
from tests.integration.subscribers.parken import Desk

ANNA = "anna@example.org"
SITE = "https://www.park.test"
DATA = {"Accept": "application/json"}


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def site(desk: Desk) -> None:
    """Parken's own site, which the settings name."""
    assert desk
    with writing() as session:
        session.get_one(Organisation, 1).website = f"{SITE}/nyheter"


def post(client: FlaskClient, origin: str = SITE, **more: str) -> TestResponse:
    headers = {"Origin": origin} if origin else {}
    return client.post("/prenumerera/nytt", data={"email": ANNA} | more, headers=headers)


def lanes_taken() -> list[Lane]:
    db.session.rollback()
    return list(db.session.scalars(select(SignUp.lane).order_by(SignUp.id)))


def list_id() -> int:
    return db.session.scalars(select(NewsletterList.id).where(NewsletterList.slug == "nytt")).one()


def test_r_6_13_a_site_on_the_list_is_answered_sooner_and_another_is_no_error(
    client: FlaskClient,
) -> None:
    answers = [post(client), post(client, "https://evil.test"), post(client, "")]
    assert {answer.status_code for answer in answers} == {303}
    assert lanes_taken() == [Lane.PLAIN, Lane.DOUBTED, Lane.DOUBTED]


def test_asvs_3_4_2_a_script_of_a_listed_site_alone_may_read_and_never_with_cookies(
    client: FlaskClient,
) -> None:
    for origin, allowed in ((SITE, SITE), ("https://evil.test", None), ("null", None)):
        for answer in (
            client.post(
                "/subscribe/nytt", data={"email": ANNA}, headers={**DATA, "Origin": origin}
            ),
            client.get("/subscribe/nytt/task", headers={"Origin": origin}),
        ):
            assert answer.status_code == 200
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert "Origin" in answer.headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "Set-Cookie" not in answer.headers


def test_a_script_is_told_in_words_what_happened(client: FlaskClient) -> None:
    def ask(email: str) -> TestResponse:
        return client.post("/prenumerera/nytt", data={"email": email}, headers=DATA)

    done = ask(ANNA).json
    assert done is not None
    assert done["state"] == "asked"
    assert "Kolla din inkorg" in done["texts"][0]
    assert "Bekräfta prenumerationen" in done["texts"][1]
    wrong = ask("anna").json
    assert wrong is not None
    assert (wrong["state"], wrong["field"]) == ("wrong", "email")
    suggested = ask("anna@gmial.com").json
    assert suggested is not None
    assert suggested["suggestion"] == "anna@gmail.com"


def test_a_visitor_without_javascript_comes_back_to_the_page_that_was_chosen(
    client: FlaskClient,
) -> None:
    forms.save(list_id(), "sv", Look(return_url=f"{SITE}/tack"), actor="ada", now=now())
    assert post(client).location == f"{SITE}/tack"
    assert post(client, "https://evil.test").location == "/prenumerera/nytt/tack"
    with writing() as session:  # the site was taken off the list since
        session.get_one(Organisation, 1).website = ""
    assert post(client).location == "/prenumerera/nytt/tack"


def test_asvs_3_7_2_nobody_is_sent_to_a_site_that_is_not_on_the_list(client: FlaskClient) -> None:
    assert client
    with pytest.raises(forms.Unfit) as unfit:
        forms.save(list_id(), "sv", Look(return_url="https://evil.test/"), actor="a", now=now())
    assert unfit.value.faults == {"return_url": "site"}


def test_only_the_frames_page_may_be_framed_and_only_by_listed_sites(client: FlaskClient) -> None:
    forms.let_in("jobb.park.test", actor="ada", now=now())
    for path in ("/formular/nytt", "/form/nytt"):
        page = client.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert f"frame-ancestors 'self' https://jobb.park.test {SITE};" in policy
        assert "Set-Cookie" not in page.headers
        assert "<title>" in page.text
    for path in ("/prenumerera/nytt", "/", "/prenumerera/nytt/tack"):
        assert "frame-ancestors 'none'" in client.get(path).headers["Content-Security-Policy"]


def test_the_frame_answers_in_itself(client: FlaskClient, desk: Desk) -> None:
    answer = client.post("/formular/nytt", data={"email": ANNA})
    assert answer.status_code == 200
    assert "Kolla din inkorg" in answer.text
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    wrong = client.post("/formular/nytt", data={"email": "anna"})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    desk.take()
    assert desk.state(ANNA) == "pending"


def test_the_look_is_a_handful_of_variables_that_can_always_be_read(client: FlaskClient) -> None:
    look = Look(accent="#ffee00", paper="#101010", corners="round", font="serif")
    forms.save(list_id(), "sv", look, actor="ada", now=now())
    sheet = client.get("/formular/nytt/tema.css")
    assert sheet.mimetype == "text/css"
    assert "--newsletter-accent: #ffee00;" in sheet.text
    assert "--newsletter-ink: #ffffff;" in sheet.text
    tried = client.get(
        "/formular/nytt/tema.css?accent=%23a1006b&paper=red;}body{x:url(//evil.test)"
    )
    assert "--newsletter-accent: #a1006b;" in tried.text
    assert "evil" not in tried.text


def test_where_a_form_was_used_is_known_and_no_visitor_with_it(client: FlaskClient) -> None:
    post(client)
    client.post("/prenumerera/nytt", data={"email": ANNA}, headers={**DATA, "Origin": SITE})
    frame = client.get("/formular/nytt", headers={"Referer": f"{SITE}/om"}).text
    stamp = frame.split('name="stamp" value="')[1].split('"')[0]
    client.post("/formular/nytt", data={"email": ANNA, "stamp": stamp, "altcha": "x"})
    db.session.rollback()
    seen = {(each.way, each.site) for each in db.session.scalars(select(FormSeen))}
    assert seen == {("form", SITE), ("script", SITE), ("frame", SITE)}


def words_shown_to(desk: Desk, address: str) -> str:
    """The text that the proof of a request names, or what it says where no text is known."""
    desk.take()
    db.session.rollback()
    asked = select(ConsentEvent.wording).where(ConsentEvent.address_as_typed == address)
    said = db.session.scalars(asked).one()
    kept = db.session.get(Wording, said)
    return kept.text if kept else said


def test_r_5_12_a_copied_form_proves_the_words_it_has_shown_since_it_was_copied(
    client: FlaskClient, desk: Desk
) -> None:
    page = client.get("/prenumerera/nytt").text
    field = page.split('name="words" value="')[1].split('"')[0]
    other = client.get("/prenumerera/jobb").text.split('name="words" value="')[1].split('"')[0]
    with writing() as session:  # the words are others now, and the copy stands where it stood
        session.get_one(NewsletterList, list_id()).frequency = "varje dag"
    post(client, words=field)
    copied = words_shown_to(desk, ANNA)
    assert "varje dag" not in copied
    assert copied.startswith("När du prenumererar skickar vi Nytt från Parken")
    for name, said in (("bo", ""), ("cia", field[:-2] + "AA"), ("dan", other), ("eva", "<words>")):
        post(client, email=f"{name}@example.org", words=said)
        told = words_shown_to(desk, f"{name}@example.org")
        assert told == ("words not known" if said else "form on another site")


def field(kind: FieldKind, label: str, **more: object) -> None:
    fields.define(list_id(), Definition(label, kind, **more), actor="ada", now=now())  # type: ignore[arg-type]


def answers() -> dict[str, str]:
    db.session.rollback()
    rows = db.session.scalars(select(FieldValue))
    return {str(row.field_id): row.value for row in rows}


def test_a_form_asks_for_the_lists_fields_and_keeps_what_was_typed(
    client: FlaskClient, desk: Desk
) -> None:
    field(FieldKind.TEXT, "Organisation", required=True)
    field(FieldKind.CHOICE, "Roll", choices=(Choice("Forskare"), Choice("Företagare")))
    field(FieldKind.CHECKBOX, "Jag vill bli inbjuden")
    field(FieldKind.TEXT, "Intern", shown=False)
    for path in ("/prenumerera/nytt", "/formular/nytt"):
        page = client.get(path).text
        assert page.count("Organisation") >= 1
        assert "Forskare" in page
        assert "Intern" not in page
        typed = {"email": ANNA, "field_roll": "forskare"}
        missing = client.post(path, data=typed)
        assert missing.status_code == 422
        assert f'value="{ANNA}"' in missing.text
    done = client.post("/prenumerera/nytt", data=typed | {"field_organisation": "Parken AB"})
    assert done.status_code == 303
    desk.take()
    assert sorted(answers().values()) == ["Parken AB", "forskare"]


def test_a_strangers_form_changes_nothing_of_what_a_reader_answered(
    client: FlaskClient, desk: Desk
) -> None:
    field(FieldKind.TEXT, "Organisation")
    client.post("/prenumerera/nytt", data={"email": ANNA, "field_organisation": "Parken AB"})
    desk.take()
    opt_in.confirm(desk.link(), "sv", RequestContext(), now())
    client.post("/prenumerera/nytt", data={"email": ANNA, "field_organisation": "Bluff AB"})
    desk.take()
    assert list(answers().values()) == ["Parken AB"]
