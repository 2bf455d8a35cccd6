"""Thousands of rows in one statement: added, or asked for, on both databases.

PostgreSQL is given arrays, one for each column, and parses and plans once; SQLite has none, and
binds row by row within one transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    any_,
    bindparam,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter_service.extensions import Base


def insert_all(
    session: Session,
    model: type[Base],
    each: Mapping[str, Sequence[Any]],
    same: Mapping[str, Any],
) -> None:
    """Add rows to a model's table, but those that are there already: `each` column's values in the
    order of the rows, and what is the `same` for all of them."""
    if not all(map(len, each.values())):
        return
    table = cast("Table", model.__table__)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_from_arrays(table, each, same))
        return
    names = tuple(each)
    rows = [
        {**dict(zip(names, one, strict=True)), **same} for one in zip(*each.values(), strict=True)
    ]
    session.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)


def among(
    session: Session, column: InstrumentedAttribute[Any], values: Collection[Any]
) -> ColumnElement[bool]:
    """Whether a column holds one of many values."""
    if session.get_bind().dialect.name != "postgresql":
        return column.in_(values)
    array = postgresql.ARRAY(column.type)
    return column == any_(sql_cast(bindparam(None, list(values), type_=array), array))


def _from_arrays(table: Table, each: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> Any:
    arrays = []
    for name, values in each.items():
        array = postgresql.ARRAY(table.c[name].type)
        arrays.append(sql_cast(bindparam(None, list(values), type_=array), array))
    given = func.unnest(*arrays).table_valued(*each, name="given").render_derived()
    constants = [literal(value, table.c[name].type) for name, value in same.items()]
    columns = [type_coerce(given.c[name], table.c[name].type) for name in each]
    rows = select(*columns, *constants)
    return postgresql.insert(table).from_select([*each, *same], rows).on_conflict_do_nothing()
