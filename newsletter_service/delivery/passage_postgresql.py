"""The gate on PostgreSQL: one statement, a transaction by itself, spoken by the loop.

It goes over libpq without a thread between: handing a gate to another thread and back, and
waiting there for the interpreter, took longer than PostgreSQL did.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from newsletter_service.delivery.ledger import Outcome, Start
from newsletter_service.delivery.passage import Moved, kept_connection
from newsletter_service.delivery.pq_session import DivisionByZero, PqSession
from newsletter_service.models.partitions import partition_of

# Statistics do not know an issue that was gathered a moment ago. So the statement is planned once
# for all issues of a partition, whatever their numbers; reading more rows than the keys name costs
# more than anything; and some ways are closed. Otherwise a gate reads all rows of its issue: 33 ms
# at 50 000 readers instead of 0.8, where the issue before had been analysed.
_HABITS = (
    "SET plan_cache_mode = force_generic_plan",
    "SET cpu_tuple_cost = 100",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET jit = off",
    "SET lock_timeout = '30s'",
)
# The partition stands in the text: so nothing is asked about the others. The batch
# is locked and counted before its rows, as recovery does; where not all of them move, the last
# line divides by zero and nothing has happened.
_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
_GATE = """
WITH tallied AS (
  UPDATE batch
  SET pending = pending - $2::int, accepted = accepted + $2::int, done = done OR pending = $2::int
  WHERE id = $1::int
  RETURNING id
), settled AS (
  UPDATE {partition} d
  SET state = 'accepted', skip_reason = NULL, crashes = 0, settled_ms = {now},
      code = ($5::int[])[array_position($3::int[], d.n)],
      reply = ($6::text[])[array_position($3::int[], d.n)]
  WHERE (SELECT count(*) FROM tallied) = 1
    AND d.issue_id = $13::int AND d.n = ANY($3::int[])
    AND d.epoch = ($4::int[])[array_position($3::int[], d.n)]
    AND d.state IN ('claimed', 'data_started')
  RETURNING d.n
), started AS (
  UPDATE {partition} d
  SET state = 'data_started', tries = d.tries + 1, relay_id = $9::int,
      dated_ms = coalesce(d.dated_ms, ($10::bigint[])[array_position($7::int[], d.n)])
  WHERE d.issue_id = $13::int AND d.n = ANY($7::int[]) AND d.state = 'claimed'
    AND d.epoch = ($8::int[])[array_position($7::int[], d.n)]
    AND (SELECT count(*) FROM hold h WHERE h.what IN ('everything', 'queue:send')) = 0
    AND (SELECT i.state FROM issue i WHERE i.id = $13::int) = 'sending'
    AND (SELECT r.paused_at IS NULL FROM relay r WHERE r.id = $9::int)
    AND (SELECT c.state FROM subscription c
         WHERE c.list_id = $12::int AND c.subscriber_id = d.subscriber_id
         AND (c.paused_until_ms IS NULL OR c.paused_until_ms <= {now})) = 'confirmed'
    AND (SELECT count(*) FROM suppression x
         WHERE x.address_key = ($11::bytea[])[array_position($7::int[], d.n)]
         AND x.scope IN (0, $12::int) AND x.released_at IS NULL) = 0
  RETURNING d.n
)
SELECT (SELECT array_agg(n) FROM started),
  1 / (CASE WHEN (SELECT count(*) FROM settled) = $2::int THEN 1 ELSE 0 END)
