"""The gate's ordinary case at the speed of the sending: accepted ones out, claimed ones in.

What `gate` decides row by row with the same conditions is done here for a whole group at once:
on PostgreSQL by one statement, which is a transaction by itself, on SQLite by prepared
statements in one transaction. Every row that does not move goes to `gate`, which says why.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from newsletter_service.delivery.ledger import Outcome, Start
from newsletter_service.models import DeliveryState

Moved = tuple[set[int], set[int]]
"""Numbers of the deliveries that were settled, and of those that were started."""

# Planned once for all partitions, by the keys: a fresh ledger has no statistics to plan with.
_POSTGRESQL_HABITS = (
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET lock_timeout = '30s'",
)
_POSTGRESQL = b"""
WITH held AS MATERIALIZED (
  SELECT id FROM batch WHERE id = ANY(%(batches)s) ORDER BY id FOR NO KEY UPDATE
), settled AS (
  UPDATE delivery d
  SET state = 'accepted', skip_reason = NULL, code = o.code, reply = o.reply, crashes = 0,
      settled_ms = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)
  FROM unnest(%(n)s::int[], %(epoch)s::int[], %(code)s::int[], %(reply)s::text[],
              %(batch)s::int[]) AS o (n, epoch, code, reply, batch_id)
  WHERE (SELECT count(*) FROM held) > 0
    AND d.issue_id = %(issue)s AND d.n = o.n AND d.epoch = o.epoch
    AND d.state IN ('claimed', 'data_started')
  RETURNING d.n, o.batch_id
), tallied AS (
  UPDATE batch b
  SET pending = b.pending - t.moved, accepted = b.accepted + t.moved,
      done = b.done OR b.pending = t.moved
  FROM (SELECT batch_id, count(*) AS moved FROM settled GROUP BY batch_id) t
  WHERE b.id = t.batch_id
), started AS (
  UPDATE delivery d
  SET state = 'data_started', tries = d.tries + 1, relay_id = s.relay_id,
      dated_ms = coalesce(d.dated_ms, s.dated_ms)
  FROM unnest(%(s_n)s::int[], %(s_epoch)s::int[], %(s_relay)s::int[], %(s_dated)s::bigint[],
              %(s_reader)s::int[], %(s_key)s::bytea[])
       AS s (n, epoch, relay_id, dated_ms, subscriber_id, address_key)
  WHERE d.issue_id = %(issue)s AND d.n = s.n AND d.epoch = s.epoch AND d.state = 'claimed'
    AND EXISTS (SELECT FROM issue i WHERE i.id = %(issue)s AND i.state = 'sending')
    AND EXISTS (SELECT FROM relay r WHERE r.id = s.relay_id AND r.paused_at IS NULL)
    AND EXISTS (SELECT FROM subscription c WHERE c.list_id = %(list)s
                AND c.subscriber_id = s.subscriber_id AND c.state = 'confirmed')
    AND NOT EXISTS (SELECT FROM suppression x WHERE x.address_key = s.address_key
                    AND x.scope IN (0, %(list)s) AND x.released_at IS NULL)
  RETURNING d.n
)
SELECT 0, n FROM settled UNION ALL SELECT 1, n FROM started
"""
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
_START = """
UPDATE delivery SET state = 'data_started', tries = tries + 1, relay_id = ?1,
  dated_ms = coalesce(dated_ms, ?2)
WHERE issue_id = ?3 AND n = ?4 AND epoch = ?5 AND state = 'claimed'
  AND EXISTS (SELECT 1 FROM issue WHERE id = ?3 AND state = 'sending')
  AND EXISTS (SELECT 1 FROM relay WHERE id = ?1 AND paused_at IS NULL)
  AND EXISTS (SELECT 1 FROM subscription WHERE list_id = ?6 AND subscriber_id = ?7
              AND state = 'confirmed')
  AND NOT EXISTS (SELECT 1 FROM suppression WHERE address_key = ?8 AND scope IN (0, ?6)
                  AND released_at IS NULL)
"""


def is_ordinary(outcome: Outcome) -> bool:
    """Whether an outcome may pass here: taken by the relay at the first try."""
    return outcome.state is DeliveryState.ACCEPTED and not outcome.claim.retried


class Passage:
    """A connection of its own, kept open; for the ledger's thread only."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._is_sqlite = make_url(database.url).get_backend_name() == "sqlite"
        self._connection: Any = None

    def take(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved:
        """Commit a group of one issue: ordinary outcomes, and starts. Raises what drivers raise.

        After an error nobody knows whether it was committed, and the connection is let go.
        """
        if self._connection is None:
            self._connection = self._connected()
        try:
            act = self._sqlite if self._is_sqlite else self._postgresql
            return act(outcomes, starts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Any:
        borrowed = self._database.raw_connection()
        connection = borrowed.driver_connection
        borrowed.detach()
        if not self._is_sqlite:
            connection.autocommit = True
            for habit in _POSTGRESQL_HABITS:
                connection.execute(habit)
        return connection

    def _postgresql(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved:
        settled = [(o.claim, o.code, o.reply[:300]) for o in outcomes]
        first = (settled[0] if settled else (starts[0].claim,))[0]
        rows = self._connection.execute(
            _POSTGRESQL,
            {
                "issue": first.issue_id,
                "list": first.list_id,
                "batches": sorted({claim.batch_id for claim, _, _ in settled}),
                "n": [claim.n for claim, _, _ in settled],
                "epoch": [claim.epoch for claim, _, _ in settled],
                "code": [code for _, code, _ in settled],
                "reply": [reply for _, _, reply in settled],
                "batch": [claim.batch_id for claim, _, _ in settled],
                "s_n": [start.claim.n for start in starts],
                "s_epoch": [start.claim.epoch for start in starts],
                "s_relay": [start.relay_id for start in starts],
                "s_dated": [start.dated_ms for start in starts],
                "s_reader": [start.claim.subscriber_id for start in starts],
                "s_key": [start.claim.address_key for start in starts],
            },
            prepare=True,
        ).fetchall()
        return {n for kind, n in rows if not kind}, {n for kind, n in rows if kind}

    def _sqlite(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        settled, started = set(), set()
        tallies: Counter[int] = Counter()
        for outcome in outcomes:
            claim = outcome.claim
            found = (outcome.code, outcome.reply[:300], claim.issue_id, claim.n, claim.epoch)
            if cursor.execute(_SETTLE, found).rowcount == 1:
                settled.add(claim.n)
                tallies[claim.batch_id] += 1
        for batch_id, moved in tallies.items():
            cursor.execute(_TALLY, (moved, batch_id))
        for start in starts:
            if cursor.execute(_START, _start_values(start)).rowcount == 1:
                started.add(start.claim.n)
        cursor.execute("COMMIT")
        cursor.close()
        return settled, started


def _start_values(start: Start) -> tuple[object, ...]:
    claim = start.claim
    return (
        *(start.relay_id, start.dated_ms, claim.issue_id, claim.n, claim.epoch),
        *(claim.list_id, claim.subscriber_id, claim.address_key),
    )
