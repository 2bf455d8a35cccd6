"""A session is opened with verified TLS or not at all (R 2.27, 2.28, 2.41)."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from newsletter_service.mail.smtp.connection import Connection
from newsletter_service.mail.smtp.errors import NotSent, RelayRefusesUs, RelayUnavailable
from newsletter_service.mail.smtp.relay_url import RelayUrl, Tls
from newsletter_service.mail.smtp.replies import Phase
from newsletter_service.mail.smtp.timeouts import Timeouts
from tests.smtp_sink import Behaviour, Rule, Sink

USERS = {"anna": "hemligt"}
QUICK = Timeouts(connect=2, tls=2, banner=0.5, ehlo=0.5, auth=0.5, mail=0.5, rcpt=0.5)


def opened(relay: RelayUrl, timeouts: Timeouts = QUICK) -> Connection:
    """Open a session, leave it, and return it for what it has learnt."""

    async def run() -> Connection:
        connection = await Connection.open(relay, timeouts, "news.test")
        await connection.quit()
        return connection

    return asyncio.run(run())


def trusting(sink: Sink) -> RelayUrl:
    return RelayUrl.parse(sink.url)


def distrusting(sink: Sink) -> RelayUrl:
    return replace(trusting(sink), ca_file=None)


@pytest.fixture(params=["starttls", "implicit"])
def safe_sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with Sink(Behaviour(tls=request.param, users=USERS)) as sink:
        yield sink


def test_a_session_is_protected_and_logged_in(safe_sink: Sink) -> None:
    connection = opened(trusting(safe_sink))
    [session] = safe_sink.sessions
    assert session.tls
    assert session.auth_bytes
    assert session.quit
    assert connection.capabilities.smtputf8
    assert not safe_sink.faults


def test_r_2_27_a_self_signed_certificate_is_refused_before_any_password(safe_sink: Sink) -> None:
    with pytest.raises(RelayUnavailable, match="certificate") as caught:
        opened(distrusting(safe_sink))
    assert caught.value.phase is Phase.TLS
    assert all(session.auth_bytes == b"" for session in safe_sink.sessions)
    assert all("MAIL" not in command for s in safe_sink.sessions for command in s.commands)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_r_2_27_a_certificate_for_another_host_is_refused(tls: str) -> None:
    with (
        Sink(Behaviour(tls=tls, users=USERS, hosts=["other.example.org"])) as sink,
        pytest.raises(RelayUnavailable, match="not valid") as caught,
    ):
        opened(trusting(sink))
    assert caught.value.phase is Phase.TLS
    assert all(session.auth_bytes == b"" for session in sink.sessions)


def test_r_2_27_a_certificate_with_the_ip_address_is_accepted(safe_sink: Sink) -> None:
    opened(replace(trusting(safe_sink), host="127.0.0.1"))
    assert safe_sink.sessions[-1].tls


def test_a_ca_file_that_is_missing_is_named(safe_sink: Sink) -> None:
    with pytest.raises(RelayUnavailable, match=r"/nowhere/ca\.pem"):
        opened(replace(trusting(safe_sink), ca_file="/nowhere/ca.pem"))


def test_r_2_28_without_starttls_nothing_is_sent() -> None:
    with Sink(Behaviour(users=USERS, auth_before_tls=True)) as sink:
        relay = RelayUrl("127.0.0.1", sink.port, Tls.STARTTLS, "anna", "hemligt")
        with pytest.raises(RelayUnavailable, match="does not offer STARTTLS"):
            opened(relay)
        [session] = sink.sessions
        assert session.auth_bytes == b""
        assert session.commands == ["EHLO news.test"]


def test_r_2_28_a_refused_starttls_is_no_leave_to_go_on() -> None:
    rules = [Rule("starttls", reply="454 4.7.0 TLS is out of order")]
    with Sink(Behaviour(tls="starttls", users=USERS, auth_before_tls=True, rules=rules)) as sink:
        with pytest.raises(RelayUnavailable, match="out of order"):
            opened(trusting(sink))
        assert sink.sessions[0].auth_bytes == b""


def test_r_2_28_what_is_said_before_tls_is_not_heard_after_it() -> None:
    rules = [Rule("starttls", inject="250-evil.test\r\n250 AUTH PLAIN\r\n")]
    with Sink(Behaviour(tls="starttls", users=USERS, rules=rules)) as sink:
        with pytest.raises(RelayUnavailable, match="before TLS"):
            opened(trusting(sink))
        assert sink.sessions[0].auth_bytes == b""


def test_r_2_28_what_ehlo_offers_before_tls_is_forgotten() -> None:
    rules = [Rule("ehlo", nth=1, reply="250-sink.test\r\n250-STARTTLS\r\n250 X-BEFORE SIZE")]
    with Sink(Behaviour(tls="starttls", size=1234, rules=rules)) as sink:
        connection = opened(trusting(sink))
        ehlos = [c for c in sink.sessions[0].commands if c.startswith("EHLO")]
    assert connection.capabilities.size_limit == 1234
    assert len(ehlos) == 2


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_both_ways_to_log_in_work(mechanism: str) -> None:
    with Sink(Behaviour(tls="implicit", users=USERS, auth=[mechanism])) as sink:
        opened(trusting(sink))
        assert mechanism.encode() in sink.sessions[0].auth_bytes


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_r_2_41_a_wrong_password_is_a_refusal_of_us(mechanism: str) -> None:
    with (
        Sink(Behaviour(tls="implicit", users=USERS, auth=[mechanism])) as sink,
        pytest.raises(RelayRefusesUs) as caught,
    ):
        opened(replace(trusting(sink), password="fel-losen"))
    assert (caught.value.phase, caught.value.code) == (Phase.AUTH, 535)
    assert "fel-losen" not in str(caught.value)


def test_a_log_in_that_fails_for_now_is_the_relay_being_unavailable() -> None:
    rules = [Rule("auth", reply="454 4.7.0 Later")]
    with (
        Sink(Behaviour(tls="implicit", users=USERS, rules=rules)) as sink,
        pytest.raises(RelayUnavailable),
    ):
        opened(trusting(sink))


def test_a_relay_with_no_way_to_log_in_refuses_us() -> None:
    with (
        Sink(Behaviour(tls="implicit", users=USERS, auth=["CRAM-MD5"])) as sink,
        pytest.raises(RelayRefusesUs, match="neither AUTH PLAIN nor AUTH LOGIN"),
    ):
        opened(trusting(sink))


@pytest.mark.parametrize(
    ("rule", "phase"),
    [
        (Rule("connect", reply="421 4.3.2 Closing"), Phase.BANNER),
        (Rule("connect", reply="554 5.7.1 Not for you"), Phase.BANNER),
        (Rule("connect", raw="Hello\r\n"), Phase.BANNER),
        (Rule("connect", raw="220 half a li", close=True), Phase.BANNER),
        (Rule("connect", close=True), Phase.BANNER),
        (Rule("connect", delay=5), Phase.BANNER),
        (Rule("ehlo", reply="421 4.3.2 Closing"), Phase.EHLO),
        (Rule("ehlo", reply="502 5.5.1 No"), Phase.EHLO),
        (Rule("ehlo", raw="250-never\r\n250-ending\r\n"), Phase.EHLO),
        (Rule("ehlo", close=True), Phase.EHLO),
        (Rule("ehlo", delay=5), Phase.EHLO),
    ],
)
def test_r_2_32_a_relay_that_does_not_open_is_unavailable(rule: Rule, phase: Phase) -> None:
    with Sink(Behaviour(rules=[rule])) as sink:
        with pytest.raises(RelayUnavailable) as caught:
            opened(trusting(sink))
        assert caught.value.phase is phase
        assert caught.value.code == (int(rule.reply[:3]) if rule.reply else None)
        assert sink.wait_until(
            lambda s: all(session.closed for session in s.sessions) or rule.delay
        )


def test_nobody_listening_is_a_relay_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotSent) as caught:
        opened(RelayUrl("127.0.0.1", port, Tls.NONE))
    assert isinstance(caught.value, RelayUnavailable)
    assert caught.value.phase is Phase.CONNECT


def test_a_server_that_never_speaks_tls_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay = RelayUrl("127.0.0.1", server.getsockname()[1], Tls.IMPLICIT)
        with pytest.raises(RelayUnavailable, match=r"0\.3 seconds"):
            opened(relay, replace(QUICK, connect=0.3))


def test_a_plain_password_is_never_sent_even_by_a_url_made_by_hand() -> None:
    with Sink(Behaviour(users=USERS, auth_before_tls=True)) as sink:
        port = urlsplit(sink.url).port or 0
        with pytest.raises(RelayRefusesUs, match="without TLS"):
            opened(RelayUrl("127.0.0.1", port, Tls.NONE, "anna", "hemligt"))
        assert sink.sessions[0].auth_bytes == b""
