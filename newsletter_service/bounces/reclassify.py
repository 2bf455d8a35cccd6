"""Judging stored messages anew after the rules have changed: first who would change, then so.

Only what is still stored can be read again (30 days). A suppression that the new judgement no
longer bears out is lifted only when that is asked for, and every change is in the audit log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit, settings, standing, suppression
from newsletter_service.bounces import intake, own_rules, resolve
from newsletter_service.bounces.intake import Reading
from newsletter_service.bounces.parse import parse
from newsletter_service.extensions import db
from newsletter_service.models import (
    BounceEvent,
    BounceKind,
    BounceMessage,
    BounceState,
    Suppression,
    SuppressionReason,
    writing,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.verdict_rules import OwnRules

AT_ONCE = 100
READ_AGAIN = (BounceState.PROCESSED, BounceState.UNREADABLE)
_FROM_BOUNCES = (SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES)
_JUDGED = ("kind", "final", "reason", "meaning", "status", "evidence")


@dataclass(frozen=True)
class Change:
    """One message that would be judged otherwise; kinds and reasons as `hard/userunknown`.

    `suppresses` and `releases` say what would follow for the reader.
    """

    message_id: int
    subscriber_id: int | None
    before: str
    after: str
    suppresses: bool
    releases: bool


def changes(now: datetime, more: OwnRules = ()) -> Iterator[Change]:
    """Who would change by today's rules, and `more` beside them; changes nothing."""
    last_id = 0
    while ids := _next(last_id):
        for message_id in ids:
            change = _change_of(db.session(), message_id, now, more)
            db.session.rollback()
            if change is not None:
                yield change
        last_id = ids[-1]


def apply(now: datetime, *, actor: str, release: bool) -> list[Change]:
    """Judge all again and keep it; `release` also lifts what is no longer borne out."""
    done = []
    for change in list(changes(now)):
        with writing() as session:
            if _apply_one(session, change, now, actor, release=release):
                done.append(change)
    return done


def _next(last_id: int) -> list[int]:
    query = select(BounceMessage.id).where(
        BounceMessage.id > last_id, BounceMessage.state.in_(READ_AGAIN)
    )
    return list(db.session.scalars(query.order_by(BounceMessage.id).limit(AT_ONCE)))


def _judged(
    session: Session, message: BounceMessage, more: OwnRules
) -> tuple[BounceEvent | None, BounceEvent | None]:
    """The event that is kept for a message, and the one that it would get now."""
    report = parse(message.raw)
    target = resolve.find(session, settings.current(), message.envelope_to, report)
    kept = session.scalars(
        select(BounceEvent).where(BounceEvent.message_id == message.id).limit(1)
    ).one_or_none()
    if target is None or target.notice_id is not None:
        return kept, kept
    read = Reading(report, (*more, *own_rules.in_force(session)))
    return kept, intake.event_of(read, target, message.source, message.received_at)


def _change_of(session: Session, message_id: int, now: datetime, more: OwnRules) -> Change | None:
    message = session.get_one(BounceMessage, message_id)
    kept, new = _judged(session, message, more)
    before, after = _said(kept), _said(new)
    about = new or kept
    if before == after or about is None:
        return None
    suppressed = _suppressed(session, about.address_key)
    barred = new is not None and _would_suppress(session, kept, new, now)
    return Change(
        message_id=message_id,
        subscriber_id=about.subscriber_id,
        before=before,
        after=after,
        suppresses=barred and suppressed is None,
        releases=not barred and suppressed is not None and suppressed.evidence == _evidence(kept),
    )


def _said(event: BounceEvent | None) -> str:
    if event is None:
        return ""
    delayed = "" if event.final else "/delayed"
    return f"{event.kind}/{event.reason}{delayed}"


def _evidence(event: BounceEvent | None) -> str | None:
    return event.evidence if event is not None else None


def _suppressed(session: Session, address_key: bytes) -> Suppression | None:
    return session.scalars(
        select(Suppression).where(
            Suppression.address_key == address_key,
            Suppression.scope == WHOLE_ORGANISATION,
            Suppression.reason.in_(_FROM_BOUNCES),
            Suppression.released_at.is_(None),
        )
    ).one_or_none()


def _would_suppress(
    session: Session, kept: BounceEvent | None, new: BounceEvent, now: datetime
) -> bool:
    """As if the kept event had never been."""
    without = kept.id if kept is not None else None
    return standing.would(session, new, now, in_place_of=without).suppress is not None


def _apply_one(
    session: Session, change: Change, now: datetime, actor: str, *, release: bool
) -> bool:
    message = session.get(BounceMessage, change.message_id, with_for_update=True)
    if message is None:
        return False
    kept, new = _judged(session, message, ())
    about = new or kept
    if about is None or _said(kept) == _said(new):
        return False
    key = about.address_key
    if new is None:
        session.delete(kept)
    elif kept is None or new.kind == BounceKind.COMPLAINT:
        new.message_id = message.id
        standing.weigh(session, new, now)
    else:
        _rejudge(session, kept, new, now)
    message.state, message.note = BounceState.PROCESSED, ""
    if release and change.releases:
        suppression.release(
            session, key, by=actor, reason=f"judged anew: {change.after or 'nothing'}", now=now
        )
    audit.record(
        session,
        actor,
        "bounces.reclassified",
        f"bounce:{message.id}",
        before=change.before,
        after=change.after,
        released=release and change.releases,
    )
    return True


def _rejudge(session: Session, kept: BounceEvent, new: BounceEvent, now: datetime) -> None:
    """Weigh the new judgement in the place of the kept one, which keeps its id and wave."""
    new.message_id, new.wave_id = kept.message_id, kept.wave_id
    session.delete(kept)
    session.flush()
    standing.weigh(session, new, now)
