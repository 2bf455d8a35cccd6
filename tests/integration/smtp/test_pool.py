"""Sessions are kept for the next message, and only the sound ones (R 2.36)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from newsletter_service.mail.smtp.envelope import Envelope
from newsletter_service.mail.smtp.errors import RelayUnavailable
from newsletter_service.mail.smtp.pool import Limits, Pool
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.mail.smtp.timeouts import Timeouts
from tests.smtp_sink import Behaviour, Rule, Sink

DATA = b"Subject: hej\r\n\r\nHej\r\n"


def using(
    sink: Sink,
    use: Callable[[Pool], Coroutine[Any, Any, None]],
    size: int = 1,
    limits: Limits | None = None,
) -> None:
    async def run() -> None:
        relay = RelayUrl.parse(sink.url)
        timeouts = Timeouts(noop=0.3, quit=0.3)
        async with Pool(
            relay, size, ehlo_name="news.test", limits=limits, timeouts=timeouts
        ) as pool:
            await use(pool)

    asyncio.run(run())


async def send(pool: Pool, to: str = "anna@example.org") -> None:
    async with pool.connection() as connection:
        answer = await connection.envelope(Envelope("b@bounce.test", to, len(DATA)))
        if answer.accepted:
            assert (await connection.body(DATA)).ok


async def send_many(pool: Pool, count: int) -> None:
    await asyncio.gather(*(send(pool, f"r{n}@example.org") for n in range(count)))


def test_r_2_36_at_most_n_messages_go_over_a_connection_which_ends_with_quit() -> None:
    with Sink() as sink:
        using(sink, lambda pool: send_many(pool, 25), limits=Limits(messages_per_connection=10))
        assert [session.messages for session in sink.sessions] == [10, 10, 5]
        assert all(session.quit for session in sink.sessions)
        assert not sink.faults


def test_a_pool_opens_no_more_than_its_size_and_loses_nothing() -> None:
    with Sink() as sink:
        using(sink, lambda pool: send_many(pool, 60), size=4)
        assert len(sink.sessions) == 4
        assert Counter(m.rcpt_to[0] for m in sink.messages) == Counter(
            f"r{n}@example.org" for n in range(60)
        )


def test_a_refused_recipient_does_not_cost_the_session() -> None:
    async def use(pool: Pool) -> None:
        await send(pool, "nobody@example.org")
        await send(pool)

    with Sink(Behaviour(rules=[Rule("rcpt", nth=1, reply="550 5.1.1 Nobody")])) as sink:
        using(sink, use)
        assert len(sink.sessions) == 1
        assert len(sink.messages) == 1
        assert "RSET" in sink.sessions[0].commands


def test_a_session_that_the_relay_closed_is_not_used_again() -> None:
    async def use(pool: Pool) -> None:
        await send(pool)
        await asyncio.sleep(0.1)
        await send(pool)

    with Sink(Behaviour(rules=[Rule("dot", nth=1, reply="250 Ok", close=True)])) as sink:
        using(sink, use)
        assert [session.messages for session in sink.sessions] == [1, 1]


@pytest.mark.parametrize(
    ("rules", "sessions"),
    [([], 1), ([Rule("noop", close=True)], 2), ([Rule("noop", reply="500 What")], 2)],
)
def test_a_session_that_rested_is_asked_whether_it_lives(rules: list[Rule], sessions: int) -> None:
    async def use(pool: Pool) -> None:
        await send(pool)
        await asyncio.sleep(0.05)
        await send(pool)

    with Sink(Behaviour(rules=rules)) as sink:
        using(sink, use, limits=Limits(noop_after=0.01))
        assert "NOOP" in sink.sessions[0].commands
        assert len(sink.sessions) == sessions
        assert len(sink.messages) == 2


@pytest.mark.parametrize("limits", [Limits(idle=0.01), Limits(age=0.01)])
def test_an_old_session_is_left_politely(limits: Limits) -> None:
    async def use(pool: Pool) -> None:
        await send(pool)
        await asyncio.sleep(0.05)
        await send(pool)

    with Sink() as sink:
        using(sink, use, limits=limits)
        assert [session.quit for session in sink.sessions] == [True, True]


def test_a_session_given_back_in_the_middle_of_something_is_closed() -> None:
    async def use(pool: Pool) -> None:
        task = asyncio.create_task(send(pool))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await send(pool)

    with Sink(Behaviour(rules=[Rule("dot", nth=1, delay=0.3, store=False, close=True)])) as sink:
        using(sink, use)
        assert len(sink.sessions) == 2
        assert not sink.sessions[0].quit
        assert len(sink.messages) == 1


def test_a_relay_that_does_not_open_is_raised_and_the_place_is_free_again() -> None:
    async def use(pool: Pool) -> None:
        for _ in range(3):
            with pytest.raises(RelayUnavailable):
                await send(pool)
        await send(pool)

    with Sink(Behaviour(rules=[Rule("connect", times=3, reply="421 4.3.2 Busy")])) as sink:
        using(sink, use)
        assert len(sink.messages) == 1


def test_a_pool_without_any_connection_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Pool(RelayUrl.parse("smtp://127.0.0.1?tls=none"), 0, ehlo_name="news.test")
