"""Whatever the bytes are, nothing is raised and the cost is bounded."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter_service.bounces.classify import classify, classify_recipient
from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.parse import parse

HEAD = b"Return-Path: <>\nFrom: MAILER-DAEMON@x.test\nSubject: Undelivered mail\n"
SECONDS = 2.0

DSN = (
    HEAD + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    b"--b\n\nwords\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\n"
    b"Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1\n"
    b"Diagnostic-Code: smtp; 550 no such user\n--b--\n"
)


def nested(depth: int) -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
    )
    return HEAD + b"".join(levels)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(HEAD + b"\n" + b"a" * 10_000_000, id="ten megabytes of one line"),
        pytest.param(HEAD + b"\n" + b"a@" * 5_000_000, id="at signs"),
        pytest.param(HEAD + b"\n" + b"\n" * 3_000_000, id="empty lines"),
        pytest.param(HEAD + b"\nundeliverable\n" + b"<" * 3_000_000, id="angle brackets"),
        pytest.param(HEAD + b"\n" + b"a@b.test " * 300_000, id="addresses"),
        pytest.param(HEAD + b"\n" + b"<a@b.test>:\n" * 300_000, id="recipients"),
        pytest.param(HEAD + b"\n" + b"-" * 2_000_000, id="dashes"),
        pytest.param(HEAD + b"\n" + b"user mailbox account " * 100_000, id="words"),
        pytest.param(HEAD + b"Content-Type: text/html\n\n" + b"<style>" * 100_000, id="styles"),
        pytest.param(HEAD + b"Content-Type: text/html\n\n" + b"<br " * 500_000, id="tags"),
        pytest.param(nested(5000), id="deep nesting"),
        pytest.param(b"A: b\n" * 1_000_000, id="headers"),
        pytest.param(b"A: b\n" + b" x\n" * 2_000_000, id="folded header"),
        pytest.param(b"Content-Type: a" + b";a=b" * 300_000 + b"\n\n", id="parameters"),
        pytest.param(b"Subject: " + b"=?utf-8?q?a?= " * 300_000 + b"\n\nx", id="encoded words"),
        pytest.param(bytes(3_000_000), id="null bytes"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_hostile_messages_cost_bounded_time(raw: bytes) -> None:
    started = time.process_time()
    report = parse(raw)
    for recipient in report.recipients:
        classify_recipient(report, recipient)
    assert time.process_time() - started < SECONDS
    assert len(report.recipients) <= 200


def test_nesting_stops_at_its_cap() -> None:
    part, depth = mime.read(nested(100)), 0
    while part.parts:
        part, depth = part.parts[0], depth + 1
    assert depth == mime.MAX_DEPTH


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_read_without_an_error(raw: bytes) -> None:
    assert parse(raw).kind in ("bounce", "complaint", "auto-reply", "not-a-bounce")
    parse(HEAD + b"\n" + raw)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(DSN) - 1), st.integers(0, 40), st.binary(max_size=20))
def test_a_damaged_report_is_read_without_an_error(at: int, length: int, junk: bytes) -> None:
    report = parse(DSN[:at] + junk + DSN[at + length :])
    for recipient in report.recipients:
        classify_recipient(report, recipient)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=2000), st.sampled_from(["failed", "delayed"]))
def test_any_words_are_classified(status: str, text: str, action: str) -> None:
    assert classify(status, text, action).kind in ("hard", "soft")
