"""What a sending process keeps between jobs: one event loop, its connections, its database thread.

All that a turn writes about its messages is written in one thread, one transaction at a time,
so that the loop never waits for the disk and gates of ready connections gather into the next
transaction by themselves. Another thread reads, and claims a batch while the one before is sent.
"""

import asyncio
import os
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from itertools import count
from pkgutil import resolve_name
from typing import Any, TypeVar

import uvloop
from flask import Flask
from sqlalchemy import Engine

from newsletter_service import settings as settings_module
from newsletter_service.delivery import shares
from newsletter_service.delivery.breaker import Breaker
from newsletter_service.delivery.flow import Flow
from newsletter_service.delivery.ledger_thread import LedgerThread
from newsletter_service.delivery.passage import Passage
from newsletter_service.extensions import db
from newsletter_service.mail.dkim_keys import DkimKeys
from newsletter_service.mail.smtp.connection import Connection
from newsletter_service.mail.smtp.pool import Limits, Pool
from newsletter_service.mail.smtp.timeouts import Timeouts
from newsletter_service.models import ledger
from newsletter_service.relays import Route
from newsletter_service.settings import Settings
from newsletter_service.tokens import LinkKeys

T = TypeVar("T")
STOPPING = "newsletter-stopping"
PASSAGES = {
    "sqlite": "newsletter_service.delivery.passage_sqlite:SqlitePassage",
    "postgresql": "newsletter_service.delivery.passage_postgresql:PostgresqlPassage",
}
LOOK_S = 0.1
SWITCH_S = 0.0005
STOP_GRACE_S = 4.0
GOODBYE_S = 2.0


class Stopped(Exception):
    """The process stops and no session was open in time: nothing was sent, give it back."""


