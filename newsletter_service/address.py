"""Mail addresses: reading what people type, comparing, keying, masking. No network.

Domains follow IDNA2008 (RFC 5890); local parts are kept as typed (RFC 5321 section 2.4) and
may be internationalised (RFC 6531), which `Address.needs_smtputf8` tells.
"""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import idna
from email_validator import (
    SPECIAL_USE_DOMAIN_NAMES,
    EmailNotValidError,
    ValidatedEmail,
    validate_email,
)
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

Code = Literal[
    "empty", "no_at_sign", "several_at_signs", "forbidden_character", "too_long", "local", "domain"
]

_A_LABEL = re.compile(r"\bxn--[a-z0-9-]+", re.IGNORECASE)

# What nearly all addresses are: letters, digits and four marks before the @; below it, names of a
# host (RFC 1123 section 2.1) whose last is no number. The rest is for the validator.
_PLAIN = re.compile(
    r"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)"
    r"@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)",
    re.IGNORECASE | re.ASCII,
)

LONGEST_LOCAL = 64
LONGEST_ADDRESS = 254

# RFC 2142, and what programs send from or watch for whoever writes to everybody.
_ROLES_WITHOUT_READER = frozenset(
    {
        *("abuse", "postmaster", "mailer-daemon", "hostmaster", "noc", "security"),
        *("noreply", "no-reply", "donotreply", "do-not-reply", "spam", "spamtrap", "honeypot"),
    }
)


RESERVED = ("test", "example", "invalid", "localhost", "example.org", "example.com", "example.net")


_SPECIAL = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)


class InvalidAddress(ValueError):
    """The text is no address we can write to; ``code`` says which message to show."""

    def __init__(self, code: Code) -> None:
        """Keep the code only: the address itself belongs in no log."""
        super().__init__(f"Not a usable mail address: {code}")
        self.code: Code = code


@dataclass(frozen=True)
class Address:
    """A valid address; its three spellings are for the reader, the envelope and comparison."""

    local: str
    domain_ascii: str
    domain_unicode: str

    @property
    def as_typed(self) -> str:
        """The local part as typed and the domain as people read it."""
        return f"{self.local}@{self.domain_unicode}"

    @property
    def envelope(self) -> str:
        """For RCPT and To: the domain as A-labels (RFC 6531 section 3.2)."""
        return f"{self.local}@{self.domain_ascii}"

    @property
    def normalised(self) -> str:
        """What two spellings of one mailbox have in common, as the guard against duplicates."""
        return f"{self.local.lower()}@{self.domain_ascii}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a relay that offers SMTPUTF8 may be given it (RFC 6531 section 3.2)."""
        return not self.local.isascii()


def parse(text: str) -> Address:
    """Read an address as typed, white space around it ignored; raise InvalidAddress."""
    text = text.strip()
    plain = _PLAIN.fullmatch(text)
    if plain is not None and _is_plain(*plain.groups()):
        domain = plain[2].lower()
        return Address(plain[1], domain, domain)
    _check_outline(text)
    valid = _validated(text)
    domain = valid.ascii_domain.lower()
    if "." not in domain:
        raise InvalidAddress("domain")
    found = Address(valid.local_part, domain, valid.domain)
    if len(found.local.encode()) > LONGEST_LOCAL or len(found.envelope.encode()) > LONGEST_ADDRESS:
        raise InvalidAddress("too_long")
    return found


def refused_role(address: Address) -> bool:
    """Tell whether no person reads it (RFC 2142), so that it may not be subscribed."""
    return address.local.lower().partition("+")[0] in _ROLES_WITHOUT_READER


def is_reserved(domain: str) -> bool:
    """Whether a domain can never exist (RFC 2606, RFC 6761)."""
    return any(domain == name or domain.endswith(f".{name}") for name in RESERVED)


def address_key(normalised: str, key: bytes) -> bytes:
    """Return the 32 bytes under which an address is known even after its erasure."""
    return hmac.digest(key, normalised.encode(), hashlib.sha256)


def mask(address: Address | str) -> str:
    """Return ``a•••@example.org``, which its owner knows again and others do not."""
    text = readable(address) if isinstance(address, str) else address.as_typed
    local, _, domain = text.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def readable(text: str) -> str:
    """Return an address or a domain with its A-labels as people read them, else unchanged."""
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{_A_LABEL.sub(_unicode_label, domain)}"


