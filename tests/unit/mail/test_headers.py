import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.mail import clean, headers
from newsletter_service.mail.headers import BadHeader

SUBJECTS = st.text(st.characters(blacklist_characters="\r\n\0"), max_size=300) | st.text(
    "åäöÅÄÖ abc é 🎄👩‍💻—“”", max_size=200
)


def parsed(line: bytes, name: str) -> str:
    return str(message_from_bytes(line + b"\r\n", policy=policy.default)[name])


@given(SUBJECTS)
def test_r_2_11_any_subject_folds_within_the_limits_and_reads_back(subject: str) -> None:
    line = headers.text("Subject", subject)
    for word in re.findall(rb"=\?utf-8\?q\?.*?\?=", line):
        assert len(word) <= 75
    assert all(len(row) <= 78 for row in line.split(b"\r\n"))
    assert line.isascii()
    assert parsed(line, "Subject") == clean.line(subject)


@given(SUBJECTS)
def test_any_display_name_reads_back_beside_its_address(name: str) -> None:
    line = headers.mailbox("From", name, "news@example.org")
    assert all(len(row) <= 78 for row in line.split(b"\r\n"))
    unfolded = line.decode("ascii").removeprefix("From: ").replace("\r\n ", " ").strip()
    found, address = parseaddr(unfolded)
    assert str(make_header(decode_header(found))) == clean.line(name)
    assert address == "news@example.org"


def test_a_long_word_is_encoded_rather_than_left_on_a_line_too_long() -> None:
    line = headers.text("Subject", "x" * 500)
    assert all(len(row) <= 78 for row in line.split(b"\r\n"))
    assert parsed(line, "Subject") == "x" * 500


@pytest.mark.parametrize("value", ["x\r\nBcc: y", "x\ny", "x\ry", "x\0y"])
def test_r_2_12_a_line_break_or_nul_is_refused_everywhere(value: str) -> None:
    for attempt in (
        lambda: headers.text("Subject", value),
        lambda: headers.mailbox("From", value, "a@example.org"),
        lambda: headers.mailbox("From", "A", value),
        lambda: headers.list_id_line(value, "a.example.org"),
        lambda: headers.list_id_line("A", value),
        lambda: headers.listed("List-Help", "https://example.org/" + value),
        lambda: headers.fixed("Feedback-ID", value),
        lambda: headers.message_id(value, "example.org"),
    ):
        with pytest.raises(BadHeader):
            attempt()


def test_r_2_1_an_address_outside_ascii_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadHeader, match="A-labels"):
        headers.mailbox("From", "Åsa", "asa@åäö.se")


def test_r_2_5_a_list_id_is_a_name_and_a_bare_identifier() -> None:
    identifier = headers.list_id("nytt", "nyhetsbrev.example.org")
    line = headers.list_id_line("Nytt från parken", identifier)
    assert re.search(rb"<nytt\.nyhetsbrev\.example\.org>\r\n$", line)
    assert b"=?utf-8?q?Nytt_fr=C3=A5n_parken?=" in line


@pytest.mark.parametrize("label", ["", "a b", "å", "a..b", "x" * 260])
def test_r_2_5_a_label_outside_the_syntax_is_refused(label: str) -> None:
    with pytest.raises(BadHeader):
        headers.list_id(label, "example.org")


def test_r_2_6_a_long_address_of_the_web_stays_raw_between_its_brackets() -> None:
    url = "https://example.org/" + "a" * 200
    line = headers.listed("List-Archive", url, "mailto:a@example.org")
    assert line == f"List-Archive: <{url}>,\r\n <mailto:a@example.org>\r\n".encode()


@pytest.mark.parametrize("uri", ["javascript:x", "https://a b", "https://a>b", "example.org", ""])
def test_r_2_6_anything_but_an_address_of_the_web_or_mail_is_refused(uri: str) -> None:
    with pytest.raises(BadHeader):
        headers.listed("List-Help", uri)


def test_r_1_20_a_feedback_id_has_four_fields_and_a_stable_sender() -> None:
    made = headers.feedback_id("i12", "nytt", "issue", "exempelparken")
    assert re.fullmatch(r"[\w-]*(:[\w-]*){2}:[\w-]{5,15}", made)


@pytest.mark.parametrize(
    "fields",
    [
        ("i12", "nytt", "issue", "kort"),
        ("i12", "nytt", "issue", "x" * 16),
        ("i:2", "nytt", "issue", "exempel"),
        ("i12", "i12", "issue", "exempel"),
        ("exempel", "nytt", "issue", "exempel"),
    ],
)
def test_r_1_20_a_feedback_id_gmail_would_ignore_is_refused(
    fields: tuple[str, str, str, str],
) -> None:
    with pytest.raises(BadHeader):
        headers.feedback_id(*fields)


def test_a_message_id_stands_in_angle_brackets() -> None:
    assert headers.message_id("abc", "news.example.org") == "<abc@news.example.org>"
    with pytest.raises(BadHeader):
        headers.checked_message_id("abc@example.org")


@pytest.mark.parametrize(
    "name",
    [
        "Fjällängens forskningspark för livsvetenskap",
        "Nytt från Fjällängen och alla dess forskare, företag och studenter",
        "Park (Sverige) AB – för alla i hela världen som vill läsa om nyheter",
        "Vintergren Life Science Park",
    ],
)
def test_a_display_name_reads_back_by_the_library_without_a_stray_space(name: str) -> None:
    line = headers.mailbox("From", name, "a@example.org")
    message = message_from_bytes(line + b"\r\n", policy=policy.default)
    assert message["From"].addresses[0].display_name == name
    assert all(len(row) <= 76 for row in line.split(b"\r\n"))
