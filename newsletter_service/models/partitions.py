"""The ledger's partitions on PostgreSQL: ranges of 100 issues, made ahead."""

from sqlalchemy import Connection, text

ISSUES_PER_PARTITION = 100
MADE_AHEAD = 1000


LOCK = 0x6E6C7031  # any number, the same in every process


def make_ahead(connection: Connection, newest_issue_id: int, ahead: int = MADE_AHEAD) -> list[str]:
    """Make every missing partition from the newest issue's own to `ahead` issues beyond it.

    Does nothing on SQLite. Returns the names of those made. Attaching a table takes no lock
    that sends would wait for; processes that come at the same moment wait for each other.
    """
    if connection.dialect.name != "postgresql":
        return []
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    have = set(
        connection.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'delivery'::regclass"
            )
        )
    )
    made = []
    first = newest_issue_id - newest_issue_id % ISSUES_PER_PARTITION
    for start in range(first, newest_issue_id + ahead + 1, ISSUES_PER_PARTITION):
        name = f"delivery_p{start // ISSUES_PER_PARTITION:05d}"
        if name in have:
            continue
        end = start + ISSUES_PER_PARTITION
        connection.execute(
            text(
                f"CREATE TABLE {name} (LIKE delivery INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
                " INCLUDING INDEXES) WITH (fillfactor = 50)"
            )
        )
        connection.execute(
            text(
                f"ALTER TABLE delivery ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})"
            )
        )
        made.append(name)
    return made