class SendingEngine:
    """One per process. `owner` names it in leases; a new process is a new owner."""

    def __init__(self, app: Flask) -> None:
        self.settings: Settings = app.extensions[settings_module.KEY]
        with app.app_context():
            self.database: Engine = db.engine
        self.owner = f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"
        self.keys = LinkKeys(self.settings.link_keys)
        self.dkim = DkimKeys(self.settings.dkim_dir)
        self.stopping: threading.Event = app.extensions.setdefault(STOPPING, threading.Event())
        # The loop must not wait for its turn while another thread reads a thousand rows.
        sys.setswitchinterval(SWITCH_S)
        self._loop = uvloop.new_event_loop()
        self._thread = LedgerThread(self._loop, "ledger")
        self._aside = LedgerThread(self._loop, "aside")
        self.passage = self._passage()
        self.breaker = Breaker()
        self.flow = Flow(self.settings.smtp_connections)
        self._pools: dict[int, Pool] = {}
        self._numbers = count(1)
        self._opening: set[asyncio.Timeout] = set()
        self._lent: set[Connection] = set()

    def _passage(self) -> Passage:
        """By name: a driver takes 9 MB, and only one of them is used."""
        passage = resolve_name(PASSAGES[self.database.dialect.name])
        made: Passage = passage(self.database, self.alone)
        return made

    @property
    def lease_ms(self) -> int:
        """How long a claim stays with a silent worker."""
        return self.settings.lease_seconds * 1000

    def next_owner(self) -> str:
        """A name for one claim: what is forgotten is not kept alive by what comes after it."""
        return f"{self.owner}.{next(self._numbers)}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end on this process's loop; hangs up on slow relays when told to stop."""
        return self._loop.run_until_complete(self._watched(work))

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the process is told to stop."""
        ends = self._loop.time() + seconds
        while not self.stopping.is_set() and (left := ends - self._loop.time()) > 0:
            await asyncio.sleep(min(left, LOOK_S))

    async def sql(self, act: Callable[..., T], *args: object) -> T:
        """Run `act(connection, *args)` in one writing transaction, in the database thread."""
        return await self._thread.run(self._in_transaction, act, args)

    async def sql_aside(self, act: Callable[..., T], *args: object) -> T:
        """The same, while gates go on."""
        return await self._aside.run(self._in_transaction, act, args)

    def _in_transaction(self, act: Callable[..., T], args: tuple[object, ...]) -> T:
        with ledger(self.database) as connection:
            return act(connection, *args)

    async def alone(self, act: Callable[..., T], *args: object) -> T:
        """Run `act(*args)`, which sees to its own transactions, in the database thread."""
        return await self._thread.run(act, *args)

    async def read(self, act: Callable[..., T], *args: object) -> T:
        """Run `act(connection, *args)`, which only reads, while gates go on."""
        return await self._aside.run(self._reading, act, args)

    def _reading(self, act: Callable[..., T], args: tuple[object, ...]) -> T:
        with self.database.connect() as connection:
            return act(connection, *args)

    @asynccontextmanager
    async def connection(self, route: Route, size: int) -> AsyncIterator[Connection]:
        """Lend a session of the relay's pool. Raises `Stopped` besides what the pool raises."""
        async with AsyncExitStack() as stack:
            lending = self.pool(route, size).connection()
            limit = asyncio.timeout(None)
            try:
                async with limit:
                    self._opening.add(limit)
                    lent = await stack.enter_async_context(lending)
            except TimeoutError as error:
                raise Stopped from error
            finally:
                self._opening.discard(limit)
            self._lent.add(lent)
            stack.callback(self._lent.discard, lent)
            yield lent

    async def _watched(self, work: Coroutine[Any, Any, T]) -> T:
        watch = asyncio.ensure_future(self._hang_up_when_stopped())
        try:
            return await work
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _hang_up_when_stopped(self) -> None:
        """A silent relay must not hold up the end of the process: cut what still talks."""
        while not self.stopping.is_set():
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(STOP_GRACE_S)
        while True:
            while self._opening:
                self._opening.pop().reschedule(self._loop.time())
            for connection in list(self._lent):
                await connection.abandon()
            await asyncio.sleep(LOOK_S)

    def pool(self, route: Route, size: int) -> Pool:
        """The connections to a relay."""
        if route.id not in self._pools:
            self._pools[route.id] = Pool(
                route.url,
                size,
                ehlo_name=self.settings.ehlo_name,
                limits=Limits(self.settings.smtp_messages_per_connection),
                timeouts=_timeouts(self.settings.smtp_timeout),
            )
        return self._pools[route.id]

    async def narrow(self) -> None:
        """Hang up resting sessions of relays that this worker may use less of by now."""
        for route_id, pool in self._pools.items():
            seats = self.flow.seats(route_id)
            await pool.keep_at_most(self.settings.smtp_connections if seats is None else seats)

    def in_use(self) -> dict[str, int]:
        """How many connections this worker has of every limit."""
        used = self.flow.in_use()
        for route_id, pool in self._pools.items():
            name = f"relay:{route_id}"
            used[name] = max(used.get(name, 0), pool.open_sessions)
        return used

    async def leave_limits(self, owner: str) -> None:
        """Nothing is left to send: what others may use in our place is theirs."""
        if self.flow.limited:
            await asyncio.gather(*(pool.hang_up() for pool in self._pools.values()))
            await self.sql(shares.let_go, owner)

    def close(self) -> None:
        """Take leave of the relays; after the last job."""
        self._loop.run_until_complete(self._close_pools())
        self._pools.clear()
        self.passage.close()
        self._thread.close()
        self._aside.close()
        self._loop.close()

    async def _close_pools(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await asyncio.gather(*(pool.close() for pool in self._pools.values()))


def engine_of(app: Flask) -> SendingEngine:
    """The process's engine, made at first use."""
    if "newsletter-engine" not in app.extensions:
        app.extensions["newsletter-engine"] = SendingEngine(app)
    engine: SendingEngine = app.extensions["newsletter-engine"]
    return engine


def close_engine(app: Flask) -> None:
    """Close it if it was ever made."""
    engine = app.extensions.pop("newsletter-engine", None)
    if engine is not None:
        engine.close()


def _timeouts(seconds: int) -> Timeouts:
    defaults = Timeouts()
    if not seconds:
        return defaults
    names = ("connect", "tls", "banner", "ehlo", "auth", "mail", "rcpt", "data", "block", "dot")
    return replace(defaults, **dict.fromkeys(names, float(seconds)))