def as_stored(text: str) -> str:
    """Return what was typed, or a part of an address, with its domain's words as A-labels."""
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{'.'.join(_ascii_label(label) for label in domain.split('.'))}"


def typo_suggestion(address: Address) -> str | None:
    """Return the address with a likelier domain, or None; it is offered, never swapped in."""
    domain = address.domain_ascii
    if domain in _KNOWN or domain in _ALSO_REAL:
        return None
    near = next((known for known in _KNOWN if _resembles(domain, known)), None)
    return f"{address.local}@{near}" if near else None


def _ascii_label(label: str) -> str:
    try:
        return label if label.isascii() else idna.encode(label, uts46=True).decode("ascii")
    except idna.IDNAError:
        return label


def _unicode_label(found: re.Match[str]) -> str:
    try:
        return idna.decode(found[0])
    except (idna.IDNAError, UnicodeError):
        return found[0]


def _is_plain(local: str, domain: str) -> bool:
    """Whether an address that looks plain means nothing more than it says.

    A property test holds it against the validator, which is twenty times slower.
    """
    return not (
        len(local) > LONGEST_LOCAL
        or len(local) + len(domain) >= LONGEST_ADDRESS
        or "--" in domain  # A-labels, and what only looks like them
        or local.lower() in CASE_INSENSITIVE_MAILBOX_NAMES
        or f".{domain.lower()}".endswith(_SPECIAL)
    )


def _check_outline(text: str) -> None:
    """Find the faults that a validator would report less plainly."""
    if not text:
        raise InvalidAddress("empty")
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text):
        raise InvalidAddress("forbidden_character")
    if "=?" in text:  # legal, but some programs read an encoded word there: another address
        raise InvalidAddress("forbidden_character")
    if text.count("@") != 1:
        raise InvalidAddress("several_at_signs" if "@" in text else "no_at_sign")
    if len(text) > LONGEST_ADDRESS:
        raise InvalidAddress("too_long")


def _validated(text: str) -> ValidatedEmail:
    try:
        return _strictly(text)
    except EmailNotValidError:
        raise InvalidAddress(_faulty_part(text)) from None


def _strictly(text: str) -> ValidatedEmail:
    return validate_email(
        text,
        strict=True,
        allow_smtputf8=True,
        allow_quoted_local=False,
        allow_domain_literal=False,
        check_deliverability=False,
        globally_deliverable=False,  # our own check for a dot: one code for every fault
        test_environment=True,  # the reserved .test, which a trial needs
    )


def _faulty_part(text: str) -> Code:
    local, _, domain = text.partition("@")
    if len(local.encode()) > LONGEST_LOCAL:
        return "too_long"
    try:
        _strictly(f"a@{domain}")
    except EmailNotValidError:
        return "domain"
    return "local"


# Offered as the likelier spelling, most used first.
_KNOWN = (
    *("gmail.com", "hotmail.com", "outlook.com", "icloud.com", "hotmail.se", "live.se"),
    *("telia.com", "yahoo.com", "live.com", "yahoo.se", "outlook.se", "msn.com"),
    *("comhem.se", "bredband.net", "spray.se", "telia.se", "tele2.se", "protonmail.com"),
)

# Real providers that only look like a slip of the keys.
_ALSO_REAL = frozenset({"mail.com", "email.com", "ymail.com", "cloud.com", "rocketmail.com"})

_SLIPS_OF_ENDING = {
    "com": frozenset({"con", "cmo", "om", "co", "comm", "vom", "cim", "ocm", "cm", "xom", "coom"}),
    "se": frozenset({"s", "ss", "see", "sse", "sw"}),
    "net": frozenset({"ner", "ne", "nt", "nett", "met"}),
}


def _resembles(domain: str, known: str) -> bool:
    name, _, ending = domain.rpartition(".")
    known_name, _, known_ending = known.rpartition(".")
    if ending != known_ending and ending not in _SLIPS_OF_ENDING[known_ending]:
        return False
    if len(known_name) < 5:  # too short to tell a slip from another name
        return name == known_name
    return _distance(name, known_name) <= (2 if len(known_name) > 6 else 1)


def _distance(one: str, other: str) -> int:
    """Count insertions, deletions, replacements and swaps of neighbours between two words."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, char in enumerate(one, 1):
        row = [i]
        for j, match in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (char != match))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == match:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
