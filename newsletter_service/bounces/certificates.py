"""The certificates that sign Amazon's notifications: kept in SQL, fetched by a worker (P7)."""

import logging
from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy import select

from newsletter_service import queue
from newsletter_service.extensions import db
from newsletter_service.models import ProviderCertificate, writing
from newsletter_service.models.upsert import insert_new
from newsletter_service.safe_http import FetchError, SafeClient

log = logging.getLogger(__name__)

ASK_AGAIN = timedelta(seconds=30)
LARGEST = 64 * 1024
CLIENT = SafeClient(max_bytes=LARGEST, max_redirects=0)


def known(url: str, now: datetime) -> bytes | None:
    """The certificate at a checked address of Amazon's; None, and asked for, if not kept yet."""
    row = db.session.scalars(
        select(ProviderCertificate).where(ProviderCertificate.url == url)
    ).one_or_none()
    if row is not None and row.pem and _is_valid(row.pem, now):
        return row.pem
    if row is None or now - row.asked_at > ASK_AGAIN:
        _ask(url, now)
    return None


def _ask(url: str, now: datetime) -> None:
    with writing() as session:
        session.execute(
            insert_new(session, ProviderCertificate).values(
                url=url, pem=b"", error="", asked_at=now
            )
        )
        row = session.scalars(
            select(ProviderCertificate).where(ProviderCertificate.url == url)
        ).one()
        row.asked_at = now
        queue.nudge("providers.certificate", row.id)


def fetch(certificate_id: int, now: datetime, client: SafeClient = CLIENT) -> None:
    """The work: fetch a certificate over verified TLS from the host that its address names."""
    row = db.session.get(ProviderCertificate, certificate_id)
    if row is None:
        return
    url = row.url
    db.session.rollback()
    pem, error = b"", ""
    try:
        answer = client.get(url)
        pem = answer.body if answer.status == 200 and _is_valid(answer.body, now) else b""
        error = "" if pem else f"no valid certificate (status {answer.status})"
    except FetchError as fault:
        error = str(fault)
    with writing() as session:
        row = session.get_one(ProviderCertificate, certificate_id)
        row.error = error[:300]
        if pem:
            row.pem, row.fetched_at = pem, now
    if error:
        log.warning("certificate_not_fetched", extra={"error": error})


def confirm_topic(url: str, client: SafeClient = CLIENT) -> str:
    """Confirm a topic's subscription, which was signed and is one of ours; says how it went."""
    try:
        status = client.get(url).status
    except FetchError as fault:
        return f"The topic was not confirmed: {fault}"
    return "The topic is confirmed." if status == 200 else f"Amazon answered with {status}."


def _is_valid(pem: bytes, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        return False
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
