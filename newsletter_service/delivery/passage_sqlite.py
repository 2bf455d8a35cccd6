"""The gate on SQLite: prepared statements in one transaction, by the loop itself.

A thread would wait for the interpreter at each of its statements, longer than they take. Where
another process or thread is writing, it is the database thread that waits for it.
"""

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from newsletter_service.delivery.ledger import Outcome, Start
from newsletter_service.delivery.passage import Moved, kept_connection

_NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_SETTLE = f"""
UPDATE delivery SET state = 'accepted', skip_reason = NULL, code = ?, reply = ?, crashes = 0,
  settled_ms = {_NOW}
WHERE issue_id = ? AND n = ? AND epoch = ? AND state IN ('claimed', 'data_started')
"""  # noqa: S608 - an expression of ours
_TALLY = """
UPDATE batch SET pending = pending - ?1, accepted = accepted + ?1, done = done OR pending = ?1
WHERE id = ?2
"""
_START = f"""
UPDATE delivery SET state = 'data_started', tries = tries + 1, relay_id = ?1,
  dated_ms = coalesce(dated_ms, ?2)
WHERE issue_id = ?3 AND n = ?4 AND epoch = ?5 AND state = 'claimed'
  AND NOT EXISTS (SELECT 1 FROM hold WHERE what IN ('everything', 'queue:send'))
  AND EXISTS (SELECT 1 FROM issue WHERE id = ?3 AND state = 'sending')
  AND EXISTS (SELECT 1 FROM relay WHERE id = ?1 AND paused_at IS NULL)
  AND EXISTS (SELECT 1 FROM subscription WHERE list_id = ?6 AND subscriber_id = ?7
              AND state = 'confirmed' AND (paused_until_ms IS NULL OR paused_until_ms <= {_NOW}))
  AND NOT EXISTS (SELECT 1 FROM suppression WHERE address_key = ?8 AND scope IN (0, ?6)
                  AND released_at IS NULL)
"""  # noqa: S608 - an expression of ours


class SqlitePassage:
    """`aside` runs what may wait for another process's transaction in another thread."""

    errors = (SQLAlchemyError, sqlite3.Error)
    leaves_the_loop = False

    def __init__(self, database: Engine, aside: Callable[..., Awaitable[Any]]) -> None:
        self._database = database
        self._aside = aside
        self._connection: Any = None
        self._patience_ms = 0

    async def take(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved | None:
        """Commit a group of ordinary outcomes and starts. Raises what sqlite3 raises."""
        try:
            connection = self._connection or await self._aside(self._connect)
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                await self._aside(self._begin_patiently)
            return self._commit(connection, outcomes, starts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> Any:
        self._connection = kept_connection(self._database)
        (self._patience_ms,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
        self._connection.execute("PRAGMA busy_timeout=0")
        return self._connection

    def _begin_patiently(self) -> None:
        self._connection.execute(f"PRAGMA busy_timeout={self._patience_ms}")
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("PRAGMA busy_timeout=0")

    @staticmethod
    def _commit(
        connection: Any, outcomes: Sequence[Outcome], starts: Sequence[Start]
    ) -> Moved | None:
        cursor = connection.cursor()
        settled, started = set(), set()
        tallies: Counter[int] = Counter()
        for outcome in outcomes:
            claim = outcome.claim
            found = (outcome.code, outcome.said[:300], claim.issue_id, claim.n, claim.epoch)
            if cursor.execute(_SETTLE, found).rowcount == 1:
                settled.add(claim.key)
                tallies[claim.batch_id] += 1
        for batch_id, moved in tallies.items():
            cursor.execute(_TALLY, (moved, batch_id))
        for start in starts:
            if cursor.execute(_START, _start_values(start)).rowcount == 1:
                started.add(start.claim.key)
        cursor.execute("COMMIT")
        cursor.close()
        whole = len(settled) == len(outcomes) and len(started) == len(starts)
        return None if whole else (settled, started)


def _start_values(start: Start) -> tuple[object, ...]:
    claim = start.claim
    return (
        *(start.relay_id, start.dated_ms, claim.issue_id, claim.n, claim.epoch),
        *(claim.list_id, claim.subscriber_id, claim.address_key),
    )
