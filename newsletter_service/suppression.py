"""Who must not be written to, why, and for how much: one list or the whole organisation.

Looked up in the gate before every body (R 1.7). It is keyed by the hash of the address, so it
holds after the person's erasure and against every import (R 4.8, 5.9).
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import journal
from newsletter_service.models import JournalKind, Suppression, SuppressionReason
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.models.upsert import insert_new

LONGEST_EVIDENCE = 500

_R = SuppressionReason

# What a reader's own confirmation lifts: whoever answers a mail can be reached, and whoever was
# erased may come back. The rest is for a human to lift (R 4.8).
LIFTED_BY_CONFIRMING = frozenset({_R.HARD_BOUNCE, _R.SOFT_BOUNCES, _R.ERASED})

# A weaker reason never takes the place of a stronger one.
_STRENGTH = (
    _R.SOFT_BOUNCES,
    _R.HARD_BOUNCE,
    _R.ERASED,
    _R.MANUAL,
    _R.BLOCKED_BY_OWNER,
    _R.COMPLAINT,
)


def find(session: Session, address_key: bytes, list_id: int) -> Suppression | None:
    """The strongest suppression in force for an address on a list, or None."""
    in_force = session.scalars(
        select(Suppression).where(
            Suppression.address_key == address_key,
            Suppression.scope.in_((WHOLE_ORGANISATION, list_id)),
            Suppression.released_at.is_(None),
        )
    ).all()
    return max(in_force, key=_strength, default=None)


def bars_confirming(found: Suppression | None) -> bool:
    """Whether not even a confirmation mail may be sent."""
    return found is not None and found.reason not in LIFTED_BY_CONFIRMING


def suppress(  # noqa: PLR0913 - named columns of one row
    session: Session,
    address_key: bytes,
    *,
    scope: int = WHOLE_ORGANISATION,
    reason: SuppressionReason,
    source: str,
    evidence: str = "",
    now: datetime,
) -> Suppression:
    """Stop all mail to an address within a scope; harmless when it is stopped already."""
    fresh = {"reason": reason, "source": source, "evidence": evidence[:LONGEST_EVIDENCE]}
    session.execute(
        insert_new(session, Suppression).values(
            address_key=address_key, scope=scope, first_at=now, last_at=now, **fresh
        )
    )
    row = _locked(session, address_key, scope)
    assert row is not None
    if row.released_at is not None or _STRENGTH.index(reason) >= _strength(row):
        row.reason, row.source, row.evidence = reason, source, evidence[:LONGEST_EVIDENCE]
    row.last_at, row.released_at = now, None
    row.released_by = row.release_reason = ""
    journal.note(session, JournalKind.SUPPRESSED, address_key, now, scope=scope, reason=row.reason)
    return row


def release(  # noqa: PLR0913 - named columns of one row
    session: Session,
    address_key: bytes,
    *,
    scope: int = WHOLE_ORGANISATION,
    by: str,
    reason: str,
    now: datetime,
) -> bool:
    """Let an address be written to again; whether there was anything to lift."""
    row = _locked(session, address_key, scope)
    if row is None or row.released_at is not None:
        return False
    row.released_at, row.released_by, row.release_reason = now, by, reason[:LONGEST_EVIDENCE]
    journal.note(session, JournalKind.RELEASED, address_key, now, scope=scope, reason=reason)
    return True


def _locked(session: Session, address_key: bytes, scope: int) -> Suppression | None:
    return session.scalars(
        select(Suppression)
        .where(Suppression.address_key == address_key, Suppression.scope == scope)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _strength(row: Suppression) -> int:
    return _STRENGTH.index(SuppressionReason(row.reason))
