"""Which column means what, in the exports of other services."""

from io import BytesIO

import pytest

from newsletter_service.subscribers import columns, file_rows
from newsletter_service.subscribers.columns import Columns
from newsletter_service.subscribers.tables import UnreadableFile

LISTMONK = (
    "uuid,email,name,attributes,status,created_at,updated_at\n"
    'u1,anna@example.org,Anna,"{""city"": ""Lund""}",enabled,2024-01-01,2024-01-01\n'
    "u2,bo@example.org,Bo,{},blocklisted,2024-01-01,2024-01-01\n"
    "u3,cia@example.org,Cia,{},disabled,2024-01-01,2024-01-01\n"
)
MAILCHIMP = (
    '"Email Address","First Name","Last Name",Company,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,'
    "CONFIRM_TIME,CONFIRM_IP,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
    'anna@example.org,Anna,Ek,Labbet,2,,,"2024-01-01 10:00:00",192.0.2.1,,1,a,,\n'
)
MAILCHIMP_LEFT = (
    "Email Address,First Name,LEID,EUID,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE\n"
    "bo@example.org,Bo,2,b,2024-02-02 10:00:00,Nr 3\n"
)
MAILMAN = "Anne Person <anne@example.org>\nbart@example.org\n"
GET_A_NEWSLETTER = (
    "email;first_name;last_name;active;created\n"
    "anna@example.org;Anna;Ek;True;2024-01-01\n"
    "bo@example.org;Bo;Ek;False;2024-01-01\n"
)
GET_A_NEWSLETTER_IN_SWEDISH = (
    "E-post;Namn;Prenumerationer;Status;Uppdaterad\n"
    "anna@example.org;Anna Ek;Parkbrevet;Aktiv;2024-01-01\n"
    "bo@example.org;Bo Ek;Parkbrevet;Avslutad;2024-01-01\n"
)


def read(text: str) -> list[tuple[str, bool]]:
    return [(row.address, row.reads) for row in file_rows.rows(BytesIO(text.encode()))]


@pytest.mark.parametrize(
    ("text", "source", "found"),
    [
        (
            LISTMONK,
            "listmonk",
            [("anna@example.org", True), ("bo@example.org", False), ("cia@example.org", False)],
        ),
        (MAILCHIMP, "Mailchimp", [("anna@example.org", True)]),
        (MAILCHIMP_LEFT, "Mailchimp", [("bo@example.org", False)]),
        (MAILMAN, "", [("anne@example.org", True), ("bart@example.org", True)]),
        (
            GET_A_NEWSLETTER,
            "Get a Newsletter",
            [("anna@example.org", True), ("bo@example.org", False)],
        ),
        (
            GET_A_NEWSLETTER_IN_SWEDISH,
            "Get a Newsletter",
            [("anna@example.org", True), ("bo@example.org", False)],
        ),
    ],
)
def test_exports_are_recognised_and_who_left_there_is_no_reader(
    text: str, source: str, found: list[tuple[str, bool]]
) -> None:
    assert file_rows.look(BytesIO(text.encode())).columns.source == source
    assert read(text) == found


def test_a_listmonk_export_without_status_is_refused_with_the_reason() -> None:
    without = "uuid,email,name,attributes,created_at\nu,anna@example.org,Anna,{},2024\n"
    with pytest.raises(UnreadableFile, match="without its column `status`") as error:
        read(without)
    assert error.value.code == "no_status"


def test_fields_are_found_by_key_or_label_and_columns_may_be_said_by_hand() -> None:
    names = {7: ["bolag", "Företag", "Company"]}
    proposed = file_rows.look(BytesIO(MAILCHIMP.encode()), names).columns
    assert proposed.answers == {7: 3}
    (row,) = file_rows.rows(BytesIO(MAILCHIMP.encode()), proposed)
    assert row.answers == {7: "Labbet"}
    by_hand = columns.changed(proposed, {"email": 1, 7: 2, "status": 4})
    assert (by_hand.address, by_hand.answers, by_hand.status) == (1, {7: 2}, 4)
    assert Columns.from_json(by_hand.as_json()) == by_hand
