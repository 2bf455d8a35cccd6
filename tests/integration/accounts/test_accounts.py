"""People, their log-ins and sessions (R 8.8 to 8.10)."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from newsletter_service import settings, tokens
from newsletter_service.accounts import (
    links,
    newsletters,
    organisation,
    passwords,
    people,
    sessions,
)
from newsletter_service.extensions import db
from newsletter_service.issues import compose
from newsletter_service.mail import letter
from newsletter_service.models import AuditEvent, LoginSession, Notice, Person, Role, Token

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PASSWORD = "tulpaner blommar sent i Umeå"

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def anna(app: Flask) -> Person:
    """An administrator with a password."""
    assert app
    return people.create("Anna@Staff.test", "Anna Lind", [Role.ADMINISTRATOR], PASSWORD)


def test_asvs_6_3_2_there_is_no_default_account() -> None:
    assert not people.anybody()


def test_a_right_password_opens_a_session_that_is_kept_as_a_hash_only(anna: Person) -> None:
    token = sessions.log_in(" anna@staff.test ", PASSWORD, NOW)
    kept = db.session.scalars(select(LoginSession)).one()
    assert kept.person_id == anna.id
    assert kept.digest == tokens.digest_of(token)
    assert len(token) >= 43  # 256 bits, base64


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    ("email", "password"),
    [("anna@staff.test", "something else, long"), ("nobody@staff.test", PASSWORD), ("", "")],
)
def test_asvs_6_3_8_every_refusal_is_the_same(email: str, password: str) -> None:
    with pytest.raises(sessions.WrongCredentials):
        sessions.log_in(email, password, NOW)


def test_a_person_without_a_password_cannot_log_in_by_one() -> None:
    people.create("bo@staff.test", "Bo", [Role.EDITOR])
    for guess in ("", "nobody has this password"):
        with pytest.raises(sessions.WrongCredentials):
            sessions.log_in("bo@staff.test", guess, NOW)


@pytest.mark.usefixtures("anna")
def test_asvs_7_3_1_a_session_ends_after_twelve_hours_of_silence() -> None:
    token = sessions.log_in("anna@staff.test", PASSWORD, NOW)
    assert sessions.find(token, NOW + timedelta(hours=11)) is not None
    assert sessions.find(token, NOW + timedelta(hours=22)) is not None
    assert sessions.find(token, NOW + timedelta(hours=35)) is None


@pytest.mark.usefixtures("anna")
def test_asvs_7_3_2_a_session_ends_after_fourteen_days_however_busy() -> None:
    token = sessions.log_in("anna@staff.test", PASSWORD, NOW)
    moment = NOW
    while moment < NOW + timedelta(days=13, hours=22):
        moment += timedelta(hours=11)
        assert sessions.find(token, min(moment, NOW + timedelta(days=13, hours=23))) is not None
    assert sessions.find(token, NOW + timedelta(days=14, seconds=1)) is None


@pytest.mark.usefixtures("anna")
def test_asvs_7_4_1_logging_out_ends_the_session_on_the_server() -> None:
    token = sessions.log_in("anna@staff.test", PASSWORD, NOW)
    sessions.log_out(token, NOW)
    assert sessions.find(token, NOW) is None


@pytest.mark.usefixtures("anna")
def test_asvs_7_4_2_disabling_a_person_ends_sessions_and_links_at_once() -> None:
    bo = people.create("bo@staff.test", "Bo", [Role.EDITOR], PASSWORD)
    bo_id = bo.id
    token = sessions.log_in("bo@staff.test", PASSWORD, NOW)
    raw = links.one_time_link(bo, NOW).rsplit("/", 1)[1]
    people.disable(bo_id, actor="anna@staff.test", now=NOW)
    assert sessions.find(token, NOW) is None
    assert not links.usable(raw, NOW)
    with pytest.raises(sessions.WrongCredentials):
        sessions.log_in("bo@staff.test", PASSWORD, NOW)


def test_asvs_6_4_1_a_link_works_once_and_for_its_time_only(anna: Person) -> None:
    raw = links.one_time_link(anna, NOW).rsplit("/", 1)[1]
    assert links.usable(raw, NOW)
    assert sessions.find(links.redeem(raw, NOW), NOW) is not None
    with pytest.raises(links.LinkExpired):
        links.redeem(raw, NOW)
    late = links.one_time_link(anna, NOW).rsplit("/", 1)[1]
    with pytest.raises(links.LinkExpired):
        links.redeem(late, NOW + links.PRINTED + timedelta(seconds=1))


def test_r_6_6_the_database_holds_no_usable_link(anna: Person) -> None:
    raw = links.one_time_link(anna, NOW).rsplit("/", 1)[1]
    kept = db.session.scalars(select(Token)).one()
    assert kept.digest == tokens.digest_of(raw)
    assert raw.encode() not in kept.digest


def test_asking_for_a_link_mails_the_person_and_nobody_else(anna: Person) -> None:
    links.ask_for_link("ANNA@staff.test", NOW)
    links.ask_for_link("stranger@elsewhere.test", NOW)
    notice = db.session.scalars(select(Notice)).one()
    assert (notice.kind, notice.address, notice.to_staff) == ("login_link", anna.email, True)
    assert notice.sealed is not None
    raw = tokens.unseal(settings.current().secret_key, notice.sealed)
    assert links.usable(raw, NOW + timedelta(minutes=14))
    assert not links.usable(raw, NOW + timedelta(minutes=16))


@pytest.mark.usefixtures("anna")
def test_an_inbox_cannot_be_flooded_with_links() -> None:
    for _ in range(10):
        links.ask_for_link("anna@staff.test", NOW)
    assert len(db.session.scalars(select(Notice)).all()) == links.MOST_AT_ONCE


def test_an_invitation_lets_in_for_a_week() -> None:
    newcomer = people.Newcomer("cecilia@staff.test", "Cecilia", [Role.OPERATOR], "en")
    people.invite(newcomer, actor="anna@staff.test", now=NOW)
    notice = db.session.scalars(select(Notice)).one()
    assert (notice.kind, notice.locale) == ("invitation", "en")
    raw = tokens.unseal(settings.current().secret_key, notice.sealed or b"")
    assert links.usable(raw, NOW + timedelta(days=6))


@pytest.mark.parametrize("locale", ["sv", "en"])
def test_the_letters_to_colleagues_can_be_rendered_from_what_was_asked_for(
    anna: Person, locale: str
) -> None:
    links.ask_for_link(anna.email, NOW)
    newcomer = people.Newcomer("cecilia@staff.test", "Cecilia", [Role.OPERATOR], locale)
    people.invite(newcomer, actor="anna@staff.test", now=NOW)
    frame = compose.frame(organisation.current(), None, locale, settings.current())
    texts = {
        notice.kind: letter.render(notice.kind, frame | notice.values, locale).text
        for notice in db.session.scalars(select(Notice))
    }
    assert "15 minut" in texts["login_link"]
    assert "Anna Lind" in texts["invitation"]


@pytest.mark.usefixtures("anna")
def test_the_same_address_is_added_once() -> None:
    with pytest.raises(people.PersonRefused, match="exists"):
        people.create("anna@STAFF.test", "Another", [Role.EDITOR])


def test_the_last_administrator_can_neither_leave_nor_be_demoted(anna: Person) -> None:
    anna_id = anna.id
    with pytest.raises(people.PersonRefused, match="last_administrator"):
        people.disable(anna_id, actor="x", now=NOW)
    with pytest.raises(people.PersonRefused, match="last_administrator"):
        people.change_roles(anna_id, [Role.EDITOR], actor="x")
    assert people.everybody()[0].has_role(Role.ADMINISTRATOR)


def test_asvs_6_2_3_changing_a_password_needs_the_present_one(anna: Person) -> None:
    with pytest.raises(people.PersonRefused, match="wrong_password"):
        people.change_password(anna.id, "wrong", "en helt annan mening", keep_session="", now=NOW)


def test_asvs_7_4_3_a_new_password_ends_the_other_sessions(anna: Person) -> None:
    anna_id = anna.id
    here = sessions.log_in("anna@staff.test", PASSWORD, NOW)
    elsewhere = sessions.log_in("anna@staff.test", PASSWORD, NOW)
    people.change_password(anna_id, PASSWORD, "en helt annan mening", keep_session=here, now=NOW)
    assert sessions.find(here, NOW) is not None
    assert sessions.find(elsewhere, NOW) is None


@pytest.mark.usefixtures("anna")
def test_asvs_6_2_11_words_of_the_person_and_the_organisation_are_no_password() -> None:
    organisation.save(
        {"name": "Ängsparken", "postal_address": "Vägen 1", "contact_email": "x@y.test"},
        actor="x",
        now=NOW,
    )
    for weak in ("ängsparken ängsparken 2026", "bo.ek@staff.test 1234"):
        with pytest.raises(passwords.PasswordRefused, match="common"):
            people.create("bo.ek@staff.test", "Bo Ek", [Role.EDITOR], weak)


def test_asvs_16_3_1_who_did_what_is_kept(anna: Person) -> None:
    sessions.log_in("anna@staff.test", PASSWORD, NOW)
    acts = [(event.actor, event.act) for event in db.session.scalars(select(AuditEvent))]
    assert ("command line", "person.created") in acts
    assert (anna.email, "person.logged_in") in acts


def test_a_newsletter_keeps_its_slug_and_list_id_when_it_is_renamed() -> None:
    new = newsletters.NewNewsletter("Nytt från Ängsparken", "Ängsparken", "brev@angsparken.test")
    made = newsletters.create(new, actor="x", now=NOW)
    made_id, list_id = made.id, made.list_id
    assert list_id == "nytt-fran-angsparken.bounce.brev.example.org"
    changed = newsletters.change(made_id, {"name": "Parkbrevet"}, ("sv", "en"), actor="x")
    assert (changed.slug, changed.list_id) == ("nytt-fran-angsparken", list_id)
    again = newsletters.create(new, actor="x", now=NOW)
    assert again.slug == "nytt-fran-angsparken-2"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("postal_address", " ", "missing"),
        ("contact_email", "nobody", "address"),
        ("website", "javascript:alert(1)", "url"),
        ("logo_url", "https://cdn.test;frame-ancestors/logo.png", "url"),
        ("accent", "red; } body { display: none", "colour"),
        ("accent", "#12", "colour"),
    ],
)
def test_the_organisation_is_not_kept_with_a_fault(field: str, value: str, code: str) -> None:
    good = {"name": "Park", "postal_address": "Vägen 1", "contact_email": "x@y.test"}
    with pytest.raises(organisation.Incomplete) as refused:
        organisation.save(good | {field: value}, actor="x", now=NOW)
    assert refused.value.faults == {field: code}
    assert organisation.current() is None
