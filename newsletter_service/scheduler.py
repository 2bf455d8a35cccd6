"""The scheduler: ticks while it holds its lease; each tick's act does no harm if done twice."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import redis
from flask import Flask
from sqlalchemy import select

from newsletter_service import queue, waves
from newsletter_service.bounces import intake, mailbox, provider_events
from newsletter_service.delivery import canary, complaints, overdue
from newsletter_service.extensions import db
from newsletter_service.issues import departure, late, link_check, proposals, review
from newsletter_service.models import db_now_ms, leases, utc_of_ms
from newsletter_service.news import fetch, folding, probe
from newsletter_service.operations import alarms, go_live, journal, sign_up_watch, tidy
from newsletter_service.pictures import remote
from newsletter_service.subscribers import import_turns, reminders, sign_ups

log = logging.getLogger(__name__)

LEASE = "scheduler"
LEASE_MS = 15_000
TICK_S = 2.0


def sweep(now: datetime) -> None:
    """Recover what was lost and nudge what is overdue (P1)."""
    queue.nudge_overdue(overdue.sweep(now))


def nudge_inputs(now: datetime) -> None:
    """Nudge what came in: sign-ups, imports, mails that came back, sources due, sites."""
    wanted: list[tuple[str, tuple[int, ...]]] = [
        ("bounces.process", (message_id,)) for message_id in intake.overdue(now)
    ]
    wanted += [("sign_ups.take", ())] if sign_ups.overdue(now) else []
    wanted += [("providers.process", ())] if provider_events.overdue(now) else []
    wanted += [("bounces.poll", ())] if mailbox.any_due(now) else []
    wanted += [("readers.import", (import_id,)) for import_id in import_turns.overdue()]
    wanted += [("news.fetch", (source_id,)) for source_id in fetch.due(now)]
    wanted += [("news.fold", ())] if folding.is_due() else []
    wanted += [("links.try", (issue_id,)) for issue_id in link_check.overdue(now)]
    wanted += [("site.discover", (probe_id,)) for probe_id in probe.overdue(now)]
    wanted += [("pictures.fetch", ())] if remote.is_due(now) else []
    queue.nudge_overdue(wanted)


TICKS: tuple[tuple[timedelta, Callable[[datetime], object]], ...] = (
    # first of all: a restored database is brought up to its journal before anything leaves
    (timedelta(seconds=5), journal.keep),
    (timedelta(seconds=2), departure.start_due),
    (timedelta(seconds=2), sweep),
    (timedelta(seconds=2), nudge_inputs),
    (timedelta(seconds=10), alarms.tell),
    (timedelta(minutes=1), sign_up_watch.tell),
    (timedelta(seconds=30), proposals.propose_due),
    (timedelta(minutes=5), reminders.remind_due),
    (timedelta(seconds=30), review.tell_late),
    (timedelta(seconds=30), review.plan_approved),
    (timedelta(seconds=30), late.tell),
    (timedelta(seconds=5), canary.judge_all),
    (timedelta(seconds=30), complaints.watch),
    (timedelta(hours=1), lambda _now: overdue.make_partitions()),
    (timedelta(hours=1), tidy.retain),
    (timedelta(hours=1), waves.close_stale),
    (timedelta(hours=1), go_live.apply_mode),
)


def run(app: Flask, stopping: threading.Event) -> None:
    """Tick until told to stop. Several may run; the one with the lease works."""
    owner = f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"
    last: dict[int, float] = {}
    while not stopping.is_set():
        with app.app_context():
            try:
                if hold(owner):
                    _tick(last)
            except Exception:  # a tick that fails is tried again at the next one
                log.exception("tick_failed")
                db.session.rollback()
        stopping.wait(TICK_S)
    with app.app_context():
        let_go(owner)


def hold(owner: str) -> bool:
    """Take or prolong the lease, by database time; whether it is ours."""
    return leases.hold(db.engine, LEASE, owner, LEASE_MS)


def let_go(owner: str) -> None:
    """Give the lease up, so that the next scheduler need not wait."""
    leases.let_go(db.engine, LEASE, owner)


def _tick(last: dict[int, float]) -> None:
    """Do what is due, each by itself: one that fails stops no other and is tried again."""
    for number, (interval, act) in enumerate(TICKS):
        if time.monotonic() - last.get(number, float("-inf")) < interval.total_seconds():
            continue
        last[number] = time.monotonic()
        try:
            act(database_time())
        except redis.exceptions.RedisError:
            log.warning("queue_unreachable")
        except Exception:
            log.exception("tick_failed")
            db.session.rollback()


def database_time() -> datetime:
    """Now, by the clock that all machines share: one of ours may be minutes off."""
    with db.engine.connect() as connection:
        return utc_of_ms(connection.execute(select(db_now_ms())).scalar_one())
