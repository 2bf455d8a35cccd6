"""Does a domain take mail? Asked before a confirmation leaves, by the job; silence is a yes.

A domain that does not exist, has neither MX nor address, or says by a null MX (RFC 7505) that it
takes none, gets no mail. Whatever the DNS leaves open is left open (R 6.9).
"""

import logging
import time
from dataclasses import dataclass
from typing import Protocol

from newsletter_service import settings as settings_module
from newsletter_service.address import is_reserved
from newsletter_service.dns_client import Dns, DnsSilence

log = logging.getLogger(__name__)

PATIENCE_S = 2.0
KEPT_S = 3600.0
SILENCE_KEPT_S = 60.0
MOST_KEPT = 5000


class Looks(Protocol):
    """What asks the DNS."""

    def exchanges(self, name: str) -> list[str]: ...

    def has_address(self, name: str) -> bool: ...


@dataclass(frozen=True)
class MailDomain:
    """Whether a domain takes mail, and by which server, empty when that is not known."""

    takes_mail: bool
    exchanger: str = ""


UNKNOWN = MailDomain(takes_mail=True)
_known: dict[str, tuple[float, MailDomain]] = {}


def look_up(domain: str) -> MailDomain:
    """What the DNS says of a domain, remembered for an hour."""
    if is_reserved(domain):
        return UNKNOWN  # no DNS can speak for it
    kept = _known.get(domain)
    if kept is not None and kept[0] > time.monotonic():
        return kept[1]
    found, keep_s = _ask(domain, Dns(settings_module.current().dns_server, PATIENCE_S))
    if len(_known) >= MOST_KEPT:
        _known.clear()
    _known[domain] = (time.monotonic() + keep_s, found)
    return found


def judge(domain: str, dns: Looks) -> MailDomain:
    """What the answers about a domain mean. Raises `DnsSilence`."""
    exchanges = dns.exchanges(domain)
    if exchanges:
        named = [each for each in exchanges if each]
        return MailDomain(bool(named), _organisation(named[0]) if named else "")
    return MailDomain(dns.has_address(domain), domain)


def _ask(domain: str, dns: Looks) -> tuple[MailDomain, float]:
    try:
        return judge(domain, dns), KEPT_S
    except DnsSilence:
        log.info("mail_domain_unknown")
        return UNKNOWN, SILENCE_KEPT_S


def _organisation(host: str) -> str:
    """The part of an exchanger's name that all of its kind share: two labels are enough here."""
    return ".".join(host.lower().split(".")[-2:])
