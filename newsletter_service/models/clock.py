"""Database time, for leases: workers' clocks may differ, the database has one."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class db_now_ms(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """Milliseconds since 1970 by the database's clock, at the moment of the statement."""

    type = BigInteger()
    inherit_cache = True


@compiles(db_now_ms, "sqlite")
def _sqlite(_element: Any, _compiler: Any, **_kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(db_now_ms, "postgresql")
def _postgresql(_element: Any, _compiler: Any, **_kw: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


class db_stable_now_ms(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """The same, and one moment for the whole statement: an index can be asked by it."""

    type = BigInteger()
    inherit_cache = True


@compiles(db_stable_now_ms, "sqlite")
def _stable_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return _sqlite(element, compiler, **options)


@compiles(db_stable_now_ms, "postgresql")
def _stable_postgresql(_element: Any, _compiler: Any, **_kw: Any) -> str:
    return "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)"


def utc_of_ms(ms: int) -> datetime:
    """The aware UTC datetime of epoch milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def ms_of(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime."""
    return int(moment.timestamp() * 1000)
