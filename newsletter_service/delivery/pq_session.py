"""A session with PostgreSQL that the loop holds itself, over libpq, without a thread."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

_DIVISION_BY_ZERO = b"22012"


class DivisionByZero(Exception):
    """A statement divided by zero: so it says that nothing was done."""


class PqSession:
    """Talks over libpq as the loop says that there is something to read."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        pgconn.nonblocking = 1
        self._loop = asyncio.get_running_loop()
        self._socket = pgconn.socket
        self._lost: Exception | None = None
        self._waiting: asyncio.Future[PGresult] | None = None
        self._loop.add_reader(self._socket, self._readable)

    async def query(self, name: bytes, values: Sequence[bytes]) -> PGresult:
        """Run a prepared statement."""
        return await self._answer(self._pgconn.send_query_prepared, name, values)

    async def prepare(self, name: bytes, statement: bytes) -> None:
        """Have a statement planned under a name."""
        await self._answer(self._pgconn.send_prepare, name, statement)

    def close(self) -> None:
        """Hear no more."""
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    async def _answer(self, send: Callable[..., None], *what: Any) -> PGresult:
        if self._lost is not None:
            raise self._lost
        send(*what)
        self._waiting = waiting = self._loop.create_future()
        self._writable()
        result: PGresult = await waiting
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            if result.error_field(DiagnosticField.SQLSTATE) == _DIVISION_BY_ZERO:
                raise DivisionByZero
            raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
        return result

    def _writable(self) -> None:
        """Send on what the socket did not take at once: seldom, a gate is small."""
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._writable)
        else:
            self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        try:
            self._pgconn.consume_input()
            if self._waiting is None or self._pgconn.is_busy():
                return
            last = None
            while (result := self._pgconn.get_result()) is not None:
                last = result
        except psycopg.Error as error:
            self._fail(error)
            return
        if last is None:
            self._fail(psycopg.OperationalError("The server said nothing."))
            return
        waiting, self._waiting = self._waiting, None
        if not waiting.done():
            waiting.set_result(last)

    def _fail(self, error: Exception) -> None:
        self._lost = error
        self.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
