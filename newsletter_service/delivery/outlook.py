"""What a send worker sees when it looks up every second: relays, stops, limits and their shares."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from newsletter_service import relays
from newsletter_service.delivery import groups, holds, warm_up
from newsletter_service.delivery.flow import Allowed
from newsletter_service.delivery.groups import Group
from newsletter_service.delivery.shares import Granted, Limit
from newsletter_service.delivery.warm_up import Plan
from newsletter_service.models import Hold, NewsletterList, db_now_ms, utc_of_ms
from newsletter_service.relays import Route, Routes
from newsletter_service.send_windows import SendWindow
from newsletter_service.settings import Settings


@dataclass(frozen=True)
class Outlook:
    """How everything stands at one moment."""

    routes: Routes
    held: Hold | None
    groups: tuple[Group, ...]
    plans: tuple[Plan, ...]
    closed_lists: frozenset[int]
    senders: Mapping[int, str]

    @property
    def slowed(self) -> bool:
        """Whether somebody goes slower than usual, or owes a success."""
        relays = any(route.slowed < 1 for route in self.routes.configured)
        return relays or any(group.slowed < 1 or group.failures for group in self.groups)

    def limits(self) -> list[Limit]:
        """The limits that all workers share."""
        found = [_of_relay(route) for route in self.routes.configured]
        found += [_of_group(group) for group in self.groups]
        return [limit for limit in found if limit.rate or limit.connections]

    def allowed(
        self, granted: Mapping[str, Granted], more: Mapping[str, int], connections: int
    ) -> dict[str, Allowed]:
        """What this worker may do, with the shares it was given and so many `more` mails today."""
        found: dict[str, Allowed] = {}
        for route in self.routes.configured:
            name = f"relay:{route.id}"
            if name in granted or route.slowed < 1:
                found[name] = _allowed(granted.get(name), route.slowed, connections)
        for group in self.groups:
            name = f"group:{group.name}"
            shut_s = max(group.wait_ms, 0) / 1000
            found[name] = _allowed(granted.get(name), group.slowed, connections, shut_s)
        for plan in self.plans:
            before = found.get(plan.what, Allowed())
            shut_s = 0.0 if plan.left else plan.wait_ms / 1000
            found[plan.what] = replace(before, more=more.get(plan.what, 0), none_left_s=shut_s)
        return found


def look(connection: Connection, settings: Settings) -> Outlook:
    """Read it all."""
    zone = ZoneInfo(settings.timezone)
    plans = tuple(warm_up.today(connection, zone))
    of_senders = any(plan.what.startswith(warm_up.DOMAIN) for plan in plans)
    return Outlook(
        routes=relays.routes(connection, settings),
        held=holds.stopped(connection, holds.ISSUES),
        groups=tuple(groups.held_back(connection)),
        plans=plans,
        closed_lists=frozenset(closed_lists(connection, zone)),
        senders=warm_up.senders(connection) if of_senders else {},
    )


def closed_lists(executor: Connection | Session, zone: ZoneInfo) -> dict[int, int]:
    """The lists whose send window is shut now, and for how many milliseconds."""
    rows = executor.execute(
        select(NewsletterList.id, NewsletterList.settings, db_now_ms().label("now_ms"))
    )
    waits = {}
    for row in rows:
        window = SendWindow.of(row.settings.get("send_window"))
        if window:
            wait = window.wait(utc_of_ms(row.now_ms), zone)
            waits[row.id] = int(wait.total_seconds() * 1000)
    return {list_id: wait for list_id, wait in waits.items() if wait > 0}


def _of_relay(route: Route) -> Limit:
    return Limit(f"relay:{route.id}", route.rate_per_second * route.slowed, route.max_connections)


def _of_group(group: Group) -> Limit:
    rate = group.rate_per_second * group.slowed
    return Limit(f"group:{group.name}", rate, group.max_connections)


def _allowed(
    granted: Granted | None, slowed: float, connections: int, shut_s: float = 0.0
) -> Allowed:
    """The share, and fewer connections of one's own while it goes slower."""
    seats = granted.connections if granted else None
    if slowed < 1:
        most = connections if seats is None else seats
        seats = max(1, int(most * slowed)) if most else 0
    return Allowed(rate=granted.rate if granted else None, seats=seats, shut_s=shut_s)
