"""Messages of many senders, read through the one door."""

from pathlib import Path

import pytest

from newsletter_service.bounces.parse import Report, parse

MESSAGES = Path(__file__).parents[2] / "bounces"
TOKEN = "b+1a2b3cdefgh"


def read(name: str) -> Report:
    return parse((MESSAGES / f"{name}.eml").read_bytes())


def troubled(report: Report) -> list[str]:
    return [recipient.address for recipient in report.recipients if recipient.is_trouble]


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("postfix_unknown_user", ["nobody@example.org"]),
        ("postfix_delayed", ["slow@example.org"]),
        ("postfix_gave_up", ["slow@example.org"]),
        ("several_recipients", ["outer@example.org", "gone@example.org"]),
        ("exchange_online_unknown", ["gone@contoso.example"]),
        ("exchange_online_denied", ["gone@contoso.example"]),
        ("gmail_full", ["full@gmail.example"]),
        ("gmail_unauthenticated", ["reader@gmail.example"]),
        ("sendmail_host_unknown", ["reader@nowhere.invalid"]),
        ("eai_unsupported", ["åsa@dömän.example"]),
        ("swedish_unknown_user", ["kalle@kommun.example"]),
        ("wrong_boundary", ["nobody@example.org"]),
        ("broken_types", ["nobody@example.org"]),
        ("cr_only", ["nobody@example.org"]),
        ("raw_8bit", ["nobody@example.org"]),
        ("exim_unknown_user", ["nobody@example.org"]),
        ("exim_delayed", ["slow@example.org"]),
        ("qmail_unknown_user", ["nobody@example.org", "full@example.net"]),
        ("plain_several", ["full@example.org", "gone@example.org"]),
        ("source_route", ["nobody@example.org"]),
        ("plain_words", ["nobody@office.example"]),
        ("forged", ["victim@example.org"]),
    ],
)
def test_a_bounce_names_exactly_the_recipients_in_trouble(name: str, addresses: list[str]) -> None:
    report = read(name)
    assert report.kind == "bounce"
    assert troubled(report) == addresses


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("success", "not-a-bounce"),
        ("ordinary_reply", "not-a-bounce"),
        ("arf_not_spam", "not-a-bounce"),
        ("arf_auth_failure", "not-a-bounce"),
        ("arf_abuse", "complaint"),
        ("arf_redacted", "complaint"),
        ("autoreply_swedish", "auto-reply"),
        ("autoreply_absence_latin1", "auto-reply"),
        ("autoreply_rfc3834", "auto-reply"),
    ],
)
def test_what_is_no_bounce_is_told_apart(name: str, kind: str) -> None:
    assert read(name).kind == kind


def test_r_4_1_every_recipient_keeps_its_own_fields() -> None:
    first, fine, gone = read("several_recipients").recipients
    assert (first.original, first.final) == ("outer@example.org", "inner@mail.example.org")
    assert (first.status, fine.action, gone.status) == ("5.2.2", "delivered", "5.1.1")


def test_folded_diagnostics_are_joined_and_lose_their_type() -> None:
    recipient = read("postfix_unknown_user").recipients[0]
    assert recipient.diagnostic.startswith("550 5.1.1 <nobody@example.org>: Recipient address")
    assert recipient.diagnostic.endswith("User unknown in local recipient table")
    assert recipient.remote_mta == "mail.example.org"


def test_rfc_6533_addresses_are_decoded() -> None:
    recipient = read("eai_unsupported").recipients[0]
    assert recipient.original == recipient.final == "åsa@dömän.example"


@pytest.mark.parametrize(
    "name", ["postfix_unknown_user", "exim_unknown_user", "qmail_unknown_user"]
)
def test_the_token_and_the_returned_message_are_found(name: str) -> None:
    report = read(name)
    assert TOKEN in report.tokens
    assert report.returned_message_id == "<1.abcdef@park.example>"
    assert ("subject", "Nytt i parken") in report.returned_headers


def test_a_forged_bounce_carries_no_token_of_ours() -> None:
    assert read("forged").tokens == ("nyhetsbrev",)


def test_a_complaint_keeps_what_leads_back_to_the_reader() -> None:
    report = read("arf_redacted")
    assert (report.feedback_type, report.recipients) == ("fraud", ())
    assert report.returned_message_id == "<1.abcdef@park.example>"
    assert dict(report.returned_headers)["list-unsubscribe"].endswith("/abc234>")


def test_a_complaint_that_names_the_reader_says_so() -> None:
    assert read("arf_abuse").recipients[0].address == "reader@provider.example"


def test_a_delay_is_told_from_a_failure() -> None:
    assert read("exim_delayed").recipients[0].action == "delayed"
    assert read("exim_unknown_user").recipients[0].action == "failed"


def test_upper_case_tokens_are_read_in_lower_case() -> None:
    raw = (MESSAGES / "postfix_unknown_user.eml").read_bytes()
    assert TOKEN in parse(raw.replace(TOKEN.encode(), TOKEN.upper().encode())).tokens


def test_line_ends_make_no_difference() -> None:
    raw = (MESSAGES / "postfix_unknown_user.eml").read_bytes()
    assert parse(raw.replace(b"\n", b"\r\n")) == parse(raw)
