"""Relays: which there are, which is open, and which one a mail may take (P6, P13).

State lives in SQL, so that losing Redis never opens what was closed. Functions take whatever
executes: a session or a connection.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.orm import Session

from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.models import (
    Organisation,
    Person,
    Relay,
    changed,
    db_now_ms,
    utc_of_ms,
)
from newsletter_service.send_windows import SendWindow
from newsletter_service.settings import Settings

Executor = Session | Connection

LONGEST_BACKOFF_MS = 5 * 60 * 1000
FIRST_BACKOFF_MS = 5 * 1000
SANDBOX = "sandbox"


@dataclass(frozen=True)
class Route:
    """A relay as it stands: where, whether it may be used, and how fast (0: no limit).

    Readers are shared out by `weight`; one of weight 0 helps out when no other is open.
    """

    id: int
    name: str
    url: RelayUrl
    paused: bool
    wait_ms: int
    notice_wait_ms: int
    rate_per_second: float
    weight: int = 100
    max_connections: int = 0
    slowed: float = 1.0

    def is_open(self, for_notice: bool) -> bool:
        """Whether mail may go there now; notices and issues back off separately."""
        return not self.paused and (self.notice_wait_ms if for_notice else self.wait_ms) <= 0


@dataclass(frozen=True)
class Routes:
    """All relays at one moment, and whether strangers may be written to."""

    configured: tuple[Route, ...]
    sandbox: Route
    live: bool
    staff: frozenset[str]

    def any_open(self, *, for_notice: bool) -> bool:
        """Whether any mail may go anywhere now."""
        usable = self.configured if self.live else (*self.configured, self.sandbox)
        return any(route.is_open(for_notice) for route in usable)

    def is_open(self, relay_id: int) -> bool:
        """Whether issues may go through a relay now."""
        known = (*self.configured, self.sandbox)
        return any(route.id == relay_id and route.is_open(for_notice=False) for route in known)

    def choose(
        self, address: str, *, for_notice: bool, to_staff: bool = False, before: int | None = None
    ) -> Route | None:
        """The relay for an address, or None when all that fit are closed.

        A reader has the same one every time, shared out by weight; one that is closed is passed
        by. A retry goes through the one it tried `before` while that is open (P4). In trial mode
        only staff reach a real relay; everybody else's mail ends in the sandbox.
        """
        real = self.live or to_staff or address.lower() in self.staff
        fitting = self.configured if real and self.configured else (self.sandbox,)
        if self.live and not self.configured:
            return None
        if len(fitting) == 1:
            return fitting[0] if fitting[0].is_open(for_notice) else None
        usable = [route for route in fitting if route.is_open(for_notice)]
        same = next((route for route in usable if route.id == before), None)
        return same or max(usable, key=lambda route: _draw(route, address), default=None)

    def without(self, relay_id: int, wait_ms: int) -> "Routes":
        """The same, but one relay is left alone for a while by issues."""

        def closed(route: Route) -> Route:
            return replace(route, wait_ms=wait_ms) if route.id == relay_id else route

        return replace(
            self,
            configured=tuple(closed(route) for route in self.configured),
            sandbox=closed(self.sandbox),
        )


def _draw(route: Route, address: str) -> float:
    """A relay's lot for an address: the highest wins (rendezvous hashing with weights).

    When a relay comes or goes only its own readers move.
    """
    drawn = blake2b(f"{route.name} {address.lower()}".encode(), digest_size=8).digest()
    return -route.weight / math.log((int.from_bytes(drawn) + 1) / (2**64 + 2))


def urls(settings: Settings) -> dict[str, RelayUrl]:
    """The configured relays and the sandbox, by name."""
    found = {}
    for text in settings.smtp_url:
        url = RelayUrl.parse(text)
        if settings.smtp_ca_file and not url.ca_file and url.tls != "none":
            url = replace(url, ca_file=settings.smtp_ca_file)
        found[f"{url.host}:{url.port}"] = url
    found[SANDBOX] = RelayUrl.parse(settings.sandbox_url)
    return found


def ensure(session: Session, settings: Settings) -> None:
    """Give every relay its row. Call inside a verb."""
    known = set(session.scalars(select(Relay.name)))
    for name in urls(settings):
        if name not in known:
            session.execute(insert(Relay).values(name=name))


def routes(executor: Executor, settings: Settings) -> Routes:
    """How the relays stand now, by database time."""
    rows = {
        row.name: row
        for row in executor.execute(
            select(
                Relay.id,
                Relay.name,
                Relay.paused_at,
                Relay.rate_per_second,
                Relay.weight,
                Relay.max_connections,
                Relay.slowed,
                Relay.send_window,
                db_now_ms().label("now_ms"),
                (Relay.backoff_until_ms - db_now_ms()).label("wait_ms"),
                (Relay.notice_backoff_until_ms - db_now_ms()).label("notice_wait_ms"),
            )
        )
    }
    zone = ZoneInfo(settings.timezone)
    found = [
        Route(
            id=row.id,
            name=name,
            url=url,
            paused=row.paused_at is not None,
            wait_ms=max(row.wait_ms, 0, _window_wait_ms(row.send_window, row.now_ms, zone)),
            notice_wait_ms=max(row.notice_wait_ms, 0),
            rate_per_second=row.rate_per_second,
            weight=row.weight,
            max_connections=row.max_connections,
            slowed=row.slowed,
        )
        for name, url in urls(settings).items()
        if (row := rows.get(name))
    ]
    sandbox = next(route for route in found if route.name == SANDBOX)
    return Routes(
        configured=tuple(route for route in found if route.name != SANDBOX),
        sandbox=sandbox,
        live=is_live(executor),
        staff=frozenset(_staff(executor)),
    )


def _window_wait_ms(stored: Mapping[str, object], now_ms: int, zone: ZoneInfo) -> int:
    window = SendWindow.of(stored)
    return int(window.wait(utc_of_ms(now_ms), zone).total_seconds() * 1000) if window else 0


def is_live(executor: Executor) -> bool:
    """Whether somebody switched this installation live (P13)."""
    return executor.execute(select(Organisation.live_at)).scalar() is not None


def _staff(executor: Executor) -> Sequence[str]:
    people = select(func.lower(Person.email)).where(Person.disabled_at.is_(None))
    return executor.execute(people).scalars().all()


def back_off(
    executor: Executor, relay_id: int, reason: str, *, for_notice: bool, now: datetime
) -> int:
    """Leave a relay alone for a while, twice as long each time; returns the milliseconds.

    Many may see the same trouble: while it is left alone already, nothing is added.
    """
    failures = Relay.notice_failures if for_notice else Relay.failures
    until = Relay.notice_backoff_until_ms if for_notice else Relay.backoff_until_ms
    stands = executor.execute(
        select(failures, until - db_now_ms()).where(Relay.id == relay_id)
    ).one()
    if stands[1] > 0:
        return int(stands[1])
    wait: int = min(FIRST_BACKOFF_MS * 2 ** min(stands[0], 10), LONGEST_BACKOFF_MS)
    executor.execute(
        update(Relay)
        .where(Relay.id == relay_id, until <= db_now_ms())
        .values(
            {
                failures: failures + 1,
                until: db_now_ms() + wait,
                Relay.last_error: reason[:300].replace("\0", ""),
                Relay.last_error_at: now,
            }
        )
    )
    return wait


def accepted(executor: Executor, relay_id: int, *, for_notice: bool, now: datetime) -> None:
    """The relay took mail: what it owed is forgotten."""
    values = {"notice_failures": 0} if for_notice else {"failures": 0}
    executor.execute(update(Relay).where(Relay.id == relay_id).values(**values, accepted_at=now))


def pause(executor: Executor, relay_id: int, reason: str, now: datetime) -> bool:
    """Close a relay until somebody resumes it; whether it was open before."""
    statement = (
        update(Relay)
        .where(Relay.id == relay_id, Relay.paused_at.is_(None))
        .values(
            paused_at=now, paused_reason=reason[:300], last_error=reason[:300], last_error_at=now
        )
    )
    return changed(executor, statement) == 1


def resume(executor: Executor, relay_id: int) -> bool:
    """Open a relay again, without anything owed; whether it was paused."""
    statement = (
        update(Relay)
        .where(Relay.id == relay_id, Relay.paused_at.is_not(None))
        .values(
            paused_at=None,
            paused_reason="",
            failures=0,
            backoff_until_ms=0,
            notice_failures=0,
            notice_backoff_until_ms=0,
        )
    )
    return changed(executor, statement) == 1
