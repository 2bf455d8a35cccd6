"""Passwords: what may be one, and how it is kept (R 8.8; NIST SP 800-63B-4 section 3.1.1).

Long instead of complicated: no rules about signs, no changing by the calendar, nothing cut off.
"""

import itertools
import re
from collections.abc import Iterable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 15  # without a second factor
LONGEST = 1024  # a limit on work, far above any password
_LEAST_OF_ITS_OWN = 8

_hasher = PasswordHasher()  # Argon2id, the parameters of RFC 9106's low-memory profile

# Words that everybody thinks of first; what remains without them must stand for itself.
_WORN = (
    *("password", "passw0rd", "lösenord", "losenord", "nyhetsbrev", "newsletter", "welcome"),
    *("välkommen", "valkommen", "sommar", "vinter", "hemligt", "hemlig", "secret", "admin"),
    *("administrator", "qwertyuiop", "qwerty", "asdfghjkl", "zxcvbnm", "letmein", "iloveyou"),
    *("jagälskardig", "changeme", "correcthorsebatterystaple", "sciencepark", "science park"),
)
_ROWS = ("0123456789", "9876543210", "abcdefghijklmnopqrstuvwxyzåäö", "qwertyuiopåasdfghjklöä")


class PasswordRefused(ValueError):
    """The password is none we take; `code` is `short`, `long` or `common`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"The password cannot be used: {code}.")


def check(password: str, context: Iterable[str] = ()) -> None:
    """Raise `PasswordRefused` for what is too short or easily guessed.

    `context` are the person's and the organisation's own words (ASVS 6.2.11).
    """
    if len(password) < SHORTEST:
        raise PasswordRefused("short")
    if len(password) > LONGEST:
        raise PasswordRefused("long")
    if _easily_guessed(password.casefold(), context):
        raise PasswordRefused("common")


def hashed(password: str) -> str:
    """The hash to keep."""
    return _hasher.hash(password)


def matches(kept: str, password: str) -> bool:
    """Whether the password is the one; takes as long where nobody or no password is known."""
    nobody = _nobody()
    try:
        return _hasher.verify(kept or nobody, password) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobody() -> str:
    """A hash that no password has; made at the first log-in, since it costs what it should."""
    return _hasher.hash("nobody has this password")


def _easily_guessed(password: str, context: Iterable[str]) -> bool:
    words = sorted(_words(context) | set(_WORN), key=len, reverse=True)
    rest = password
    for word in words:
        rest = rest.replace(word, "")
    rest = re.sub(r"[\W\d_]+", "", rest) if rest != password else rest
    return len(rest) < _LEAST_OF_ITS_OWN or _repeats(password) or _follows_a_row(password)


def _words(context: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for text in context:
        found.update(word for word in re.split(r"[\W_]+", text.casefold()) if len(word) >= 4)
    return found


def _repeats(password: str) -> bool:
    """Made of a handful of signs, or of one short part over and over."""
    if len(set(password)) < 5:
        return True
    return any(
        password == (password[:size] * len(password))[: len(password)] for size in range(1, 8)
    )


def _follows_a_row(password: str) -> bool:
    runs = sum(any(a + b in row for row in _ROWS) for a, b in itertools.pairwise(password))
    return runs > len(password) * 0.7
