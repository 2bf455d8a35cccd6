"""The checks of the domains in the DNS: may the relay send in their name, and do bounces return."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from newsletter_service.dns_client import Dns, DnsSilence
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.dkim_keys import DkimKeyError
from newsletter_service.operations import dns_records
from newsletter_service.operations.findings import Check, failed, ok, skipped, warning

_SPF_REMEDIES = {
    "missing": "spf.missing",
    "several": "spf.several",
    "lookups": "spf.lookups",
    "include": "spf.include",
    "open": "spf.open",
}
_DKIM_FAULTS = frozenset({"missing", "revoked", "unreadable", "short", "sha1", "unknown"})


@dataclass(frozen=True)
class DkimSigners:
    """Who signs: the relay under `selectors`, and we with our `own` keys by sender's domain."""

    selectors: tuple[str, ...] = ()
    own: Mapping[str, tuple[DkimKey, ...] | DkimKeyError] = field(default_factory=dict)


def check(
    dns: Dns, senders: Iterable[str], bounce_domain: str, signers: DkimSigners
) -> list[Check]:
    """All checks of the senders' domains and the bounce domain, as A-labels."""
    checks = [_spf(dns, bounce_domain), _exchange(dns, bounce_domain)]
    for domain in senders:
        checks += _dkim(dns, domain, signers)
        checks.append(_dmarc(dns, domain))
        checks.append(_alignment(dns, domain, bounce_domain))
    return checks


def not_needed(senders: Iterable[str], bounce_domain: str) -> list[Check]:
    """The same checks where no DNS can know the domains (RFC 2606, 6761)."""
    checks = [skipped(name, bounce_domain, "dns.reserved") for name in ("spf", "mx")]
    for domain in senders:
        names = ("dkim", "dmarc", "alignment")
        checks += [skipped(name, domain, "dns.reserved") for name in names]
    return checks


def _silent(name: str, subject: str) -> Check:
    return failed(name, subject, "dns.silent")


def _spf(dns: Dns, domain: str) -> Check:
    try:
        found = dns_records.spf(domain, dns.texts)
    except DnsSilence:
        return _silent("spf", domain)
    if found.fault in _SPF_REMEDIES:
        return failed("spf", domain, _SPF_REMEDIES[found.fault], about=found.about)
    if found.fault:
        return warning("spf", domain, "spf.no_end")
    return ok("spf", domain, "spf.found", record=found.record)


def _exchange(dns: Dns, domain: str) -> Check:
    try:
        exchanges = dns.exchanges(domain)
        if exchanges and not all(exchanges):
            return failed("mx", domain, "mx.null")
        if exchanges:
            return ok("mx", domain, "mx.found", hosts=", ".join(exchanges))
        if dns.has_address(domain):
            return ok("mx", domain, "mx.address")
    except DnsSilence:
        return _silent("mx", domain)
    return warning("mx", domain, "mx.missing")


def _dkim(dns: Dns, domain: str, signers: DkimSigners) -> list[Check]:
    own = signers.own.get(domain, ())
    if isinstance(own, DkimKeyError):
        return [failed("dkim", domain, "dkim.key", said=str(own))]
    if not own and not signers.selectors:
        return [failed("dkim", domain, "dkim.no_selectors")]
    found = [_own_key(dns, key) for key in own]
    return found + [_selector(dns, domain, selector) for selector in signers.selectors]


def _own_key(dns: Dns, key: DkimKey) -> Check:
    """Whether the DNS shows the very key that we sign with (R 3.6)."""
    try:
        fault = dns_records.our_dkim(dns.texts(key.name), key.public)
    except DnsSilence:
        return _silent("dkim", key.name)
    if fault:
        return failed("dkim", key.name, "dkim.not_ours", domain=key.domain)
    return ok("dkim", key.name, "dkim.ours", kind=key.kind)


def _selector(dns: Dns, domain: str, selector: str) -> Check:
    name = f"{selector}._domainkey.{domain}"
    try:
        found = dns_records.dkim(dns.texts(name))
    except DnsSilence:
        return _silent("dkim", name)
    values = {"bits": str(found.bits), "kind": found.kind}
    if found.fault in _DKIM_FAULTS:
        return failed("dkim", name, f"dkim.{found.fault}", **values)
    if found.fault:
        return warning("dkim", name, "dkim.weak", **values)
    return ok("dkim", name, "dkim.found", **values)


def _dmarc(dns: Dns, domain: str) -> Check:
    try:
        found = dns_records.dmarc(domain, dns.texts)
    except DnsSilence:
        return _silent("dmarc", domain)
    if not found.domain:
        return failed("dmarc", domain, "dmarc.missing")
    if found.several:
        return failed("dmarc", domain, "dmarc.several", at=found.domain)
    if found.removed_tags:
        return warning("dmarc", domain, "dmarc.removed_tags", tags=", ".join(found.removed_tags))
    if "rua" not in found.tags:
        return warning("dmarc", domain, "dmarc.no_reports", policy=found.policy)
    if found.domain != domain:
        return warning("dmarc", domain, "dmarc.inherited", at=found.domain, policy=found.policy)
    return ok("dmarc", domain, "dmarc.found", policy=found.policy)


def _alignment(dns: Dns, domain: str, bounce_domain: str) -> Check:
    """Whether SPF speaks for the From domain too; DKIM does so alone as well (R 1.2)."""
    try:
        ours = dns_records.organisational_domain(bounce_domain, dns.texts)
        theirs = dns_records.organisational_domain(domain, dns.texts)
    except DnsSilence:
        return _silent("alignment", domain)
    below = f".{theirs}"
    if ours == theirs or bounce_domain.endswith(below):
        return ok("alignment", domain, "alignment.found", bounce=bounce_domain)
    return warning("alignment", domain, "alignment.missing", bounce=bounce_domain)
