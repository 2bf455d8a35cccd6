"""What the organisation says about personal data, and for how long each kind is kept (R 5.7, 5.13).

Kept with the organisation; what is not filled in has the value that stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter_service import audit
from newsletter_service.address import InvalidAddress, parse
from newsletter_service.extensions import db
from newsletter_service.models import Organisation, writing
from newsletter_service.subscribers import wordings
from newsletter_service.subscribers.wordings import Words

ONLY = 1

# name -> days: the shortest, what holds if nothing is said, the longest
PERIODS: dict[str, tuple[int, int, int]] = {
    # the confirmation mail promises two weeks, of which its link lives one
    "unconfirmed": (1, 7, 7),
    "consent_origins": (1, 365, 1825),
    "consent_proofs": (30, 730, 3650),
    "deliveries": (60, 396, 1825),
    "bounces": (7, 30, 365),
    "notices": (32, 396, 1825),
}
TEXTS = {
    "dpo_name": 200,
    "dpo_email": 254,
    "processors": 2000,
    "transfers": 1000,
    "security": 2000,
    "more": 2000,
}


class Refused(ValueError):
    """Some fields cannot be kept; `faults` maps a field to a code: too_long, address, period."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(f"Cannot be kept so: {self.faults}.")


@dataclass(frozen=True)
class Facts:
    """The texts (each may be empty; several lines in some) and the periods in days."""

    dpo_name: str = ""
    dpo_email: str = ""
    processors: str = ""
    transfers: str = ""
    security: str = ""
    more: str = ""
    periods: Mapping[str, int] = field(default_factory=dict)

    def days(self, name: str) -> int:
        """For how many days this kind is kept."""
        return self.periods.get(name, PERIODS[name][1])

    def kept(self, name: str) -> timedelta:
        """For how long this kind is kept."""
        return timedelta(days=self.days(name))


def facts() -> Facts:
    """What is in force."""
    organisation = db.session.get(Organisation, ONLY)
    kept = dict(organisation.privacy) if organisation is not None else {}
    periods = kept.get("periods")
    known = periods if isinstance(periods, dict) else {}
    return Facts(
        **{name: str(kept.get(name, "")) for name in TEXTS},
        periods={name: int(days) for name, days in known.items() if name in PERIODS},
    )


def save(values: Mapping[str, str], *, actor: str) -> None:
    """Keep texts and periods; what is missing from `values` stays. Raises `Refused`."""
    texts = {name: _tidy(values[name]) for name in TEXTS if name in values}
    faults = {name: "too_long" for name, text in texts.items() if len(text) > TEXTS[name]}
    if texts.get("dpo_email") and not _is_address(texts["dpo_email"]):
        faults["dpo_email"] = "address"
    periods = {}
    for name, (least, _usual, most) in PERIODS.items():
        if name in values:
            text = values[name].strip()
            if not text.isdecimal() or not least <= int(text) <= most:
                faults[name] = "period"
            else:
                periods[name] = int(text)
    if faults:
        raise Refused(faults)
    with writing() as session:
        organisation = session.get(Organisation, ONLY, with_for_update=True)
        if organisation is None:
            raise Refused({"dpo_name": "missing"})
        before = dict(organisation.privacy)
        kept = before.get("periods")
        known = kept if isinstance(kept, dict) else {}
        organisation.privacy = before | texts | {"periods": known | periods}
        audit.record(
            session, actor, "privacy.changed", "organisation", fields=sorted([*texts, *periods])
        )


def keep_texts(shown: tuple[Words, ...], now: datetime) -> None:
    """Remember the versions that are in force from now on."""
    with writing() as session:
        wordings.keep(session, shown, now)


def _tidy(text: str) -> str:
    lines = (" ".join("".join(filter(str.isprintable, line)).split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _is_address(text: str) -> bool:
    try:
        parse(text)
    except InvalidAddress:
        return False
    return True
