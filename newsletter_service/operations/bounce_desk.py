"""What came back, for *Studsar*: by day, reason, operator's domain and issue, all or of one."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter_service import audit, settings, standing, waves
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    BounceMessage,
    BounceState,
    BounceWave,
    Organisation,
    ProviderEvent,
    writing,
)
from newsletter_service.verdicts import NUMBERS

DAYS = 30
MOST_ROWS = 10
MOST_EVENTS = 20
UNSETTLED = (BounceState.UNREADABLE, BounceState.UNMATCHED)


@dataclass(frozen=True)
class Of:
    """Which part is looked at; nothing means all of it. Any may be given together."""

    issue_id: int | None = None
    domain: str = ""
    subscriber_id: int | None = None

    def conditions(self, since: datetime) -> list[ColumnElement[bool]]:
        """As conditions on `BounceEvent`."""
        found = [BounceEvent.at >= since]
        if self.issue_id is not None:
            found.append(BounceEvent.issue_id == self.issue_id)
        if self.domain:
            found.append(BounceEvent.domain == self.domain.lower())
        if self.subscriber_id is not None:
            found.append(BounceEvent.subscriber_id == self.subscriber_id)
        return found


@dataclass(frozen=True)
class Look:
    """What came back of a part within the last `DAYS` days.

    `days` are (day, number of readers' failures and complaints), every day once; the others
    (what, number), the most first.
    """

    days: list[tuple[date, int]]
    kinds: dict[str, int]
    reasons: list[tuple[str, int]]
    domains: list[tuple[str, int]]
    issues: list[tuple[int, int]]
    events: list[BounceEvent]


def look(session: Session, of: Of, now: datetime) -> Look:
    """Count; what is only delayed is left out of the counts and stands among the events."""
    where = of.conditions(now - timedelta(days=DAYS))
    final = [*where, BounceEvent.final.is_(True)]
    kinds = dict(
        session.execute(
            select(BounceEvent.kind, func.count()).where(*final).group_by(BounceEvent.kind)
        ).all()
    )
    newest = (BounceEvent.at.desc(), BounceEvent.id.desc())
    events = select(BounceEvent).where(*where).order_by(*newest).limit(MOST_EVENTS)
    return Look(
        days=_by_day(session, final, now),
        kinds={kind.value: kinds.get(kind, 0) for kind in BounceKind},
        reasons=_most(session, BounceEvent.reason, final),
        domains=_most(session, BounceEvent.domain, final),
        issues=_most(session, BounceEvent.issue_id, [*final, BounceEvent.issue_id.is_not(None)]),
        events=list(session.scalars(events)),
    )


def _by_day(
    session: Session, where: list[ColumnElement[bool]], now: datetime
) -> list[tuple[date, int]]:
    zone = ZoneInfo(settings.current().timezone)
    hour = (
        func.strftime("%Y-%m-%dT%H:00:00+00:00", BounceEvent.at)
        if session.get_bind().dialect.name == "sqlite"
        else func.to_char(func.timezone("UTC", BounceEvent.at), 'YYYY-MM-DD"T"HH24:00:00+00:00')
    )
    counted: Counter[date] = Counter()
    for when, number in session.execute(select(hour, func.count()).where(*where).group_by(hour)):
        counted[datetime.fromisoformat(when).astimezone(zone).date()] += number
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return [(day, counted[day]) for day in days]


def _most(session: Session, column: Any, where: list[ColumnElement[bool]]) -> list[tuple[Any, int]]:
    number = func.count().label("number")
    query = select(column, number).where(*where).group_by(column)
    rows = session.execute(query.order_by(number.desc(), column).limit(MOST_ROWS))
    return [(what, count) for what, count in rows]


@dataclass(frozen=True)
class WaveLook:
    """An undecided wave and how many readers it has met."""

    wave: BounceWave
    readers: int


def undecided(session: Session) -> list[WaveLook]:
    """Waves that wait for somebody."""
    return [WaveLook(wave, waves.readers_of(session, wave)) for wave in waves.undecided(session)]


def unsettled(session: Session) -> tuple[list[BounceMessage], list[ProviderEvent]]:
    """What nobody understood or could assign, the newest first."""
    messages = select(BounceMessage).where(BounceMessage.state.in_(UNSETTLED))
    events = select(ProviderEvent).where(ProviderEvent.state.in_(UNSETTLED))
    return (
        list(session.scalars(messages.order_by(BounceMessage.id.desc()).limit(MOST_EVENTS))),
        list(session.scalars(events.order_by(ProviderEvent.id.desc()).limit(MOST_EVENTS))),
    )


def numbers(session: Session) -> dict[str, float]:
    """The policy as it stands, in the units of `verdicts.NUMBERS`."""
    policy = standing.policy(session)
    return {name: policy.number(name) for name in NUMBERS}


def set_numbers(given: dict[str, float], *, actor: str, now: datetime) -> dict[str, float]:
    """Change the policy; returns it. Raises ValueError, by name, for what is out of bounds."""
    wrong = [name for name, value in given.items() if not _is_within(name, value)]
    if wrong:
        raise ValueError(", ".join(wrong))
    with writing() as session:
        owner = session.scalars(select(Organisation)).one()
        owner.bounce_policy = dict(owner.bounce_policy) | given
        audit.record(session, actor, "bounces.policy_changed", "policy", **given)
        session.flush()
        return numbers(session)


def _is_within(name: str, value: float) -> bool:
    return name in NUMBERS and NUMBERS[name].least <= value <= NUMBERS[name].most
