"""What Prometheus asks for, counted in SQL and Redis at each scrape (R 9.6, 9.7).

Nothing is counted in a process, so nothing is lost when one restarts. Labels are bounded: no
address, no token, no issue. Every name is there from the first scrape; what Redis alone knows
is NaN while it is away. `docs/operators/metrics.md` explains each one.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

import newsletter_service
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    BounceEvent,
    BounceKind,
    BounceMessage,
    BounceState,
    ConsentEvent,
    ConsentKind,
    DeliveryState,
    Issue,
    IssueState,
    Lease,
    NewsletterList,
    Notice,
    Organisation,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from newsletter_service.operations import queues, relay_desk
from newsletter_service.operations.overview import SCHEDULER
from newsletter_service.queue import QUEUES

OUTCOMES = ("accepted", "refused", "deferred", "in_doubt", "skipped")
CHANNELS = ("one-click", "page", "preferences", "mail", "desk", "other")
WORKER_STATES = ("idle", "busy", "suspended", "started", "silent")
LEASE_MS = 15_000
RATIO_OVER = timedelta(days=7)
UNKNOWN = float("nan")


def exposition(now: datetime) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(now))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterable[Metric]:
        session = db.session()
        yield from _queues(self._now)
        yield from _deliveries(session)
        yield from _notices(session)
        yield from _came_back(session)
        yield from _complaint_ratio(session, self._now)
        yield from _readers(session)
        yield from _installation(session, self._now)


def _queues(now: datetime) -> Iterator[Metric]:
    found = queues.look(now)
    yield _gauge("queue_reachable", "Whether the queue server answers.", float(found.reachable))
    jobs = GaugeMetricFamily(
        "newsletter_queue_jobs", "Jobs by queue and status.", labels=("queue", "status")
    )
    oldest = GaugeMetricFamily(
        "newsletter_queue_oldest_job_age_seconds",
        "Age of the oldest waiting job.",
        labels=("queue",),
    )
    beat = GaugeMetricFamily(
        "newsletter_worker_last_heartbeat_seconds",
        "Seconds since the newest sign of life of a worker of the queue.",
        labels=("queue",),
    )
    looks = {each.name: each for each in found.queues}
    for name in QUEUES:
        each = looks.get(name)
        for status in ("queued", "started", "failed", "scheduled"):
            jobs.add_metric((name, status), getattr(each, status) if each else UNKNOWN)
        oldest.add_metric((name,), (each.oldest_s or 0.0) if each else UNKNOWN)
        beats = [
            w.heartbeat_s for w in found.workers if name in w.queues and w.heartbeat_s is not None
        ]
        beat.add_metric((name,), min(beats, default=UNKNOWN))
    yield from (jobs, oldest, beat)
    states = [worker.state if worker.alive else "silent" for worker in found.workers]
    yield _labelled(
        "workers",
        "Workers by state.",
        "state",
        {s: states.count(s) if found.reachable else UNKNOWN for s in WORKER_STATES},
    )


def _deliveries(session: Session) -> Iterator[Metric]:
    row = session.execute(
        select(
            *(func.coalesce(func.sum(getattr(Batch, name)), 0) for name in (*OUTCOMES, "pending"))
        )
    ).one()
    counts = dict(zip((*OUTCOMES, "pending"), map(float, row), strict=True))
    total = CounterMetricFamily(
        "newsletter_deliveries", "Deliveries that came to an outcome.", labels=("outcome",)
    )
    for name in OUTCOMES:
        total.add_metric((name,), counts[name])
    yield total
    yield _gauge("deliveries_pending", "Deliveries waiting to be sent.", counts["pending"])
    yield _gauge("in_doubt", "Deliveries nobody knows the end of.", counts["in_doubt"])
    states = _by(session, Issue.state)
    yield _labelled("issue_state", "Issues by state.", "state", _all(IssueState, states))


def _notices(session: Session) -> Iterator[Metric]:
    yield _labelled(
        "notices",
        "Mails to one person, by state.",
        "state",
        _all(DeliveryState, _by(session, Notice.state)),
    )


def _came_back(session: Session) -> Iterator[Metric]:
    counts = dict(
        session.execute(
            select(BounceEvent.kind, func.count())
            .where(BounceEvent.final.is_(True))
            .group_by(BounceEvent.kind)
        ).all()
    )
    bounces = CounterMetricFamily("newsletter_bounces", "Mail that came back.", labels=("class",))
    for kind in (BounceKind.HARD, BounceKind.SOFT):
        bounces.add_metric((kind.value,), counts.get(kind, 0))
    yield bounces
    yield _counter("complaints", "Reports of unwanted mail.", counts.get(BounceKind.COMPLAINT, 0))
    yield _labelled(
        "bounce_messages",
        "Raw messages that are kept, by how far they have come.",
        "state",
        _all(BounceState, _by(session, BounceMessage.state)),
    )


def _complaint_ratio(session: Session, now: datetime) -> Iterator[Metric]:
    """Complaints per accepted copy, of the issues released in the last seven days (R 1.8)."""
    recent = Issue.released_at > now - RATIO_OVER
    accepted = dict(
        session.execute(
            select(Issue.list_id, func.sum(Batch.accepted))
            .join(Batch, Batch.issue_id == Issue.id)
            .where(recent)
            .group_by(Issue.list_id)
        ).all()
    )
    complained = dict(
        session.execute(
            select(Issue.list_id, func.count())
            .join(BounceEvent, BounceEvent.issue_id == Issue.id)
            .where(recent, BounceEvent.kind == BounceKind.COMPLAINT)
            .group_by(Issue.list_id)
        ).all()
    )
    slugs = session.execute(select(NewsletterList.id, NewsletterList.slug))
    yield _labelled(
        "complaint_ratio",
        "Complaints per accepted copy over seven days.",
        "list",
        {slug: complained.get(key, 0) / (accepted.get(key) or 1) for key, slug in slugs},
    )


def _readers(session: Session) -> Iterator[Metric]:
    yield _labelled(
        "subscriptions",
        "Subscriptions by state.",
        "state",
        _all(SubscriptionState, _by(session, Subscription.state)),
    )
    in_force = Suppression.released_at.is_(None)
    yield _labelled(
        "suppressions",
        "Addresses that must not be written to, by reason.",
        "reason",
        _all(SuppressionReason, _by(session, Suppression.reason, in_force)),
    )
    known = case((ConsentEvent.channel.in_(CHANNELS), ConsentEvent.channel), else_="other").label(
        "channel"
    )
    rows = session.execute(
        select(ConsentEvent.kind, known, func.count()).group_by(ConsentEvent.kind, known)
    ).all()
    kinds = {kind: sum(row[2] for row in rows if row[0] == kind) for kind in ConsentKind}
    left = {row[1]: row[2] for row in rows if row[0] == ConsentKind.WITHDRAWN}
    signups = CounterMetricFamily(
        "newsletter_signups", "Requests to subscribe.", labels=("result",)
    )
    signups.add_metric(("requested",), kinds[ConsentKind.REQUESTED])
    yield signups
    yield _counter("confirmations", "Confirmed subscriptions.", kinds[ConsentKind.CONFIRMED])
    unsubscribes = CounterMetricFamily(
        "newsletter_unsubscribes", "Subscriptions ended by readers or staff.", labels=("channel",)
    )
    for channel in CHANNELS:
        unsubscribes.add_metric((channel,), left.get(channel, 0))
    yield unsubscribes


def _installation(session: Session, now: datetime) -> Iterator[Metric]:
    yield _labelled(
        "circuit_open",
        "Whether a relay takes no mail now: paused, or waiting after a refusal.",
        "relay",
        {relay.name: float(relay.state != "open") for relay in relay_desk.look()},
    )
    until = session.scalar(select(Lease.until_ms).where(Lease.name == SCHEDULER)) or 0
    yield _gauge(
        "scheduler_last_run_timestamp_seconds",
        "When the scheduler last prolonged its lease; 0 when it never ran.",
        max(0, until - LEASE_MS) / 1000,
    )
    live = session.scalar(select(Organisation.live_at)) is not None
    yield _gauge("live", "1 when mail may reach strangers, 0 in trial mode.", float(live))
    yield _labelled(
        "build_info", "The version that answers.", "version", {newsletter_service.__version__: 1.0}
    )


def _by(session: Session, column: Any, *conditions: Any) -> dict[str, int]:
    return dict(
        session.execute(select(column, func.count()).where(*conditions).group_by(column)).all()
    )


def _all(names: Iterable[str], counts: dict[str, int]) -> dict[str, float]:
    return {str(name): float(counts.get(name, 0)) for name in names}


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"newsletter_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"newsletter_{name}", text, value=value)


def _labelled(name: str, text: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"newsletter_{name}", text, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family
