"""Out of trial mode and back (P13): passing checks, and somebody who says so."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit, relays, settings
from newsletter_service.extensions import db
from newsletter_service.models import AuditEvent, DoctorReport, Organisation, writing
from newsletter_service.operations import doctor
from newsletter_service.operations.findings import Check

log = logging.getLogger(__name__)

BY_SETTINGS = "NEWSLETTER_MODE"
FRESH = timedelta(days=1)
_LIVE = "organisation.live"
_TRIAL = "organisation.trial"


class NotReady(Exception):
    """Mail to strangers stays off; `missing` holds the checks that failed.

    It is empty where the installation was never examined, or not within a day.
    """

    def __init__(self, missing: list[Check]) -> None:
        self.missing = missing
        why = "; ".join(f"{check.name} {check.subject}" for check in missing)
        super().__init__(
            f"These checks failed: {why}." if missing else "Run the checks first: newsletter doctor"
        )


class NoOrganisation(Exception):
    """Nobody has set this installation up yet, so there is nothing to switch live."""


def go_live(actor: str, now: datetime, despite: str = "") -> None:
    """Let mail reach strangers, by the latest report. Raises `NotReady`, `NoOrganisation`.

    `despite` is an operator's reason for doing it although checks fail; it stands in the audit log.
    """
    report = doctor.latest()
    missing = _missing(report, now)
    if missing is not None and not despite:
        raise NotReady(missing)
    with writing() as session:
        organisation = _organisation(session)
        if organisation.live_at is not None:
            return
        organisation.live_at, organisation.live_by = now, actor[:254]
        relays.ensure(session, settings.current())
        failing = [f"{check.name} {check.subject}" for check in missing or []]
        audit.record(session, actor, _LIVE, "organisation:1", despite=despite, failing=failing)


def back_to_trial(actor: str, now: datetime) -> None:
    """Keep mail from strangers again. Raises `NoOrganisation`."""
    with writing() as session:
        organisation = _organisation(session)
        organisation.live_at = organisation.live_by = None
        audit.record(session, actor, _TRIAL, "organisation:1")


def apply_mode(now: datetime) -> None:
    """Go live because NEWSLETTER_MODE=live says so, if the checks pass; else say what is missing.

    Does nothing once a person has put a live installation back to trial.
    """
    if settings.current().mode != "live" or not _may_switch():
        return
    doctor.check(now)
    try:
        go_live(BY_SETTINGS, now)
    except NotReady as error:
        failing = [f"{check.name} {check.subject}: {check.code}" for check in error.missing]
        log.error("still_in_trial_mode", extra={"failing": failing, "see": "newsletter doctor"})
    else:
        log.warning("switched_live")


def _may_switch() -> bool:
    session = db.session()
    organisation = session.get(Organisation, 1)
    last = session.scalars(
        select(AuditEvent.act)
        .where(AuditEvent.act.in_((_LIVE, _TRIAL)))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    ).one_or_none()
    may = organisation is not None and organisation.live_at is None and last != _TRIAL
    session.rollback()
    return may


def _missing(report: DoctorReport | None, now: datetime) -> list[Check] | None:
    """What stands in the way: failed checks, an empty list for no fresh report, or None."""
    if report is None or now - report.at > FRESH:
        return []
    return None if report.passed else doctor.failures(report)


def _organisation(session: Session) -> Organisation:
    organisation = session.get(Organisation, 1, with_for_update=True)
    if organisation is None:
        raise NoOrganisation("Set the organisation up first, on the page Kom igång.")
    return organisation
