"""The ledger's partitions on PostgreSQL: ranges of 100 issues, made ahead."""

from sqlalchemy import Connection, text

ISSUES_PER_PARTITION = 100
MADE_AHEAD = 1000


def make_ahead(connection: Connection, newest_issue_id: int) -> list[str]:
    """Make every missing partition up to `MADE_AHEAD` issues beyond the newest one.

    Does nothing on SQLite. Returns the names of those made. Attaching a table that is already
    filled with its constraint takes no lock that sends would wait for.
    """
    if connection.dialect.name != "postgresql":
        return []
    have = set(
        connection.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'delivery'::regclass"
            )
        )
    )
    made = []
    for start in range(0, newest_issue_id + MADE_AHEAD, ISSUES_PER_PARTITION):
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
