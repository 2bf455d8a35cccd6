"""What is kept for how long, and its removal when the time is up (R 5.13).

Each act works in small transactions of its own, may be stopped anywhere and run again.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from newsletter_service.extensions import Base, db
from newsletter_service.models import (
    BounceMessage,
    BounceState,
    ConsentEvent,
    DeliveryState,
    DoctorReport,
    LinkCheck,
    LoginSession,
    Notice,
    ProviderEvent,
    SignUp,
    SiteProbe,
    SpentProof,
    Subscriber,
    Subscription,
    SubscriptionState,
    Token,
    TokenPurpose,
    changed,
    writing,
)
from newsletter_service.pictures import remote
from newsletter_service.subscribers import import_runs

log = logging.getLogger(__name__)

# Counted from the end of its last link: until then the link's page offers a new one.
UNCONFIRMED_KEPT = timedelta(days=7)
CONSENT_ORIGIN_KEPT = timedelta(days=365)
RAW_BOUNCES_KEPT = timedelta(days=30)
NOTICES_KEPT = timedelta(days=396)
# One that no worker could take; it waits hours at most otherwise.
SIGN_UPS_KEPT = timedelta(days=7)
# As long as they count towards how much mail one address may be sent (R 6.2).
STRANGERS_NOTICES_KEPT = timedelta(days=31)
# A confirmation link can block its address as long as its mail may lie in a mailbox.
CONFIRMATION_LINKS_KEPT = timedelta(days=396)
OTHER_TOKENS_KEPT = timedelta(days=1)
SESSIONS_KEPT = timedelta(days=90)
REPORTS_KEPT = timedelta(days=90)
ROWS_AT_ONCE = 500

_OPEN = (
    DeliveryState.PENDING,
    DeliveryState.CLAIMED,
    DeliveryState.DATA_STARTED,
    DeliveryState.DEFERRED,
)


def retain(now: datetime) -> dict[str, int]:
    """Remove everything whose time is up; how many rows of each kind went."""
    counts = {name: act(now) for name, act in ACTS.items()}
    removed = {name: number for name, number in counts.items() if number}
    if removed:
        log.info("retention_applied", extra=removed)
    return counts


def _unconfirmed(now: datetime) -> int:
    """Sign-ups that nobody confirmed, with all that was noted about them."""
    total, last_id = 0, 0
    while pairs := _waiting_too_long(last_id, now):
        last_id = pairs[-1][0]
        with writing() as session:
            total += _forget_sign_ups(session, pairs, now)
    return total


def _waiting_too_long(after_id: int, now: datetime) -> Sequence[tuple[int, int]]:
    found = db.session.execute(
        select(Subscription.id, Subscription.subscriber_id)
        .where(Subscription.id > after_id, *_is_unconfirmed(now))
        .order_by(Subscription.id)
        .limit(ROWS_AT_ONCE)
    ).all()
    db.session.rollback()
    return [(row.id, row.subscriber_id) for row in found]


def _is_unconfirmed(now: datetime) -> tuple[ColumnElement[bool], ...]:
    since = now - UNCONFIRMED_KEPT
    link = exists().where(
        Token.purpose == TokenPurpose.CONFIRM,
        Token.subject_id == Subscription.id,
        Token.expires_at >= since,
    )
    return (
        Subscription.state == SubscriptionState.PENDING,
        Subscription.created_at < since,
        ~link,
    )


def _forget_sign_ups(session: Session, pairs: Sequence[tuple[int, int]], now: datetime) -> int:
    reader_ids = sorted({reader_id for _, reader_id in pairs})
    # readers first, in order, as a sign-up does: neither waits for the other in a circle
    session.execute(
        select(Subscriber.id)
        .where(Subscriber.id.in_(reader_ids))
        .order_by(Subscriber.id)
        .with_for_update()
    )
    due = Subscription.id.in_([each for each, _ in pairs]) & and_(*_is_unconfirmed(now))
    # who had left before stays known as having left
    back = changed(
        session,
        update(Subscription)
        .where(due, Subscription.ended_at.is_not(None))
        .values(state=SubscriptionState.UNSUBSCRIBED)
        .execution_options(synchronize_session=False),
    )
    gone = list(session.scalars(select(Subscription.id).where(due)))
    _delete(session, ConsentEvent, ConsentEvent.subscription_id.in_(gone))
    _delete(session, Token, (Token.purpose == TokenPurpose.CONFIRM) & Token.subject_id.in_(gone))
    _delete(session, Subscription, Subscription.id.in_(gone))
    _forget_strangers(session, reader_ids)
    return back + len(gone)


def _forget_strangers(session: Session, reader_ids: list[int]) -> None:
    """Of these readers, forget those without any subscription left."""
    known = exists().where(Subscription.subscriber_id == Subscriber.id)
    ids = list(session.scalars(select(Subscriber.id).where(Subscriber.id.in_(reader_ids), ~known)))
    _delete(session, ConsentEvent, ConsentEvent.subscriber_id.in_(ids))
    _delete(session, Subscriber, Subscriber.id.in_(ids))


def _consent_origins(now: datetime) -> int:
    """Where a consent was given from; the proof itself stays.

    Below the ORM on purpose: it refuses every change of a consent event, and this is the one.
    """
    old = and_(
        ConsentEvent.at < now - CONSENT_ORIGIN_KEPT,
        or_(ConsentEvent.ip != "", ConsentEvent.user_agent != ""),
    )
    table = ConsentEvent.__table__
    total = 0
    while ids := _some(ConsentEvent, old):
        with writing() as session:
            session.execute(
                update(table).where(table.c.id.in_(ids)).values(ip="", user_agent="")  # type: ignore[arg-type]
            )
        total += len(ids)
    return total


def _raw_bounces(now: datetime) -> int:
    waiting = BounceMessage.state == BounceState.STORED
    return _remove(BounceMessage, (BounceMessage.received_at < now - RAW_BOUNCES_KEPT) & ~waiting)


def _provider_events(now: datetime) -> int:
    return _remove(
        ProviderEvent,
        (ProviderEvent.state != BounceState.STORED)
        & (ProviderEvent.received_at < now - RAW_BOUNCES_KEPT),
    )


def _notices(now: datetime) -> int:
    """Mails to one person; to one who never became a reader only as long as they are counted."""
    known = exists().where(Subscriber.address_key == Notice.address_key)
    strange = Notice.to_staff.is_(False) & ~known
    return _remove(
        Notice,
        Notice.state.not_in(_OPEN)
        & or_(
            Notice.created_at < now - NOTICES_KEPT,
            strange & (Notice.created_at < now - STRANGERS_NOTICES_KEPT),
        ),
    )


def _tokens(now: datetime) -> int:
    confirming = Token.purpose == TokenPurpose.CONFIRM
    return _remove(
        Token,
        or_(
            confirming & (Token.expires_at < now - CONFIRMATION_LINKS_KEPT),
            ~confirming & (Token.expires_at < now - OTHER_TOKENS_KEPT),
        ),
    )


def _sign_ups(now: datetime) -> int:
    return _remove(SignUp, SignUp.asked_at < now - SIGN_UPS_KEPT)


def _spent_proofs(now: datetime) -> int:
    with writing() as session:
        return changed(session, delete(SpentProof).where(SpentProof.expires_at < now))


def _sessions(now: datetime) -> int:
    since = now - SESSIONS_KEPT
    return _remove(LoginSession, or_(LoginSession.ended_at < since, LoginSession.seen_at < since))


def _probes(now: datetime) -> int:
    return _remove(SiteProbe, SiteProbe.asked_at < now - REPORTS_KEPT)


def _links(now: datetime) -> int:
    return _remove(LinkCheck, LinkCheck.tried_at < now - REPORTS_KEPT)


def _reports(now: datetime) -> int:
    newest = select(DoctorReport.id).order_by(DoctorReport.id.desc()).limit(1).scalar_subquery()
    return _remove(
        DoctorReport, (DoctorReport.at < now - REPORTS_KEPT) & (DoctorReport.id != newest)
    )


def _remove(model: type[Base], condition: ColumnElement[bool]) -> int:
    """Delete rows by condition, some at a time."""
    total = 0
    while ids := _some(model, condition):
        with writing() as session:
            # asked again: what became young meanwhile stays
            _delete(session, model, _id(model).in_(ids) & condition)
        total += len(ids)
    return total


def _some(model: type[Base], condition: ColumnElement[bool]) -> Sequence[int]:
    found = db.session.scalars(
        select(_id(model)).where(condition).order_by(_id(model)).limit(ROWS_AT_ONCE)
    ).all()
    db.session.rollback()
    return found


def _delete(session: Session, model: type[Base], condition: ColumnElement[bool]) -> None:
    session.execute(delete(model).where(condition).execution_options(synchronize_session=False))


def _id(model: type[Base]) -> ColumnElement[int]:
    column: ColumnElement[int] = model.__table__.c.id
    return column


ACTS: dict[str, Callable[[datetime], int]] = {
    "unconfirmed_sign_ups": _unconfirmed,
    "consent_origins": _consent_origins,
    "raw_bounces": _raw_bounces,
    "provider_events": _provider_events,
    "notices": _notices,
    "sign_ups": _sign_ups,
    "spent_proofs": _spent_proofs,
    "tokens": _tokens,
    "login_sessions": _sessions,
    "site_probes": _probes,
    "link_checks": _links,
    "doctor_reports": _reports,
    "pictures": remote.forget_old,
    "reader_imports": import_runs.tidy,
}
