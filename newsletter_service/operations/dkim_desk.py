"""DKIM keys as operators handle them: made, published, switched, revoked (R 3.6).

A key is made and published before it signs; what signed before stays published for a week, since
mail that is on its way must still verify; then its record is emptied and its file removed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.address import is_reserved
from newsletter_service.dns_client import Dns, DnsSilence
from newsletter_service.mail import dkim_check
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.dkim_keys import DkimKeyError, DkimKeys
from newsletter_service.models import writing
from newsletter_service.operations import dns_records
from newsletter_service.operations.doctor import as_a_labels

KINDS = ("rsa", "ed25519")
KEPT = timedelta(days=7)


class NotPublished(Exception):
    """The DNS does not show the key that is to sign; the message says what it shows."""


class TooEarly(Exception):
    """Mail signed by the key may still be on its way; the message says until when."""


@dataclass(frozen=True)
class KeyLook:
    """A key and what it does: `signs`, `ready` (never used yet), or `left` at some time."""

    key: DkimKey
    state: str
    left_at: datetime | None = None


def keys() -> DkimKeys:
    """The keys of this machine."""
    return DkimKeys(settings_module.current().dkim_dir)


def look(domain: str = "") -> list[KeyLook]:
    """Every key, those that sign first. Raises `DkimKeyError`."""
    held = keys()
    found = []
    for name in [as_a_labels(domain)] if domain else held.domains():
        selectors = held.selectors(name)
        for selector in dict.fromkeys((*selectors.signing, *held.known(name))):
            left_at = selectors.left.get(selector)
            state = "signs" if selector in selectors.signing else "left" if left_at else "ready"
            found.append(KeyLook(held.key(name, selector), state, left_at))
    return found


@dataclass(frozen=True)
class Judged:
    """A signature in a message; `fault` is empty where it holds, `foreign` if it is not ours."""

    domain: str
    selector: str
    fault: str


def judge(raw: bytes) -> list[Judged]:
    """Every signature of a message that came back, from the top (R 3.4)."""
    held, message = keys(), dkim_check.with_crlf(raw)
    found = []
    for domain, selector in dkim_check.signers(message):
        try:
            fault = dkim_check.fault(message, held.key(domain, selector))
        except DkimKeyError:
            fault = "foreign"
        found.append(Judged(domain, selector, fault))
    return found


def create(
    domain: str, selector: str, kinds: Iterable[str], actor: str, now: datetime
) -> list[DkimKey]:
    """Make keys that do not sign yet; without a selector, ones named after the month.

    Raises `DkimKeyError`.
    """
    held, name = keys(), as_a_labels(domain)
    made = []
    for kind in kinds:
        ending = "e" if kind == "ed25519" else ""
        chosen = f"{selector}{ending}" if selector else _free(held, name, now, ending)
        made.append(held.make(name, chosen, kind))
    _note(actor, "dkim.created", name, [key.selector for key in made])
    return made


def use(
    domain: str, selectors: Iterable[str], actor: str, now: datetime, *, unchecked: bool = False
) -> tuple[str, ...]:
    """Let these keys sign from the next turn on, and no others; which signed before.

    Raises `NotPublished` unless the DNS shows them (or `unchecked`), and `DkimKeyError`.
    """
    held, name = keys(), as_a_labels(domain)
    chosen = [held.key(name, selector) for selector in selectors]
    if not unchecked and not is_reserved(name):
        _must_be_published(chosen)
    before = held.use(name, [key.selector for key in chosen], now)
    _note(actor, "dkim.used", name, [key.selector for key in chosen])
    return before


def revoke(domain: str, selector: str, actor: str, now: datetime) -> str:
    """Remove a key that no longer signs; returns where its record is to be emptied.

    Raises `TooEarly` within a week of its last signature, and `DkimKeyError`.
    """
    held, name = keys(), as_a_labels(domain)
    key = held.key(name, selector)
    left_at = held.selectors(name).left.get(selector)
    if left_at is not None and now < left_at + KEPT:
        until = (left_at + KEPT).date()
        raise TooEarly(f"{selector} signed until {left_at.date()}: keep its record until {until}.")
    held.forget(name, selector)
    _note(actor, "dkim.revoked", name, [selector])
    return key.name


def _must_be_published(chosen: Iterable[DkimKey]) -> None:
    dns = Dns(settings_module.current().dns_server)
    for key in chosen:
        try:
            fault = dns_records.our_dkim(dns.texts(key.name), key.public)
        except DnsSilence as error:
            raise NotPublished(f"{error} Try again, or say --unchecked.") from error
        if fault:
            raise NotPublished(
                f"{key.name} does not show this key yet ({fault}): publish the record that "
                "`newsletter dkim show` prints, and wait until the old answer has expired."
            )


def _free(held: DkimKeys, domain: str, now: datetime, ending: str) -> str:
    taken = {*held.known(domain), *held.selectors(domain).left}
    month = f"nl{now:%Y%m}"
    names = (f"{month}{letter}{ending}" for letter in ("", *"abcdfghijklmnopqrstuvwxyz"))
    return next((name for name in names if name not in taken), month + ending)


def _note(actor: str, act: str, domain: str, selectors: list[str]) -> None:
    with writing() as session:
        audit.record(session, actor, act, f"domain:{domain}", selectors=selectors)


__all__ = ["DkimKeyError", "KeyLook", "NotPublished", "TooEarly", "create", "look", "revoke", "use"]
