"""Something that only one process does at a time, by the database's clock."""

from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from newsletter_service.models.base import changed, ledger
from newsletter_service.models.clock import db_now_ms
from newsletter_service.models.running import Lease


def hold(engine: Engine, name: str, owner: str, for_ms: int) -> bool:
    """Take or prolong a lease; whether it is the owner's now."""
    with ledger(engine) as connection:
        known = connection.execute(select(Lease.owner).where(Lease.name == name)).first()
        if known is None:
            try:
                with connection.begin_nested():
                    connection.execute(insert(Lease).values(name=name, owner="", until_ms=0))
            except IntegrityError:
                return False
        taken = changed(
            connection,
            update(Lease)
            .where(Lease.name == name, or_(Lease.owner == owner, Lease.until_ms < db_now_ms()))
            .values(owner=owner, until_ms=db_now_ms() + for_ms),
        )
    return taken == 1


def let_go(engine: Engine, name: str, owner: str) -> None:
    """Give a lease up, so that the next one need not wait."""
    with ledger(engine) as connection:
        connection.execute(
            update(Lease).where(Lease.name == name, Lease.owner == owner).values(until_ms=0)
        )
