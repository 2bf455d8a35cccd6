"""What is kept for how long, and its removal when the time is up (R 5.13).

The periods that the organisation chooses stand in `subscribers.data_protection`, the others here.

Each act works in small transactions of its own, may be stopped anywhere and run again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, exists, or_, select, update

from newsletter_service.delivery import personal_values, retention
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
    Token,
    TokenPurpose,
    changed,
    writing,
)
from newsletter_service.operations import forget_readers
from newsletter_service.operations.old_rows import remove, some
from newsletter_service.pictures import remote
from newsletter_service.subscribers import data_protection, import_runs

log = logging.getLogger(__name__)

# One that no worker could take; it waits hours at most otherwise.
SIGN_UPS_KEPT = timedelta(days=7)
# As long as they count towards how much mail one address may be sent (R 6.2).
STRANGERS_NOTICES_KEPT = timedelta(days=31)
# A confirmation link can block its address as long as its mail may lie in a mailbox.
CONFIRMATION_LINKS_KEPT = timedelta(days=396)
OTHER_TOKENS_KEPT = timedelta(days=1)
SESSIONS_KEPT = timedelta(days=90)
REPORTS_KEPT = timedelta(days=90)

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


def _consent_origins(now: datetime) -> int:
    """Where a consent was given from; the proof itself stays.

    Below the ORM on purpose: it refuses every change of a consent event, and this is the one.
    """
    old = and_(
        ConsentEvent.at < now - data_protection.facts().kept("consent_origins"),
        or_(ConsentEvent.ip != "", ConsentEvent.user_agent != ""),
    )
    table = ConsentEvent.__table__
    total = 0
    while ids := some(ConsentEvent, old):
        with writing() as session:
            session.execute(
                update(table).where(table.c.id.in_(ids)).values(ip="", user_agent="")  # type: ignore[arg-type]
            )
        total += len(ids)
    return total


def _raw_bounces(now: datetime) -> int:
    waiting = BounceMessage.state == BounceState.STORED
    return remove(
        BounceMessage,
        (BounceMessage.received_at < now - data_protection.facts().kept("bounces")) & ~waiting,
    )


def _provider_events(now: datetime) -> int:
    return remove(
        ProviderEvent,
        (ProviderEvent.state != BounceState.STORED)
        & (ProviderEvent.received_at < now - data_protection.facts().kept("bounces")),
    )


def _notices(now: datetime) -> int:
    """Mails to one person; to one who never became a reader only as long as they are counted."""
    known = exists().where(Subscriber.address_key == Notice.address_key)
    strange = Notice.to_staff.is_(False) & ~known
    return remove(
        Notice,
        Notice.state.not_in(_OPEN)
        & or_(
            Notice.created_at < now - data_protection.facts().kept("notices"),
            strange & (Notice.created_at < now - STRANGERS_NOTICES_KEPT),
        ),
    )


def _tokens(now: datetime) -> int:
    confirming = Token.purpose == TokenPurpose.CONFIRM
    return remove(
        Token,
        or_(
            confirming & (Token.expires_at < now - CONFIRMATION_LINKS_KEPT),
            ~confirming & (Token.expires_at < now - OTHER_TOKENS_KEPT),
        ),
    )


def _sign_ups(now: datetime) -> int:
    return remove(SignUp, SignUp.asked_at < now - SIGN_UPS_KEPT)


def _spent_proofs(now: datetime) -> int:
    with writing() as session:
        return changed(session, delete(SpentProof).where(SpentProof.expires_at < now))


def _sessions(now: datetime) -> int:
    since = now - SESSIONS_KEPT
    return remove(LoginSession, or_(LoginSession.ended_at < since, LoginSession.seen_at < since))


def _probes(now: datetime) -> int:
    return remove(SiteProbe, SiteProbe.asked_at < now - REPORTS_KEPT)


def _links(now: datetime) -> int:
    return remove(LinkCheck, LinkCheck.tried_at < now - REPORTS_KEPT)


def _reports(now: datetime) -> int:
    newest = select(DoctorReport.id).order_by(DoctorReport.id.desc()).limit(1).scalar_subquery()
    return remove(
        DoctorReport, (DoctorReport.at < now - REPORTS_KEPT) & (DoctorReport.id != newest)
    )


ACTS: dict[str, Callable[[datetime], int]] = {
    "unconfirmed_sign_ups": forget_readers.unconfirmed,
    "ended_subscriptions": forget_readers.ended,
    "address_changes": forget_readers.address_changes,
    "consent_origins": _consent_origins,
    "deliveries": retention.retain,
    "personal_values": personal_values.forget,
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
