"""Replies are read and sorted as R 2.31 to 2.33 and 2.41 say."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.mail.smtp.replies import (
    MAX_REPLY_BYTES,
    GarbageReplyError,
    Outcome,
    Phase,
    Reply,
    ReplyReader,
    outcome,
)


def read(data: bytes) -> Reply | None:
    reader = ReplyReader()
    reader.feed(data)
    return reader.next()


def test_a_reply_has_code_enhanced_code_and_text() -> None:
    assert read(b"550 5.1.1 No such person\r\n") == Reply(
        550, ("5.1.1 No such person",), "5.1.1", "No such person"
    )


def test_r_2_31_a_reply_of_several_lines_is_one_reply() -> None:
    reply = read(b"250-2.1.5 first\r\n250-2.1.5 second\r\n250 2.1.5 third\r\n")
    assert reply is not None
    assert (reply.code, reply.enhanced, reply.text) == (250, "2.1.5", "first second third")


@pytest.mark.parametrize("data", [b"250\r\n", b"250 \r\n", b"250\n", b"250-\r\n250\r\n"])
def test_r_2_31_the_text_may_be_missing(data: bytes) -> None:
    reply = read(data)
    assert reply is not None
    assert (reply.code, reply.enhanced, reply.text, str(reply)) == (250, None, "", "250")


@pytest.mark.parametrize(
    ("line", "enhanced"),
    [
        (b"550 5.7.515 Access denied", "5.7.515"),
        (b"550 5.1.1", "5.1.1"),
        (b"550 4.1.1 the class differs", None),
        (b"250 5.1.1 the class differs", None),
        (b"550 5.1.1.1 is an address", None),
        (b"550 x 5.1.1 not at the start", None),
        (b"550 5.1234.1 too long", None),
        (b"354 3.0.0 no such class", None),
    ],
)
def test_r_2_31_an_enhanced_code_counts_if_its_class_is_the_first_digit(
    line: bytes, enhanced: str | None
) -> None:
    reply = read(line + b"\r\n")
    assert reply is not None
    assert reply.enhanced == enhanced


@pytest.mark.parametrize(
    "line", [b"", b"hello", b"25 ok", b"2500 ok", b"650 ok", b"\xff\xfe", b"250_ok", b" 250 ok"]
)
def test_what_is_no_reply_is_called_garbage(line: bytes) -> None:
    with pytest.raises(GarbageReplyError):
        read(line + b"\r\n")


def test_lines_with_two_codes_are_garbage() -> None:
    with pytest.raises(GarbageReplyError, match="both 250 and 550"):
        read(b"250-yes\r\n550 no\r\n")


@pytest.mark.parametrize("piece", [b"250-again\r\n", b"2" * 100])
def test_a_reply_without_end_is_given_up(piece: bytes) -> None:
    reader = ReplyReader()
    reader.feed(piece * (MAX_REPLY_BYTES // len(piece) + 1))
    with pytest.raises(GarbageReplyError, match="longer than"):
        reader.next()


def test_control_characters_and_wrong_utf8_do_not_reach_the_text() -> None:
    reply = read(b"550 a\x1b[31m\x00b \xe5 \xc3\xa5\r\n")
    assert reply is not None
    assert reply.text == "a[31mb � å"


@given(
    codes=st.lists(st.integers(200, 599), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 200)),
)
def test_replies_are_the_same_however_their_bytes_are_cut(
    codes: list[int], cuts: list[int]
) -> None:
    data = b"".join(f"{code}-one\r\n{code} two\r\n".encode() for code in codes)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader, seen = ReplyReader(), []
    for start, end in pairwise(edges):
        reader.feed(data[start:end])
        while (reply := reader.next()) is not None:
            seen.append(reply)
    assert [reply.code for reply in seen] == codes
    assert {reply.text for reply in seen} == {"one two"}
    assert not reader.pending


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_otherwise_than_as_garbage(data: bytes) -> None:
    reader = ReplyReader()
    reader.feed(data)
    try:
        while (reply := reader.next()) is not None:
            assert 100 <= reply.code <= 599
    except GarbageReplyError:
        pass


@pytest.mark.parametrize(
    ("line", "phase", "expected"),
    [
        ("250 2.1.5 Ok", Phase.RCPT, Outcome.ACCEPTED),
        ("252 2.0.0 Cannot verify", Phase.RCPT, Outcome.ACCEPTED),
        ("251 Forwarded", Phase.RCPT, Outcome.ACCEPTED),
        ("299", Phase.DOT, Outcome.ACCEPTED),
        ("354 Go on", Phase.DATA, Outcome.ACCEPTED),
        ("250 Ok", Phase.DATA, Outcome.TEMPORARY),
        ("354 Go on", Phase.MAIL, Outcome.TEMPORARY),
        ("450 4.2.1 Busy", Phase.RCPT, Outcome.TEMPORARY),
        ("459 unknown third digit", Phase.RCPT, Outcome.TEMPORARY),
        ("452 4.5.3 Too many", Phase.RCPT, Outcome.TEMPORARY),
        ("552 Too many recipients", Phase.RCPT, Outcome.TEMPORARY),
        ("552 5.3.4 Too big", Phase.MAIL, Outcome.PERMANENT),
        ("552 5.3.4 Too big", Phase.DOT, Outcome.PERMANENT),
        ("550 5.1.1 Nobody", Phase.RCPT, Outcome.PERMANENT),
        ("559 unknown third digit", Phase.DOT, Outcome.PERMANENT),
        ("421 4.3.2 Closing", Phase.BANNER, Outcome.RELAY_BUSY),
        ("421 4.3.2 Closing", Phase.RCPT, Outcome.RELAY_BUSY),
        ("421", Phase.DOT, Outcome.RELAY_BUSY),
        ("530 5.7.0 Log in", Phase.MAIL, Outcome.RELAY_AUTH),
        ("534 5.7.9 Too weak", Phase.AUTH, Outcome.RELAY_AUTH),
        ("535 5.7.8 Not you", Phase.AUTH, Outcome.RELAY_AUTH),
        ("550 5.7.8 Not you", Phase.RCPT, Outcome.RELAY_AUTH),
        ("500 What", Phase.AUTH, Outcome.RELAY_AUTH),
        ("454 4.7.0 Later", Phase.AUTH, Outcome.TEMPORARY),
    ],
)
def test_a_reply_falls_in_one_class_by_its_phase(
    line: str, phase: Phase, expected: Outcome
) -> None:
    reply = read(line.encode() + b"\r\n")
    assert reply is not None
    assert outcome(reply, phase) is expected


TAKEN = b"250 2.1.0 Ok\r\n250 2.1.5 Bo is here\r\n354 Go on\r\n"


def test_three_replies_that_take_an_envelope_are_read_at_once() -> None:
    for _ in range(2):
        reader = ReplyReader()
        reader.feed(TAKEN)
        assert reader.envelope_taken()
        assert not reader.pending


@pytest.mark.parametrize(
    "said",
    [
        b"",
        TAKEN[:-1],
        TAKEN + b"421 4.3.2 Closing\r\n",
        TAKEN.replace(b"250 2.1.0", b"451 4.3.0"),
        TAKEN.replace(b"250 2.1.5", b"550 5.1.1"),
        TAKEN.replace(b"354 ", b"250 "),
        TAKEN.replace(b"250 2.1.0 ", b"250-2.1.0 "),
        b"What?\r\n" + TAKEN,
    ],
)
def test_whatever_else_was_said_is_left_to_be_read_one_by_one(said: bytes) -> None:
    reader, other = ReplyReader(), ReplyReader()
    for one in (reader, other):
        one.feed(said)
    assert not reader.envelope_taken()
    assert read_all(reader) == read_all(other)


def read_all(reader: ReplyReader) -> list[Reply | str]:
    found: list[Reply | str] = []
    try:
        while (reply := reader.next()) is not None:
            found.append(reply)
    except GarbageReplyError as error:
        found.append(str(error))
    return found
