"""How sending stands right now: the verdict of *Drift* and what it rests on.

Asks SQL for small things only (batches' tallies, open rows), since the page asks every few
seconds.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import waves
from newsletter_service.delivery import control
from newsletter_service.extensions import db
from newsletter_service.models import (
    EVERYTHING,
    Batch,
    BounceEvent,
    BounceKind,
    BounceMessage,
    BounceState,
    Delivery,
    DeliveryState,
    DoctorReport,
    Hold,
    IssueState,
    Lease,
    Notice,
    db_now_ms,
    ms_of,
    queue_hold,
)
from newsletter_service.operations import queues, relay_desk, sign_up_watch, stops, under_way
from newsletter_service.operations.queues import QueuesLook
from newsletter_service.operations.relay_desk import RelayLook
from newsletter_service.operations.sign_up_watch import Watch
from newsletter_service.operations.under_way import Send

OVERDUE_AFTER_MS = 10 * 60 * 1000
BOUNCES_SINCE = timedelta(days=30)
DOUBTS_SHOWN = 20
SCHEDULER = "scheduler"


@dataclass(frozen=True)
class Trouble:
    """Something that needs somebody; `kind` is `bad` or `wait`, worst first in a list."""

    code: str
    kind: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CameBack:
    """What came back lately: how much by reason and by domain, and what could not be read."""

    by_reason: list[tuple[str, int]]
    by_domain: list[tuple[str, int]]
    complaints: int
    messages: dict[str, int]


@dataclass(frozen=True)
class Overview:
    """Everything *Drift* shows, at one moment."""

    troubles: tuple[Trouble, ...]
    sends: tuple[Send, ...]
    queues: QueuesLook
    relays: tuple[RelayLook, ...]
    doubts: tuple[Delivery, ...]
    doubtful: int
    came_back: CameBack
    report: DoctorReport | None
    scheduler_late: bool
    holds: dict[str, Hold]
    forms: Watch

    @property
    def stopped(self) -> Hold | None:
        """Who stopped everything, and why; None while mail leaves."""
        return self.holds.get(EVERYTHING)

    def is_paused(self, queue_name: str) -> bool:
        """Whether a queue's work waits for somebody."""
        return queue_hold(queue_name) in self.holds


def look(now: datetime) -> Overview:
    """How sending stands; answers also with the queue server away."""
    session = db.session()
    sends = tuple(under_way.look(session))
    queued = queues.look(now)
    found_relays = tuple(relay_desk.look())
    doubtful = _doubtful(session)
    came_back = _came_back(session, now)
    late = _scheduler_late(session)
    holds = stops.holds()
    forms = sign_up_watch.look(now)
    troubles = [
        *_of_holds(holds),
        *_of_processes(queued, late),
        *_of_relays(found_relays),
        *_of_sends(sends),
        *_of_forms(forms),
        *_of_rest(session, queued, doubtful, came_back, now),
    ]
    return Overview(
        troubles=tuple(sorted(troubles, key=lambda trouble: trouble.kind != "bad")),
        sends=sends,
        queues=queued,
        relays=found_relays,
        doubts=tuple(control.in_doubt(session, limit=DOUBTS_SHOWN)) if doubtful else (),
        doubtful=doubtful,
        came_back=came_back,
        report=last_report(session),
        scheduler_late=late,
        holds=holds,
        forms=forms,
    )


def last_report(session: Session) -> DoctorReport | None:
    """What the checks found last."""
    return session.scalars(select(DoctorReport).order_by(DoctorReport.id.desc()).limit(1)).first()


def _of_holds(holds: dict[str, Hold]) -> list[Trouble]:
    return [
        Trouble(
            "stopped" if what == EVERYTHING else "queue_paused",
            "bad" if what == EVERYTHING else "wait",
            {"actor": hold.actor, "reason": hold.reason, "queue": what.partition(":")[2]},
        )
        for what, hold in holds.items()
    ]


def _of_processes(queued: QueuesLook, scheduler_late: bool) -> list[Trouble]:
    if not queued.reachable:
        return [Trouble("queue_away", "bad")]
    idle = [each.name for each in queued.queues if not queued.workers_of(each.name)]
    found = []
    if len(idle) == len(queued.queues):
        found.append(Trouble("no_workers", "bad"))
    else:
        found += [Trouble("no_worker", "bad", {"queue": ", ".join(idle)})] if idle else []
    if scheduler_late:
        found.append(Trouble("scheduler_late", "bad"))
    return found


