"""What SPF, DKIM and DMARC records say (RFC 7208, 6376, 8301, 8463, 9989).

The look-ups come in as functions, so that a table is DNS enough for a test.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

Texts = Callable[[str], list[str]]

MOST_SPF_LOOKUPS = 10
LEAST_RSA_BITS = 1024
GOOD_RSA_BITS = 2048
MOST_LABELS = 8  # RFC 9989 section 4.10: a longer name is cut to seven labels at once
REMOVED_TAGS = ("pct", "rf", "ri")  # RFC 9989 appendix C

SpfFault = Literal["missing", "several", "lookups", "include", "open", "no_end", ""]
DkimFault = Literal[
    "missing", "revoked", "unreadable", "short", "sha1", "weak", "unknown", "other", ""
]


@dataclass(frozen=True)
class Spf:
    """A domain's SPF record; `fault` is empty where it is sound, `about` names what is wrong."""

    record: str = ""
    fault: SpfFault = ""
    about: str = ""


@dataclass(frozen=True)
class Dkim:
    """A selector's key; `weak` is a warning only (R 1.3)."""

    kind: str = ""
    bits: int = 0
    fault: DkimFault = ""


@dataclass(frozen=True)
class Dmarc:
    """A DMARC record and where it stands; `domain` is empty where there is none."""

    domain: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    several: bool = False

    @property
    def policy(self) -> str:
        """none, quarantine or reject; an unknown one counts as none (RFC 9989 section 4.7)."""
        said = self.tags.get("p", "").lower()
        return said if said in ("quarantine", "reject") else "none"

    @property
    def removed_tags(self) -> list[str]:
        """Tags of the old standard that mean nothing any more."""
        return [name for name in REMOVED_TAGS if name in self.tags]


def spf(domain: str, texts: Texts) -> Spf:
    """Read a domain's SPF record and count what it makes a receiver look up."""
    records = _spf_records(domain, texts)
    if not records:
        return Spf(fault="missing")
    if len(records) > 1:
        return Spf(records[0], "several")
    record = records[0]
    lookups, broken = _spf_lookups(record, texts, {domain})
    if broken:
        return Spf(record, "include", broken)
    if lookups > MOST_SPF_LOOKUPS:
        return Spf(record, "lookups", str(lookups))
    terms = record.lower().split()[1:]
    if "all" in terms or "+all" in terms:
        return Spf(record, "open")
    ends = any(term in ("-all", "~all", "?all") or term.startswith("redirect=") for term in terms)
    return Spf(record, "" if ends else "no_end")


def dkim(record_texts: list[str]) -> Dkim:
    """Read the key of a selector from its TXT records."""
    found = [tags for text in record_texts if "p" in (tags := _tags(text))]
    if not found:
        return Dkim(fault="missing")
    tags = found[0]
    kind = tags.get("k", "rsa").lower()
    if not tags["p"]:
        return Dkim(kind, fault="revoked")
    hashes = [each.strip().lower() for each in tags.get("h", "sha256").split(":")]
    if "sha256" not in hashes:
        return Dkim(kind, fault="sha1")
    try:
        key = base64.b64decode(re.sub(r"\s", "", tags["p"]), validate=True)
    except binascii.Error:
        return Dkim(kind, fault="unreadable")
    if kind == "ed25519":
        return Dkim(kind, 256, "" if len(key) == 32 else "unreadable")
    return _rsa(key) if kind == "rsa" else Dkim(kind, fault="unknown")


def our_dkim(record_texts: list[str], public: str) -> DkimFault:
    """What is wrong with a selector's records when they should show our own key."""
    found = dkim(record_texts)
    if found.fault and found.fault != "weak":
        return found.fault
    shown = next(tags["p"] for text in record_texts if "p" in (tags := _tags(text)))
    return "" if re.sub(r"\s", "", shown) == public else "other"


def dmarc(domain: str, texts: Texts) -> Dmarc:
    """The record that holds for an author's domain: its own, or its organisation's."""
    found = _walk(domain, texts)
    own = next((each for each in found if each.domain == domain), None)
    if own is not None:
        return own
    top = _organisational(domain, found)
    return next((each for each in found if each.domain == top), Dmarc())


def organisational_domain(domain: str, texts: Texts) -> str:
    """The domain of the organisation by the tree walk (RFC 9989 section 4.10)."""
    return _organisational(domain, _walk(domain, texts))


def _organisational(domain: str, found: list[Dmarc]) -> str:
    for each in found:
        if each.tags.get("psd") == "n":
            return each.domain
        if each.tags.get("psd") == "y" and each.domain != domain:
            below = len(each.domain.split(".")) + 1
            return ".".join(domain.split(".")[-below:])
    return found[-1].domain if found else domain


def _walk(domain: str, texts: Texts) -> list[Dmarc]:
    """The records from a domain upwards; ends at a record that says psd=y or psd=n."""
    found = []
    labels = domain.split(".")
    while labels:
        name = ".".join(labels)
        records = [text for text in texts(f"_dmarc.{name}") if _is_dmarc(text)]
        if records:
            found.append(Dmarc(name, _tags(records[0]), several=len(records) > 1))
            if found[-1].tags.get("psd") in ("y", "n"):
                break
        labels = labels[-(MOST_LABELS - 1) :] if len(labels) > MOST_LABELS else labels[1:]
    return found


def _is_dmarc(text: str) -> bool:
    """Whether it begins with the version, whose case matters (R 1.4)."""
    return re.match(r"v\s*=\s*DMARC1\s*(;|$)", text) is not None


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}


def _spf_records(domain: str, texts: Texts) -> list[str]:
    return [text for text in texts(domain) if text.lower().split(" ")[0] == "v=spf1"]


def _spf_lookups(record: str, texts: Texts, seen: set[str]) -> tuple[int, str]:
    """How many look-ups a record costs, and the first domain it includes that has no record."""
    lookups = 0
    for term in record.lower().split()[1:]:
        bare = term.lstrip("+-~?")
        if re.match(r"(a|mx|ptr|exists)([:/]|$)", bare):
            lookups += 1
            continue
        name = re.match(r"(?:include:|redirect=)(\S+)", bare)
        if name is None:
            continue
        lookups += 1
        target = name[1].rstrip(".")
        if lookups > MOST_SPF_LOOKUPS or "%" in target or target in seen:
            continue
        records = _spf_records(target, texts)
        if len(records) != 1:
            return lookups, target
        inner, broken = _spf_lookups(records[0], texts, seen | {target})
        lookups += inner
        if broken:
            return lookups, broken
        if lookups > MOST_SPF_LOOKUPS:
            break
    return lookups, ""


def _rsa(key: bytes) -> Dkim:
    try:
        public = load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        return Dkim("rsa", fault="unreadable")
    if not isinstance(public, RSAPublicKey):
        return Dkim("rsa", fault="unreadable")
    bits = public.key_size
    if bits < LEAST_RSA_BITS:
        return Dkim("rsa", bits, "short")
    return Dkim("rsa", bits, "weak" if bits < GOOD_RSA_BITS else "")