"""


class PostgresqlPassage:
    """One connection, one gate at a time; `aside` runs what blocks in another thread."""

    errors = (SQLAlchemyError, psycopg.Error)
    leaves_the_loop = True

    def __init__(
        self, database: Engine, aside: Callable[[Callable[[], Any]], Awaitable[Any]]
    ) -> None:
        self._database = database
        self._aside = aside
        self._connection: Any = None
        self._session: PqSession | None = None
        self._prepared: set[str] = set()

    async def take(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved | None:
        """Commit a group; where it is of several issues, all outcomes before any start."""
        done: list[_Done] = []
        whole = True
        try:
            session = self._session or await self._open()
            for ended, begun in _groups(outcomes, starts):
                try:
                    found = await self._gate(session, ended, begun)
                except DivisionByZero:
                    whole = False
                    break  # no start may pass before what was handed in before it
                whole = whole and len(found) == len(begun)
                done.append(_Done(ended, begun, found))
        except BaseException:
            self.close()
            raise
        return None if whole else _moved(done)

    def close(self) -> None:
        """Let go of the connection."""
        session, self._session = self._session, None
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if session is not None:
            session.close()
        if connection is not None:
            connection.close()

    async def _open(self) -> PqSession:
        self._connection = await self._aside(self._connected)
        self._session = PqSession(self._connection.pgconn)
        return self._session

    def _connected(self) -> Any:
        connection = kept_connection(self._database)
        connection.autocommit = True
        for habit in _HABITS:
            connection.execute(habit)
        return connection

    async def _gate(
        self, session: PqSession, outcomes: Sequence[Outcome], starts: Sequence[Start]
    ) -> list[bytes]:
        """The numbers of those that were started, in digits."""
        partition = partition_of((outcomes or starts)[0].claim.issue_id)
        if partition not in self._prepared:
            await self._prepare(session, partition)
        rows = await session.query(partition.encode(), _values(outcomes, starts))
        found = rows.get_value(0, 0)
        return found[1:-1].split(b",") if found else []

    async def _prepare(self, session: PqSession, partition: str) -> None:
        statement = _GATE.format(partition=partition, now=_NOW)
        await session.prepare(partition.encode(), statement.encode())
        self._prepared.add(partition)


class _Done(NamedTuple):
    """A statement's group, and the numbers of those that were started."""

    outcomes: Sequence[Outcome]
    starts: Sequence[Start]
    started: list[bytes]


def _moved(done: Sequence[_Done]) -> Moved:
    settled = {outcome.claim.key for each in done for outcome in each.outcomes}
    started = {(each.starts[0].claim.issue_id, int(n)) for each in done for n in each.started}
    return settled, started


def _values(outcomes: Sequence[Outcome], starts: Sequence[Start]) -> list[bytes]:
    ended = [one.claim for one in outcomes]
    begun = [one.claim for one in starts]
    return [
        b"%d" % (ended[0].batch_id if ended else 0),
        b"%d" % len(ended),
        _ints([claim.n for claim in ended]),
        _ints([claim.epoch for claim in ended]),
        _ints([one.code or 0 for one in outcomes]),
        _texts([one.said[:300] for one in outcomes]),
        _ints([claim.n for claim in begun]),
        _ints([claim.epoch for claim in begun]),
        b"%d" % (starts[0].relay_id if starts else 0),
        _ints([one.dated_ms for one in starts]),
        _bytes([claim.address_key or b"" for claim in begun]),
        b"%d" % (begun[0].list_id if begun else 0),
        b"%d" % (ended or begun)[0].issue_id,
    ]


def _ints(values: Iterable[int]) -> bytes:
    return ("{" + ",".join(map(str, values)) + "}").encode()


def _bytes(values: Iterable[bytes]) -> bytes:
    return _quoted([f"\\\\x{value.hex()}" for value in values])


def _texts(values: Sequence[str]) -> bytes:
    """What has no NUL in it."""
    whole = "\0".join(values).replace("\\", "\\\\").replace('"', '\\"')
    return _quoted(whole.split("\0")) if values else b"{}"


def _quoted(values: Sequence[str]) -> bytes:
    return ('{"' + '","'.join(values) + '"}').encode() if values else b"{}"


def _groups(
    outcomes: Sequence[Outcome], starts: Sequence[Start]
) -> list[tuple[Sequence[Outcome], Sequence[Start]]]:
    """What one statement takes: outcomes of one batch, starts of one issue through one relay.

    Mostly that is all there is; otherwise all outcomes come before any start.
    """
    batches = {(outcome.claim.issue_id, outcome.claim.batch_id) for outcome in outcomes}
    routes = {(start.claim.issue_id, start.relay_id) for start in starts}
    if len(batches) == len(routes) == 1 and outcomes[0].claim.issue_id == starts[0].claim.issue_id:
        return [(outcomes, starts)]
    ended = [
        [one for one in outcomes if (one.claim.issue_id, one.claim.batch_id) == batch]
        for batch in batches
    ]
    begun = [
        [one for one in starts if (one.claim.issue_id, one.relay_id) == route] for route in routes
    ]
    return [*((some, ()) for some in ended), *(((), some) for some in begun)]
