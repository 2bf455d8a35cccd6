"""Groups of destinations: which provider a reader's mail ends at, and how it stands with us.

The group comes from tables by domain, never from a look-up while sending.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.orm import Session

from newsletter_service import operators
from newsletter_service.delivery import brake
from newsletter_service.models import OTHERS, Destination, DestinationGroup, db_now_ms

Executor = Connection | Session

_TABLE = tomllib.loads(
    files("newsletter_service.delivery").joinpath("destinations.toml").read_text("utf-8")
)
EXCHANGERS = {end: name for name, ends in _TABLE["exchangers"].items() for end in ends}
NAMES = tuple(sorted({*operators.KNOWN.values(), *EXCHANGERS.values()}))


def provider_of(address: str) -> str:
    """The large provider that an address names by its domain, or an empty text."""
    return operators.KNOWN.get(address.rpartition("@")[2].lower(), "")


@dataclass(frozen=True, slots=True)
class Group:
    """A group that is limited now; 0 is no limit, `wait_ms` what is left of its break."""

    name: str
    rate_per_second: float
    max_connections: int
    slowed: float
    failures: int
    wait_ms: int


class Groups:
    """Names the group of an address; `learnt` are the domains that a job found out about."""

    def __init__(self, learnt: Mapping[str, str]) -> None:
        self._known = {**learnt, **operators.KNOWN}

    def of(self, address: str) -> str:
        """The group of an address; what is nobody's is `others`."""
        return self._known.get(address.rpartition("@")[2].lower(), OTHERS)


def learnt(executor: Executor) -> dict[str, str]:
    """Domains and their groups as the job found them."""
    rows = executor.execute(
        select(Destination.domain, Destination.group_name).where(Destination.group_name != OTHERS)
    )
    return {row.domain: row.group_name for row in rows}


def held_back(executor: Executor) -> list[Group]:
    """The groups that are limited now: by a setting, or since they asked us to slow down."""
    group = DestinationGroup
    rows = executor.execute(
        select(
            group.name,
            group.rate_per_second,
            group.max_connections,
            group.slowed,
            group.failures,
            (group.backoff_until_ms - db_now_ms()).label("wait_ms"),
        ).where(
            or_(
                group.rate_per_second > 0,
                group.max_connections > 0,
                group.slowed < 1,
                group.backoff_until_ms > db_now_ms(),
            )
        )
    )
    return [Group(**row._mapping) for row in rows]


def slow_down(executor: Executor, domain: str, reason: str, now: datetime) -> str | None:
    """A provider asked us to slow down: half the speed, after a break; which group it was.

    A domain that is nobody's holds back nobody else: its reader alone is tried again later.
    """
    name = (
        operators.KNOWN.get(domain)
        or executor.execute(
            select(Destination.group_name).where(Destination.domain == domain)
        ).scalar_one_or_none()
    )
    if name is None or name == OTHERS:
        return None
    ensure(executor, name)
    brake.slow_down(executor, DestinationGroup, DestinationGroup.name == name)
    brake.back_off(executor, DestinationGroup, DestinationGroup.name == name, reason, now)
    return name


def recover(executor: Executor, accepted: Iterable[str]) -> None:
    """Groups that took mail owe nothing; those that were slowed go a step faster, in time."""
    executor.execute(
        update(DestinationGroup)
        .where(DestinationGroup.name.in_(accepted), DestinationGroup.failures > 0)
        .values(failures=0)
    )
    brake.speed_up(executor, DestinationGroup)


def ensure(executor: Executor, name: str) -> None:
    """Give a group its row."""
    known = select(DestinationGroup.name).where(DestinationGroup.name == name)
    if executor.execute(known).first() is None:
        executor.execute(insert(DestinationGroup).values(name=name))
