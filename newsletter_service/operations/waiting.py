"""Why readers of an issue wait, and until when: for pages, the statement and `issues show`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import relays
from newsletter_service import settings as settings_module
from newsletter_service.delivery import groups, holds, outlook, warm_up
from newsletter_service.delivery.warm_up import Plan
from newsletter_service.models import (
    DestinationGroup,
    Issue,
    IssueState,
    Relay,
    WarmUp,
    db_now_ms,
    utc_of_ms,
)
from newsletter_service.send_windows import SendWindow


@dataclass(frozen=True)
class Why:
    """One reason; `until` is when it ends by itself, `stops` says that nothing leaves at all."""

    code: str
    values: dict[str, Any] = field(default_factory=dict)
    until: datetime | None = None
    stops: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"code": self.code, "until": self.until, **self.values}


def reasons(session: Session, issue: Issue, left: int) -> list[Why]:
    """What holds an issue on its way back, what stops it first."""
    if issue.state != IssueState.SENDING or not left:
        return []
    now = utc_of_ms(session.execute(select(db_now_ms())).scalar_one())
    found = _Reasons(session, now, left).everything(issue)
    return sorted(found, key=lambda why: not why.stops)


class _Reasons:
    """Gathers them for so many readers left, at one moment."""

    def __init__(self, session: Session, now: datetime, left: int) -> None:
        self.session, self.now, self.left = session, now, left
        self.settings = settings_module.current()
        self.zone = ZoneInfo(self.settings.timezone)
        self.plans = {plan.what: plan for plan in warm_up.today(session, self.zone)}

    def everything(self, issue: Issue) -> Iterable[Why]:
        held = holds.stopped(self.session, holds.ISSUES)
        if held:
            yield Why("stopped", {"actor": held.actor, "reason": held.reason})
        shut_ms = outlook.closed_lists(self.session, self.zone).get(issue.list_id)
        if shut_ms:
            yield Why("list_window", until=self.now + timedelta(milliseconds=shut_ms))
        sender = issue.newsletter.sender_address.rpartition("@")[2].lower()
        yield from self.warm_up("sender_warm_up", sender, warm_up.DOMAIN + sender)
        yield from self.relays()
        yield from self.groups()

    def relays(self) -> Iterable[Why]:
        rows = self.session.execute(select(Relay.id, Relay.send_window)).all()
        windows = {row.id: SendWindow.of(row.send_window) for row in rows}
        for route in relays.routes(self.session, self.settings).configured:
            yield from self.warm_up("relay_warm_up", route.name, f"relay:{route.id}")
            window = windows.get(route.id)
            if window and (wait := window.wait(self.now, self.zone)):
                values = {"name": route.name, "window": str(window)}
                yield Why("relay_window", values, self.now + wait)
            if route.slowed < 1:
                slower = {"name": route.name, "percent": round(route.slowed * 100)}
                yield Why("relay_slowed", slower, stops=False)

    def warm_up(self, code: str, name: str, what: str) -> Iterable[Why]:
        plan = self.plans.get(what)
        if plan is None or self.left <= plan.left:
            return
        stored = self.session.get_one(WarmUp, what)
        values = {
            "name": name,
            "limit": plan.limit,
            "taken": plan.taken,
            "done_on": _last_day(stored, plan, self.left),
        }
        until = self.now + timedelta(milliseconds=plan.wait_ms)
        yield Why(code, values, None if plan.left else until, stops=not plan.left)

    def groups(self) -> Iterable[Why]:
        group = DestinationGroup
        rows = self.session.execute(select(group.name, group.last_error)).all()
        errors = {row.name: row.last_error for row in rows}
        for each in groups.held_back(self.session):
            if each.slowed < 1 or each.wait_ms > 0:
                slower = {"name": each.name, "percent": round(each.slowed * 100)}
                yield Why("group_slowed", slower | {"reason": errors[each.name]}, stops=False)


def _last_day(stored: WarmUp, plan: Plan, left: int) -> date:
    """The day on which the last one leaves, if nothing else is sent."""
    day, left = plan.day, left - plan.left
    while left > 0:
        day += timedelta(days=1)
        limit = warm_up.limit_of(stored.first_day, stored.per_day, day)
        if limit is None:
            return day
        left -= limit
    return day
