"""The organisation: its name, address and face. One row, made by *Kom igång* or a command."""

import re
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from newsletter_service import address as mail_address
from newsletter_service import audit
from newsletter_service.extensions import db
from newsletter_service.mail import clean, colour
from newsletter_service.models import Organisation, writing

ONLY = 1
_TEXTS = {
    "name": 200,
    "postal_address": 300,
    "org_nr": 20,
    "contact_email": 254,
    "website": 500,
    "privacy_url": 500,
    "accessibility_url": 500,
    "logo_url": 1000,
    "accent": 7,
    "locale": 5,
}
_URLS = ("website", "privacy_url", "accessibility_url", "logo_url")
_HOST = re.compile(r"[\w.:\[\]-]+")
_NEEDED = ("name", "postal_address", "contact_email")


class Incomplete(ValueError):
    """Some fields cannot be kept; `faults` maps a field to a code.

    Codes: `missing`, `too_long`, `characters`, `address`, `url`, `colour`, `taken`.
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(f"Cannot be kept so: {self.faults}.")


def current() -> Organisation | None:
    """The organisation, once there is one."""
    return db.session.get(Organisation, ONLY)


def save(values: Mapping[str, str], *, actor: str, now: datetime) -> Organisation:
    """Keep the given fields, make the row if it is the first time. Raises `Incomplete`."""
    kept = {name: " ".join(text.split()) for name, text in values.items() if name in _TEXTS}
    faults = _faults(kept) | harmful(values, _TEXTS)
    if faults:
        raise Incomplete(faults)
    with writing() as session:
        organisation = session.get(Organisation, ONLY) or _new(session, now)
        for name, text in kept.items():
            setattr(organisation, name, text)
        if "public_body" in values:
            organisation.public_body = values["public_body"] == "1"
        audit.record(session, actor, "organisation.changed", "organisation", fields=sorted(kept))
    return organisation


def web_address(text: str) -> str:
    """What people type as a site's address, with its scheme; empty when it is none."""
    text = text.strip()
    if text and "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port_is_one = parts.port != 0  # raises for what is no number
    except ValueError:
        return ""
    host = parts.hostname and _HOST.fullmatch(parts.netloc) and port_is_one
    return text if host and parts.scheme in {"http", "https"} and " " not in text else ""


def missing(values: Mapping[str, str], needed: tuple[str, ...]) -> dict[str, str]:
    """The needed fields that are empty."""
    return {name: "missing" for name in needed if name in values and not values[name].strip()}


def harmful(
    values: Mapping[str, str], names: Iterable[str], lines: Container[str] = ()
) -> dict[str, str]:
    """The fields with a character that could end a header; those of `lines` may hold several."""
    return {
        name: "characters"
        for name in names
        if not clean.is_harmless(values.get(name, "").strip(), lines=name in lines)
    }


def _new(session: Session, now: datetime) -> Organisation:
    organisation = Organisation(id=ONLY, name="", created_at=now)
    session.add(organisation)
    return organisation


def _faults(values: dict[str, str]) -> dict[str, str]:
    faults = missing(values, _NEEDED)
    faults |= {name: "too_long" for name, text in values.items() if len(text) > _TEXTS[name]}
    for name in _URLS:
        if values.get(name):
            values[name] = web_address(values[name]) or faults.setdefault(name, "url")
    if values.get("contact_email") and not is_address(values["contact_email"]):
        faults["contact_email"] = "address"
    if values.get("accent") and not colour.is_colour(values["accent"]):
        faults["accent"] = "colour"
    return faults


def is_address(text: str) -> bool:
    """Whether the text is a mail address."""
    try:
        mail_address.parse(text)
    except mail_address.InvalidAddress:
        return False
    return True
