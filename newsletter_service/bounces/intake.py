"""Keeping what came back, and acting on it: stored first, understood later, judged once.

`store` answers as soon as the message is safe; `process` reads it in a worker, finds the copy it
is about by our token, settles a doubt and weighs the failure. Nothing is ever thrown away here.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter_service import queue, settings
from newsletter_service.bounces import effects, leaving, own_rules, resolve, summary
from newsletter_service.bounces.formats.report import Report
from newsletter_service.bounces.leaving import Wish
from newsletter_service.bounces.parse import parse
from newsletter_service.bounces.resolve import Target
from newsletter_service.extensions import db
from newsletter_service.hiding import hidden
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    BounceMessage,
    BounceState,
    DeliveryState,
    changed,
    writing,
)
from newsletter_service.models.upsert import insert_new
from newsletter_service.subscribers import opt_out
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.verdict_rules import OwnRules

log = logging.getLogger(__name__)

LARGEST = 1024 * 1024
TRIES = 3
PATIENCE = timedelta(seconds=10)
SWEPT_AT_ONCE = 50

STORING_FAILED = SQLAlchemyError

_UNSTORABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class TooLarge(ValueError):
    """The message is larger than any bounce of ours could be; nothing was stored."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"The message has {size} bytes; the most that is read is {LARGEST}.")


@dataclass(frozen=True)
class _Begun:
    """A stored message whose processing has begun."""

    id: int
    raw: bytes
    envelope_to: str
    source: str
    received_at: datetime


@dataclass(frozen=True)
class Reading:
    """A message as it was read, and the installation's own rules it is judged by."""

    report: Report
    own: OwnRules = ()


@dataclass(frozen=True)
class _Ending:
    """How a message ends: its state, what it was, and a sentence for operators."""

    state: BounceState
    kind: str
    note: str = ""


def store(raw: bytes, envelope_to: str, source: str, now: datetime) -> int:
    """Keep a message and ask for its processing; its id, the old one if it came before.

    `envelope_to` is the address it was delivered to, or empty. Raises `TooLarge`.
    """
    if len(raw) > LARGEST:
        raise TooLarge(len(raw))
    envelope_to = _clean(envelope_to, 320)
    plain = raw.replace(b"\r\n", b"\n")
    digest = hashlib.sha256(envelope_to.lower().encode() + b"\0" + plain).digest()
    with writing() as session:
        session.execute(
            insert_new(session, BounceMessage).values(
                digest=digest,
                raw=raw,
                envelope_to=envelope_to,
                source=source[:32],
                state=BounceState.STORED,
                kind="",
                note="",
                tries=0,
                received_at=now,
            )
        )
        row = session.execute(
            select(BounceMessage.id, BounceMessage.state).where(BounceMessage.digest == digest)
        ).one()
        if row.state == BounceState.STORED:
            queue.nudge("bounces.process", row.id)
        return int(row.id)


def process(message_id: int, now: datetime) -> None:
    """Read a stored message and act on it; harmless when it was done already."""
    begun = _begin(message_id, now)
    if begun is None:
        return
    report = parse(begun.raw)
    asked = _wish(begun, report)
    if asked is not None:
        _leave(message_id, asked, now)
        return
    with writing() as session:
        target = resolve.find(session, settings.current(), begun.envelope_to, report)
        if target is not None and target.state == DeliveryState.DATA_STARTED:
            _wait(session, message_id)
            return
        own = own_rules.in_force(session)
        ending = _ending(report, target)
        if not _end(session, message_id, ending, now):
            return
        if target is not None and ending.state == BounceState.PROCESSED:
            _act(session, begun, Reading(report, own), target, now)
    log.info("bounce_processed", extra={"bounce": message_id, "kind": ending.kind})


def overdue(now: datetime) -> list[int]:
    """Stored messages whose nudge got lost or whose processing broke off, the oldest first."""
    from_here = select(BounceMessage.id, BounceMessage.tries, BounceMessage.received_at)
    rows = db.session.execute(
        from_here.where(
            BounceMessage.state == BounceState.STORED, BounceMessage.received_at < now - PATIENCE
        )
        .order_by(BounceMessage.id)
        .limit(SWEPT_AT_ONCE)
    )
    return [row.id for row in rows if now - row.received_at > PATIENCE * 3**row.tries]


