"""The ledger's partitions on PostgreSQL: ranges of 100 issues, made ahead."""

from sqlalchemy import Connection, text

ISSUES_PER_PARTITION = 100
MADE_AHEAD = 1000


LOCK = 0x6E6C7031  # any number, the same in every process


def partition_of(issue_id: int) -> str:
    """The table that an issue's deliveries are in."""
    return f"delivery_p{issue_id // ISSUES_PER_PARTITION:05d}"


def make_ahead(connection: Connection, newest_issue_id: int, ahead: int = MADE_AHEAD) -> list[str]:
    """Make every missing partition from the newest issue's own to `ahead` issues beyond it.

    Does nothing on SQLite. Returns the names of those made. Attaching a table takes no lock
    that sends would wait for; processes that come at the same moment wait for each other.
    """
    if connection.dialect.name != "postgresql":
        return []
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    have = _existing(connection)
    made = []
    first = newest_issue_id - newest_issue_id % ISSUES_PER_PARTITION
    for start in range(first, newest_issue_id + ahead + 1, ISSUES_PER_PARTITION):
        name = partition_of(start)
        if name in have:
            continue
        end = start + ISSUES_PER_PARTITION
        connection.execute(
            text(
                f"CREATE TABLE {name} (LIKE delivery INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
                " INCLUDING INDEXES) WITH (fillfactor = 50)"
            )
        )
        # An issue that was gathered after the last ANALYZE is in no statistics: the planner would
        # expect a row or none of it, and read all of them. Without any it expects a part of all.
        connection.execute(text(f"ALTER TABLE {name} ALTER COLUMN issue_id SET STATISTICS 0"))
        connection.execute(
            text(
                f"ALTER TABLE delivery ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})"
            )
        )
        made.append(name)
    return made


# Every issue of the range is over and its figures are noted, or it never had a delivery. An old
# draft stands in nobody's way: its partition is made again if it is ever released.
_FINISHED = """
SELECT NOT EXISTS (
  SELECT 1 FROM issue i WHERE i.id >= :start AND i.id < :end AND i.figures IS NULL
    AND (i.state IN ('scheduled', 'sending', 'paused')
         OR EXISTS (SELECT 1 FROM batch b WHERE b.issue_id = i.id))
) AND (SELECT max(id) FROM issue) >= :end
"""


def drop_finished(connection: Connection) -> list[str]:
    """Drop partitions that only issues with noted figures are in; returns the names of those.

    Dropping waits for sends to let go of the ledger for a moment, and gives up by the lock's
    time limit where they do not: it is tried again the next time.
    """
    if connection.dialect.name != "postgresql":
        return []
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    dropped = []
    for name in sorted(_existing(connection)):
        start = int(name.rpartition("_p")[2]) * ISSUES_PER_PARTITION
        values = {"start": start, "end": start + ISSUES_PER_PARTITION}
        if connection.scalar(text(_FINISHED), values):
            connection.execute(text(f"DROP TABLE {name}"))
            dropped.append(name)
    return dropped


def _existing(connection: Connection) -> set[str]:
    names = connection.scalars(
        text(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'delivery'::regclass"
        )
    )
    return set(names)
