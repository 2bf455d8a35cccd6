"""What MAIL and RCPT look like, and what a message looks like on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.mail.smtp.capabilities import Capabilities
from newsletter_service.mail.smtp.dsn import DsnParams, utf8_address, xtext
from newsletter_service.mail.smtp.envelope import Envelope, is_sound, stuffed
from newsletter_service.mail.smtp.errors import MalformedAddress, NeedsSmtpUtf8
from newsletter_service.mail.smtp.replies import Reply
from newsletter_service.mail.smtp.timeouts import Timeouts

EVERYTHING = Capabilities(eightbitmime=True, smtputf8=True, dsn=True, size=True)


def test_r_2_34_the_size_is_declared_where_it_is_offered() -> None:
    envelope = Envelope("b+1@bounce.test", "anna@example.org", 4711)
    assert envelope.commands(EVERYTHING) == (
        b"MAIL FROM:<b+1@bounce.test> SIZE=4711\r\n",
        b"RCPT TO:<anna@example.org>\r\n",
    )
    assert envelope.commands(Capabilities())[0] == b"MAIL FROM:<b+1@bounce.test>\r\n"


def test_r_2_20_an_ascii_envelope_asks_for_no_smtputf8() -> None:
    mail, _ = Envelope("b@x.test", "asa@xn--4cab6c.example", 1).commands(EVERYTHING)
    assert b"SMTPUTF8" not in mail


def test_r_2_22_an_international_address_asks_for_smtputf8_and_8bitmime() -> None:
    mail, rcpt = Envelope("b@x.test", "åsa@example.org", 1).commands(EVERYTHING)
    assert mail == b"MAIL FROM:<b@x.test> SIZE=1 SMTPUTF8 BODY=8BITMIME\r\n"
    assert rcpt == "RCPT TO:<åsa@example.org>\r\n".encode()


def test_r_2_22_an_international_address_is_not_sent_to_a_relay_without_smtputf8() -> None:
    with pytest.raises(NeedsSmtpUtf8):
        Envelope("b@x.test", "åsa@example.org", 1).commands(Capabilities(dsn=True))


def test_a_null_sender_is_allowed() -> None:
    assert Envelope("", "anna@example.org", 1).commands(Capabilities())[0] == b"MAIL FROM:<>\r\n"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a@b.test\r\nDATA",
        "a@b.test\n",
        "a b@c.test",
        "a@b.test> SIZE=1",
        "<a@b.test",
        "a\0@b.test",
        "a@" + "b" * 300,
        "\ud800@b.test",
    ],
)
def test_r_2_12_an_address_that_could_break_out_of_its_command_is_refused(address: str) -> None:
    with pytest.raises(MalformedAddress) as caught:
        Envelope("b@x.test", address, 1).commands(EVERYTHING)
    assert "b.test" not in str(caught.value)


def test_r_2_26_reports_are_asked_for_where_dsn_is_offered() -> None:
    envelope = Envelope("b@x.test", "a+b=c@x.se", 9, dsn=DsnParams(), envid="7 +")
    mail, rcpt = envelope.commands(EVERYTHING)
    assert mail == b"MAIL FROM:<b@x.test> SIZE=9 RET=HDRS ENVID=7+20+2B\r\n"
    assert rcpt == (b"RCPT TO:<a+b=c@x.se> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@x.se\r\n")


def test_r_2_26_nothing_is_asked_where_dsn_is_not_offered() -> None:
    envelope = Envelope("b@x.test", "a@x.test", 9, dsn=DsnParams(), envid="7")
    mail, rcpt = envelope.commands(Capabilities())
    assert b"ENVID" not in mail
    assert rcpt == b"RCPT TO:<a@x.test>\r\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"notify": ()},
        {"notify": ("NEVER", "FAILURE")},
        {"notify": ("SOMETIMES",)},
        {"notify": ("FAILURE", "FAILURE")},
        {"ret": "BODY"},
    ],
)
def test_r_2_26_parameters_against_the_rules_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        DsnParams(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("envid", ["x" * 101, "+" * 34, "", "å"])
def test_r_2_26_an_envid_against_the_rules_is_refused(envid: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Envelope("b@x.test", "a@x.test", 9, dsn=DsnParams(), envid=envid).commands(EVERYTHING)


def test_r_2_26_an_orcpt_that_would_be_too_long_is_left_out() -> None:
    assert DsnParams().rcpt_arguments("+" * 200, smtputf8=False) == " NOTIFY=FAILURE,DELAY"


@pytest.mark.parametrize(
    ("smtputf8", "expected"), [(True, "å\\x{2B}b@ö.test"), (False, "\\x{E5}\\x{2B}b@\\x{F6}.test")]
)
def test_r_2_26_an_international_address_is_written_as_type_utf_8(
    smtputf8: bool, expected: str
) -> None:
    assert utf8_address("å+b@ö.test", smtputf8=smtputf8) == expected
    asked = DsnParams().rcpt_arguments("å+b@ö.test", smtputf8=smtputf8)
    assert asked.endswith(" ORCPT=utf-8;" + expected)


@given(st.text(st.characters(max_codepoint=127)))
def test_xtext_is_safe_and_can_be_undone(value: str) -> None:
    encoded = xtext(value)
    assert all("!" <= c <= "~" and c != "=" for c in encoded)
    head, *rest = encoded.split("+")
    assert head + "".join(chr(int(part[:2], 16)) + part[2:] for part in rest) == value


def unstuffed(wire: bytes) -> bytes:
    """Read a message as a server does, line by line (RFC 5321 section 4.5.2)."""
    lines = []
    for line in wire.split(b"\r\n"):
        if line == b".":
            return b"".join(lines)
        lines.append(line.removeprefix(b".") + b"\r\n")
    raise AssertionError("no final dot")


@given(st.lists(st.text("a. \t", max_size=5).map(str.encode), max_size=20))
def test_r_2_17_a_server_reads_the_message_that_was_meant(lines: list[bytes]) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    wire = stuffed(data)
    assert unstuffed(wire) == data
    assert wire.count(b"\r\n.\r\n") + wire.startswith(b".\r\n") == 1


def test_r_2_17_a_message_without_last_line_end_is_given_one() -> None:
    assert stuffed(b"a\r\n.b") == b"a\r\n..b\r\n.\r\n"


@pytest.mark.parametrize("data", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n\r\n", b"a\n\r", b"\r\r\n"])
def test_r_2_16_a_bare_cr_or_lf_is_never_sent(data: bytes) -> None:
    with pytest.raises(ValueError, match="does not stand in a CRLF"):
        stuffed(data)


def test_capabilities_are_read_from_the_reply_to_ehlo() -> None:
    lines = (
        "PIPELINING is not a greeting",
        "size 1000",
        "8bitmime",
        "AUTH PLAIN",
        "AUTH=LOGIN",
        "",
        "X-NEW",
    )
    offered = Capabilities.parse(Reply.of(250, lines))
    assert offered == Capabilities(
        eightbitmime=True, size=True, size_limit=1000, auth=frozenset({"PLAIN", "LOGIN"})
    )


@pytest.mark.parametrize("value", ["", " 0", " many", " ٣", " " + "9" * 30])
def test_a_size_that_tells_no_limit_is_none(value: str) -> None:
    offered = Capabilities.parse(Reply.of(250, ("relay.test", f"SIZE{value}")))
    assert offered.size
    assert offered.size_limit is None


def test_r_2_30_the_timeouts_are_those_of_the_standard() -> None:
    timeouts = Timeouts()
    assert (timeouts.banner, timeouts.mail, timeouts.rcpt) == (300, 300, 300)
    assert (timeouts.data, timeouts.block, timeouts.dot) == (120, 180, 600)


def test_a_timeout_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="dot"):
        Timeouts(dot=0)


@pytest.mark.parametrize(
    ("data", "sound"),
    [
        (b"a\r\nb\r\n", True),
        (b"a\r\n.b\r\n", False),
        (b".a\r\n", False),
        (b"a\nb\r\n", False),
        (b"a", False),
    ],
)
def test_r_2_16_only_whole_lines_without_leading_dots_go_as_they_are(
    data: bytes, sound: bool
) -> None:
    assert is_sound(data) is sound