def _begin(message_id: int, now: datetime) -> _Begun | None:
    """Count a try in a transaction of its own, so that one that kills the worker counts too."""
    with writing() as session:
        row = session.get(BounceMessage, message_id, with_for_update=True)
        if row is None or row.state != BounceState.STORED:
            return None
        if row.tries >= TRIES:
            row.state, row.processed_at = BounceState.UNREADABLE, now
            row.note = f"Reading it broke off {TRIES} times; the log says how."
            log.error("bounce_given_up", extra={"bounce": message_id})
            return None
        row.tries += 1
        return _Begun(row.id, row.raw, row.envelope_to, row.source, row.received_at)


def _wish(begun: _Begun, report: Report) -> Wish | None:
    """Whether a person, and not a machine, wrote to leave."""
    if report.kind != "not-a-bounce" or report.format:
        return None
    return leaving.wish(begun.raw, begun.envelope_to, settings.current())


def _leave(message_id: int, asked: Wish, now: datetime) -> None:
    """End the subscription; of the message, which a person wrote, nothing is kept."""
    with writing() as session:
        subscription = resolve.subscription_of(session, asked.target)
        gone = subscription is None
        note = "What it names is gone, and so is the subscription." if gone else ""
        if not _end(session, message_id, _Ending(BounceState.PROCESSED, "unsubscribe", note), now):
            return
        session.execute(
            update(BounceMessage)
            .where(BounceMessage.id == message_id)
            .values(raw=b"", envelope_to="")
        )
        if subscription is not None:
            detail = {"issue_id": asked.target.issue_id} if asked.target.issue_id else {}
            context = RequestContext(channel=asked.channel)
            opt_out.end(session, subscription, context, now, **detail)
    log.info("left_by_mail", extra={"bounce": message_id, "channel": asked.channel})


def _wait(session: Session, message_id: int) -> None:
    """The relay's reply is not in the ledger yet: the sweep comes back, and nothing is charged."""
    session.execute(
        update(BounceMessage)
        .where(BounceMessage.id == message_id, BounceMessage.state == BounceState.STORED)
        .values(tries=BounceMessage.tries - 1)
    )


def _ending(report: Report, target: Target | None) -> _Ending:
    kind = report.feedback_type if report.feedback_type == "not-spam" else report.kind
    if target is None:
        note = "It carries no token of ours, or what it names is gone. Nothing was changed."
        return _Ending(BounceState.UNMATCHED, kind, note)
    if report.kind == "not-a-bounce" and not report.format:
        note = "No known form of a bounce; a person may have written it. Nothing was changed."
        return _Ending(BounceState.UNREADABLE, kind, note)
    return _Ending(BounceState.PROCESSED, kind)


def _end(session: Session, message_id: int, ending: _Ending, now: datetime) -> bool:
    """Close the message; False where somebody else did."""
    statement = (
        update(BounceMessage)
        .where(BounceMessage.id == message_id, BounceMessage.state == BounceState.STORED)
        .values(state=ending.state, kind=ending.kind, note=ending.note, processed_at=now)
    )
    return changed(session, statement) == 1


def _act(session: Session, begun: _Begun, read: Reading, target: Target, now: datetime) -> None:
    """Settle a doubt, and keep and weigh a failure or a complaint."""
    effects.settle_doubt(session, target)
    event = event_of(read, target, begun.source, begun.received_at)
    if event is not None:
        event.message_id = begun.id
        effects.take(session, target, event, now)


def event_of(read: Reading, target: Target, source: str, at: datetime) -> BounceEvent | None:
    """What a report says of the reader whose copy came back; None where it says nothing bad."""
    report = read.report
    common = effects.event_about(target, source, at)
    if report.kind == "complaint":
        common.kind, common.final = BounceKind.COMPLAINT, True
        common.reason = "feedback"
        common.evidence = _clean(f"Feedback-Type: {report.feedback_type}", 500)
        return common
    said = summary.about(report, target.address, read.own) if report.kind == "bounce" else None
    if said is None:
        return None
    common.kind, common.final = BounceKind(said.kind), said.final
    common.reason, common.meaning, common.status = said.reason, said.meaning, said.status[:16]
    common.evidence = _clean(hidden(said.evidence), 500)
    return common


def _clean(text: str, longest: int) -> str:
    """Without what a database refuses to keep."""
    return _UNSTORABLE.sub("", text)[:longest]