def _of_relays(found: tuple[RelayLook, ...]) -> list[Trouble]:
    troubles = []
    for relay in found:
        values = {"relay": relay.name, "reason": relay.paused_reason, "seconds": relay.waits_s}
        if relay.state == "paused":
            troubles.append(Trouble("relay_paused", "bad", values))
        elif relay.state == "waiting":
            values["reason"] = relay.last_error
            troubles.append(Trouble("relay_waiting", "wait", values))
    return troubles


def _of_sends(sends: tuple[Send, ...]) -> list[Trouble]:
    troubles = []
    for send in sends:
        values = {"number": send.number, "left": send.left, "reason": send.paused_reason}
        values["issue"] = send.issue_id
        if send.state == IssueState.PAUSED:
            troubles.append(Trouble("issue_paused", "wait", values))
        elif send.stalled:
            troubles.append(Trouble("issue_stalled", "bad", values))
    return troubles


def _of_forms(forms: Watch) -> list[Trouble]:
    if not forms.alarming:
        return []
    code = "sign_up_flood" if forms.spike else "confirmations_unanswered"
    values = {"count": forms.last_hour, "mailed": forms.mailed, "answered": forms.answered}
    return [Trouble(code, "bad", values)]


def _of_rest(
    session: Session, queued: QueuesLook, doubtful: int, came_back: CameBack, now: datetime
) -> list[Trouble]:
    failed = sum(each.failed for each in queued.queues)
    unread = session.scalar(
        select(func.count())
        .select_from(BounceMessage)
        .where(
            BounceMessage.state == BounceState.STORED,
            BounceMessage.received_at < now - timedelta(milliseconds=OVERDUE_AFTER_MS),
        )
    )
    candidates = (
        ("notices_late", "bad", _late_notices(session, now)),
        ("in_doubt", "wait", doubtful),
        ("failed_jobs", "wait", failed),
        ("bounce_waves", "bad", len(waves.undecided(session))),
        ("bounces_unread", "wait", unread or 0),
        ("bounces_unreadable", "wait", came_back.messages[BounceState.UNREADABLE]),
    )
    return [Trouble(code, kind, {"count": count}) for code, kind, count in candidates if count]


def _late_notices(session: Session, now: datetime) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Notice)
            .where(
                Notice.state == DeliveryState.PENDING,
                Notice.due_ms < ms_of(now) - OVERDUE_AFTER_MS,
                Notice.created_at < now - timedelta(milliseconds=OVERDUE_AFTER_MS),
            )
        )
        or 0
    )


def _doubtful(session: Session) -> int:
    return int(
        session.scalar(select(func.coalesce(func.sum(Batch.in_doubt), 0)).where(Batch.in_doubt > 0))
        or 0
    )


def _came_back(session: Session, now: datetime) -> CameBack:
    since = BounceEvent.at > now - BOUNCES_SINCE
    final = since & BounceEvent.final.is_(True) & (BounceEvent.kind != BounceKind.COMPLAINT)
    number = func.count().label("number")

    def most(column: Any) -> list[tuple[str, int]]:
        query = select(column, number).where(final).group_by(column)
        rows = session.execute(query.order_by(number.desc(), column).limit(5))
        return [(str(name), count) for name, count in rows]

    complaints = session.scalar(
        select(number).where(since, BounceEvent.kind == BounceKind.COMPLAINT)
    )
    messages: dict[str, int] = dict.fromkeys(BounceState, 0)
    by_state = select(BounceMessage.state, func.count()).group_by(BounceMessage.state)
    messages |= dict(session.execute(by_state).all())
    return CameBack(
        most(BounceEvent.reason), most(BounceEvent.domain), int(complaints or 0), messages
    )


def _scheduler_late(session: Session) -> bool:
    """Nobody holds the scheduler's lease."""
    held = select(Lease.name).where(Lease.name == SCHEDULER, Lease.until_ms >= db_now_ms())
    return session.execute(held).first() is None
