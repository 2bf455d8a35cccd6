"""The envelope of the next message right behind the last one: what leaves, and what never does."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from newsletter_service.mail.smtp.connection import Connection
from newsletter_service.mail.smtp.envelope import Envelope, EnvelopeReply
from newsletter_service.mail.smtp.errors import NotSent, RelayUnavailable
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.mail.smtp.replies import Phase
from newsletter_service.mail.smtp.timeouts import Timeouts
from tests.smtp_sink import Behaviour, Rule, Sink

SENDER = "b+1@bounce.test"
FIRST = b"Subject: hej\r\nMessage-ID: <1@news.test>\r\n\r\nHej\r\n"
SECOND = FIRST.replace(b"<1@", b"<2@")


def after_the_first(sink: Sink, use: Callable[[Connection], Coroutine[Any, Any, Any]]) -> Any:
    """Send one message with the next one's envelope behind it, then do something."""

    async def run() -> Any:
        url = RelayUrl.parse(sink.url)
        connection = await Connection.open(url, Timeouts(dot=5, mail=5, rcpt=5, data=5), "n.test")
        try:
            await connection.envelope(Envelope(SENDER, "anna@example.org", len(FIRST)))
            ahead = connection.ahead(Envelope(SENDER, "bo@example.org", len(SECOND)))
            assert (await connection.body(FIRST, ahead, sound=True)).ok
            assert connection.follows
            assert not connection.usable
            return await use(connection)
        finally:
            await connection.quit()

    return asyncio.run(run())


def ids(sink: Sink) -> list[str]:
    return [message.message_id for message in sink.messages]


def test_r_2_35_the_second_message_needs_no_further_word() -> None:
    async def use(connection: Connection) -> None:
        assert (await connection.followed()).accepted
        assert (await connection.body(SECOND, sound=True)).ok
        assert connection.usable

    with Sink() as sink:
        after_the_first(sink, use)
        assert ids(sink) == ["<1@news.test>", "<2@news.test>"]
        assert not sink.faults


def test_r_2_35_what_the_relay_has_said_is_read_without_waiting() -> None:
    async def use(connection: Connection) -> None:
        async with asyncio.timeout(30):
            while not connection.taken_ahead():
                await asyncio.sleep(0.01)
        assert (await connection.body(SECOND, sound=True)).ok
        assert connection.usable

    with Sink() as sink:
        after_the_first(sink, use)
        assert ids(sink) == ["<1@news.test>", "<2@news.test>"]
        assert not sink.faults


def test_a_gate_that_refuses_after_354_closes_and_nothing_arrives() -> None:
    async def use(connection: Connection) -> None:
        assert (await connection.followed()).accepted
        await connection.abandon()

    with Sink() as sink:
        after_the_first(sink, use)
        assert ids(sink) == ["<1@news.test>"]


@pytest.mark.parametrize(
    ("rules", "phase", "code"),
    [
        ([Rule("mail", nth=2, reply="451 4.3.0 Later")], Phase.MAIL, 451),
        ([Rule("rcpt", nth=2, reply="550 5.1.1 Nobody")], Phase.RCPT, 550),
        ([Rule("data", nth=2, reply="452 4.3.1 Full")], Phase.DATA, 452),
    ],
)
def test_a_refused_envelope_is_no_message(rules: list[Rule], phase: Phase, code: int) -> None:
    async def use(connection: Connection) -> EnvelopeReply:
        return await connection.followed()

    with Sink(Behaviour(rules=rules)) as sink:
        answer = after_the_first(sink, use)
        assert ids(sink) == ["<1@news.test>"]
    assert (answer.accepted, answer.phase, answer.reply.code) == (False, phase, code)


def test_r_2_35_a_354_without_a_reader_ends_the_session() -> None:
    async def use(connection: Connection) -> bool:
        assert not (await connection.followed()).accepted
        return connection.usable

    rules = [
        Rule("rcpt", nth=2, reply="550 5.1.1 Nobody"),
        Rule("data", nth=2, reply="354 Go on all the same"),
    ]
    with Sink(Behaviour(rules=rules)) as sink:
        assert not after_the_first(sink, use)
        assert ids(sink) == ["<1@news.test>"]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (Rule("mail", nth=2, close=True), NotSent),
        (Rule("mail", nth=2, reply="421 4.3.2 Closing", close=True), RelayUnavailable),
        (Rule("mail", nth=2, raw="hello\r\n"), NotSent),
    ],
)
def test_what_breaks_behind_a_taken_message_leaves_no_doubt(
    rule: Rule, kind: type[Exception]
) -> None:
    async def use(connection: Connection) -> None:
        with pytest.raises(kind):
            await connection.followed()

    with Sink(Behaviour(rules=[rule])) as sink:
        after_the_first(sink, use)
        assert ids(sink) == ["<1@news.test>"]


def test_a_relay_that_does_not_pipeline_gets_one_word_at_a_time() -> None:
    async def run(sink: Sink) -> bool:
        connection = await Connection.open(RelayUrl.parse(sink.url), Timeouts(), "n.test")
        ahead = connection.ahead(Envelope(SENDER, "bo@example.org", 10))
        await connection.quit()
        return ahead is None

    with Sink(Behaviour(pipelining=False)) as sink:
        assert asyncio.run(run(sink))
