"""What every model shares: time in UTC, state moves, and the one way to write."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    DateTime,
    Delete,
    Dialect,
    Engine,
    TypeDecorator,
    Update,
    event,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from newsletter_service.extensions import db

IDLE_IN_TRANSACTION = "15s"
LOCK_PATIENCE = "30s"
CONNECT_PATIENCE_S = 5


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class IllegalMove(ValueError):
    """A state may not follow another; `moves` of the model says which may."""

    def __init__(self, what: str, before: str, after: str) -> None:
        self.before, self.after = before, after
        super().__init__(f"{what} cannot go from {before} to {after}.")


def check_move(
    what: str, moves: Mapping[StrEnum, frozenset[Any]], before: StrEnum, after: StrEnum
) -> None:
    """Raise `IllegalMove` unless the table allows it."""
    if after not in moves[before]:
        raise IllegalMove(what, before, after)


@contextmanager
def writing() -> Iterator[Session]:
    """The transaction of a verb: takes the write lock first, commits once at the end.

    On SQLite it begins with BEGIN IMMEDIATE, so that it waits for its turn instead of failing
    when a read becomes a write. What was only read before is read again. Nudges leave after it.
    """
    session = db.session()
    begin_write(session)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def ledger(engine: Engine) -> Iterator[Connection]:
    """A short writing transaction without the session, for the ledger; commits at the end.

    PostgreSQL plans its statements without a look at their values: its statistics do not know an
    issue that was gathered a moment ago, take it for empty, and all of its rows would be read.
    """
    with engine.connect() as plain:
        connection = plain.execution_options(begin_immediate=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            yield connection


def changed(executor: Session | Connection, statement: Update | Delete) -> int:
    """Run a conditional UPDATE or DELETE and say how many rows it took."""
    return cast("CursorResult[Any]", executor.execute(statement)).rowcount


def begin_write(session: Session) -> None:
    """End what was only read and begin a transaction that writes."""
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("a verb was called inside another one's transaction")
    session.rollback()
    session.connection(execution_options={"begin_immediate": True})


def engine_options(url: str) -> dict[str, Any]:
    """How connections are kept: enough for every thread of a web process, none of them dead."""
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}
    if not url.startswith("sqlite"):
        options["connect_args"] = {"connect_timeout": CONNECT_PATIENCE_S}
    return options


def prepare_engine(engine: Engine) -> None:
    """Settle SQLite's pragmas and how its transactions begin, and PostgreSQL's patience."""
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    else:
        _prepare_postgresql(engine)


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def patience(connection: Any, _record: Any) -> None:
        # A process stopped inside a transaction must not keep its locks: P7 keeps them short.
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION}'")
            cursor.execute(f"SET lock_timeout = '{LOCK_PATIENCE}'")
        connection.commit()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's "begin" event decides, not the driver
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=20000",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("begin_immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
