"""`doctor`: may this installation write to strangers? Looks, stores what it found, mends nothing.

Every check ends in an outcome with a remedy; none raises. What it finds is one of the two things
that going live needs (P13); the other is somebody who says so, see `go_live`.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import idna
from sqlalchemy import select

from newsletter_service import relays, settings
from newsletter_service.address import is_reserved
from newsletter_service.dns_client import Dns
from newsletter_service.extensions import db
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.dkim_keys import DkimKeyError, DkimKeys
from newsletter_service.mail.smtp.relay_url import RelayUrl, is_loopback
from newsletter_service.models import (
    BounceMessage,
    BounceState,
    DoctorReport,
    NewsletterList,
    ProviderEvent,
    writing,
)
from newsletter_service.operations import doctor_domains, doctor_mailbox, doctor_relays, journal
from newsletter_service.operations.doctor_domains import DkimSigners
from newsletter_service.operations.findings import Check, Outcome, failed, ok, skipped, warning
from newsletter_service.settings import Settings

LEAST_DIFFERENT_BYTES = 12


@dataclass(frozen=True)
class Patient:
    """What is examined, without the database: relays and the domains of the lists' senders."""

    settings: Settings
    relays: list[RelayUrl]
    senders: list[str]
    journal_waits: bool = False
    dkim: Mapping[str, tuple[DkimKey, ...] | DkimKeyError] = field(default_factory=dict)
    hears_back: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether mail stays on this machine and only reserved domains are in play.

        No DNS can speak for those, and no stranger can be reached by them.
        """
        local = bool(self.relays) and all(is_loopback(relay.host) for relay in self.relays)
        return local and bool(self.senders) and all(map(is_reserved, self.senders))


def check(now: datetime) -> DoctorReport:
    """Examine this installation and store the report."""
    checks = examine(_patient(now))
    report = DoctorReport(
        at=now,
        passed=not any(each.outcome == Outcome.FAILED for each in checks),
        checks=[each.as_dict() for each in checks],
    )
    with writing() as session:
        session.add(report)
    return report


def latest() -> DoctorReport | None:
    """The newest report, or None before the first."""
    newest = select(DoctorReport).order_by(DoctorReport.id.desc()).limit(1)
    return db.session.scalars(newest).one_or_none()


def told(report: DoctorReport, locale: str) -> list[dict[str, Any]]:
    """A report's checks for a page, in a language: outcome, title, found and remedy."""
    checks = [Check.of(stored) for stored in report.checks]
    return [
        {"name": each.name, "outcome": each.outcome, "code": each.code, **each.told(locale)}
        for each in checks
    ]


def failures(report: DoctorReport) -> list[Check]:
    """The checks of a report that stand in the way."""
    checks = [Check.of(stored) for stored in report.checks]
    return [each for each in checks if each.outcome == Outcome.FAILED]


def examine(patient: Patient) -> list[Check]:
    """All checks; talks to the relays, the mailboxes and the DNS, not to the database."""
    now = patient.settings
    checks = doctor_relays.check(patient.relays, now.ehlo_name)
    if not patient.is_closed:
        checks += doctor_relays.far_side(patient.relays, hears_back=patient.hears_back)
    checks += doctor_mailbox.check(now.bounce_mailbox_url)
    checks.append(_keys(now))
    checks.append(_journal(patient))
    checks.append(_address(patient))
    checks.append(_forms(now))
    return checks + _domains(patient)


def _domains(patient: Patient) -> list[Check]:
    bounce_domain = as_a_labels(patient.settings.bounce_domain)
    if not patient.senders:
        return [failed("sender", "-", "sender.none")]
    if patient.is_closed:
        return doctor_domains.not_needed(patient.senders, bounce_domain)
    invented = [name for name in (*patient.senders, bounce_domain) if is_reserved(name)]
    if invented:
        return [failed("sender", name, "sender.reserved") for name in invented]
    return doctor_domains.check(
        Dns(patient.settings.dns_server),
        patient.senders,
        bounce_domain,
        DkimSigners(patient.settings.dkim_selectors, patient.dkim),
    )


def as_a_labels(domain: str) -> str:
    """A domain as the DNS knows it (R 1.4); one that is no domain stays as it is."""
    try:
        return idna.encode(domain.lower(), uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain.lower()


def _patient(now: datetime) -> Patient:
    """Read what is examined and let go of the database, since looking takes time (P7)."""
    current = settings.current()
    addresses = db.session.scalars(
        select(NewsletterList.sender_address).where(NewsletterList.archived_at.is_(None))
    ).all()
    journal_waits = journal.state().is_behind(now)
    heard = select(BounceMessage.id).where(BounceMessage.state == BounceState.PROCESSED).limit(1)
    told = select(ProviderEvent.id).limit(1)
    hears_back = any(db.session.execute(query).first() for query in (heard, told))
    db.session.rollback()
    domains = {as_a_labels(address.rpartition("@")[2]) for address in addresses if address}
    configured = relays.urls(current)
    senders = sorted(domains)
    return Patient(
        current,
        [url for name, url in configured.items() if name != relays.SANDBOX],
        senders,
        journal_waits,
        {domain: _own_keys(DkimKeys(current.dkim_dir), domain) for domain in senders},
        hears_back=hears_back,
    )


def _own_keys(held: DkimKeys, domain: str) -> tuple[DkimKey, ...] | DkimKeyError:
    try:
        return held.signing(domain)
    except DkimKeyError as error:
        return error


def _address(patient: Patient) -> Check:
    url = patient.settings.base_url
    if url.startswith("https://"):
        return ok("base_url", url, "base_url.https")
    if patient.is_closed and is_loopback(urlsplit(url).hostname or ""):
        return skipped("base_url", url, "base_url.loopback")
    return failed("base_url", url, "base_url.http")


def _forms(current: Settings) -> Check:
    if current.sign_up_work == "off":
        return warning("forms", "NEWSLETTER_SIGN_UP_WORK", "forms.no_work")
    return ok("forms", "NEWSLETTER_SIGN_UP_WORK", "forms.work")


def _journal(patient: Patient) -> Check:
    folder = patient.settings.journal_dir
    if patient.journal_waits:
        return failed("journal", str(folder), "journal.behind")
    if folder.is_relative_to(patient.settings.data_dir):
        return warning("journal", str(folder), "journal.beside")
    return ok("journal", str(folder), "journal.apart")


def _keys(current: Settings) -> Check:
    keys = {
        "SECRET_KEY": current.secret_key,
        "ADDRESS_KEY": current.address_key,
        **{f"LINK_KEYS {number}": key for number, key in current.link_keys.items()},
    }
    for name, key in keys.items():
        if len(set(key)) < LEAST_DIFFERENT_BYTES:
            return failed("keys", name, "keys.weak")
    if _made_here(current):
        path = str(current.data_dir / "keys.json")
        return warning("keys", path, "keys.made_here", path=path)
    return ok("keys", "NEWSLETTER_LINK_KEYS", "keys.given")


def _made_here(current: Settings) -> bool:
    """Whether the lasting keys are those that the installation made for itself."""
    path = current.data_dir / "keys.json"
    if not path.exists():
        return False
    kept = json.loads(path.read_text())["address_key"]
    return base64.urlsafe_b64decode(kept) == current.address_key
