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

Moved = tuple[set[tuple[int, int]], set[tuple[int, int]]]
"""Keys of the deliveries that were settled, and of those that were started."""

# A fresh ledger has no statistics to plan with: the statement is planned once, and written so
# that without these ways there is none but the keys (measured: 5.1 ms a gate otherwise).
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
  FROM unnest(%(issue)s::int[], %(n)s::int[], %(epoch)s::int[], %(code)s::int[],
              %(reply)s::text[], %(batch)s::int[]) AS o (issue_id, n, epoch, code, reply, batch_id)
  WHERE (SELECT count(*) FROM held) > 0
    AND d.issue_id = o.issue_id AND d.n = o.n AND d.epoch = o.epoch
    AND d.state IN ('claimed', 'data_started')
  RETURNING d.issue_id, d.n, o.batch_id
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
  FROM unnest(%(s_issue)s::int[], %(s_n)s::int[], %(s_epoch)s::int[], %(s_relay)s::int[],
              %(s_dated)s::bigint[], %(s_list)s::int[], %(s_reader)s::int[], %(s_key)s::bytea[])
       AS s (issue_id, n, epoch, relay_id, dated_ms, list_id, subscriber_id, address_key)
  WHERE d.issue_id = s.issue_id AND d.n = s.n AND d.epoch = s.epoch AND d.state = 'claimed'
    AND (SELECT count(*) FROM hold h WHERE h.what IN ('everything', 'queue:send')) = 0
    AND (SELECT i.state FROM issue i WHERE i.id = s.issue_id) = 'sending'
    AND (SELECT r.paused_at IS NULL FROM relay r WHERE r.id = s.relay_id)
    AND (SELECT c.state FROM subscription c
         WHERE c.list_id = s.list_id AND c.subscriber_id = s.subscriber_id
         AND (c.paused_until_ms IS NULL OR c.paused_until_ms
              <= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT))) = 'confirmed'
    AND (SELECT count(*) FROM suppression x WHERE x.address_key = s.address_key
         AND x.scope IN (0, s.list_id) AND x.released_at IS NULL) = 0
  RETURNING d.issue_id, d.n
)
SELECT 0, issue_id, n FROM settled UNION ALL SELECT 1, issue_id, n FROM started
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
        """Commit a group of ordinary outcomes and starts. Raises what drivers raise.

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
        connection: Any = borrowed.driver_connection
        borrowed.detach()
        if not self._is_sqlite:
            connection.autocommit = True
            for habit in _POSTGRESQL_HABITS:
                connection.execute(habit)
        return connection

    def _postgresql(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved:
        ended = [one.claim for one in outcomes]
        begun = [one.claim for one in starts]
        rows = self._connection.execute(
            _POSTGRESQL,
            {
                "batches": sorted({claim.batch_id for claim in ended}),
                "issue": [claim.issue_id for claim in ended],
                "n": [claim.n for claim in ended],
                "epoch": [claim.epoch for claim in ended],
                "code": [one.code for one in outcomes],
                "reply": [one.reply[:300] for one in outcomes],
                "batch": [claim.batch_id for claim in ended],
                "s_issue": [claim.issue_id for claim in begun],
                "s_n": [claim.n for claim in begun],
                "s_epoch": [claim.epoch for claim in begun],
                "s_relay": [one.relay_id for one in starts],
                "s_dated": [one.dated_ms for one in starts],
                "s_list": [claim.list_id for claim in begun],
                "s_reader": [claim.subscriber_id for claim in begun],
                "s_key": [claim.address_key for claim in begun],
            },
            prepare=True,
        ).fetchall()
        return (
            {(issue_id, n) for kind, issue_id, n in rows if not kind},
            {(issue_id, n) for kind, issue_id, n in rows if kind},
        )

    def _sqlite(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        settled, started = set(), set()
        tallies: Counter[int] = Counter()
        for outcome in outcomes:
            claim = outcome.claim
            found = (outcome.code, outcome.reply[:300], claim.issue_id, claim.n, claim.epoch)
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
        return settled, started


def _start_values(start: Start) -> tuple[object, ...]:
    claim = start.claim
    return (
        *(start.relay_id, start.dated_ms, claim.issue_id, claim.n, claim.epoch),
        *(claim.list_id, claim.subscriber_id, claim.address_key),
    )
