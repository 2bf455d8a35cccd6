"""Asking a relay for delivery reports: parameters of MAIL and RCPT by RFC 3461 (pure)."""

import re
from dataclasses import dataclass

ENVID_LIMIT = 100
ORCPT_LIMIT = 500

_PLAIN = re.compile(r"[!-*,-<>-~]*")
_NOTIFY = frozenset({"NEVER", "SUCCESS", "FAILURE", "DELAY"})


def xtext(value: str) -> str:
    """Encode by RFC 3461 section 4: 33 to 126 as themselves but "+" and "=", others as +HH.

    Raises ValueError for text outside ASCII, which xtext can't carry.
    """
    if not value.isascii():
        raise ValueError("xtext carries ASCII only.")
    if _PLAIN.fullmatch(value):
        return value
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in value)


def utf8_address(value: str, *, smtputf8: bool) -> str:
    r"""Encode an address of type utf-8 by RFC 6533 section 3, in `\x{HEX}` where needed."""
    return "".join(_utf8_char(c, smtputf8=smtputf8) for c in value)


def _utf8_char(char: str, *, smtputf8: bool) -> str:
    plain = "!" <= char <= "~" and char not in "+=\\"
    if plain or (smtputf8 and not char.isascii()):
        return char
    return f"\\x{{{ord(char):02X}}}"


@dataclass(frozen=True, slots=True)
class DsnParams:
    """What to ask for, the same for all messages."""

    notify: tuple[str, ...] = ("FAILURE", "DELAY")
    ret: str = "HDRS"

    def __post_init__(self) -> None:
        asked = set(self.notify)
        if not asked or not asked <= _NOTIFY or len(asked) < len(self.notify):
            raise ValueError("NOTIFY takes NEVER, or some of SUCCESS, FAILURE and DELAY.")
        if "NEVER" in self.notify and len(self.notify) > 1:
            raise ValueError("NOTIFY=NEVER stands alone.")
        if self.ret not in ("HDRS", "FULL"):
            raise ValueError("RET takes HDRS or FULL.")

    def mail_arguments(self, envid: str | None) -> str:
        """The parameters of MAIL; `envid` comes back in a report as Original-Envelope-Id.

        Raises ValueError for one outside ASCII or of no or too many characters.
        """
        if envid is None:
            return f" RET={self.ret}"
        encoded = xtext(envid)
        if not 0 < len(encoded) <= ENVID_LIMIT:
            raise ValueError(f"An ENVID has 1 to {ENVID_LIMIT} characters when encoded.")
        return f" RET={self.ret} ENVID={encoded}"

    def rcpt_arguments(self, recipient: str, *, smtputf8: bool) -> str:
        """The parameters of RCPT; ORCPT is left out where it would be too long."""
        orcpt = _original_recipient(recipient, smtputf8=smtputf8)
        if len(orcpt) > ORCPT_LIMIT:
            return self._notify
        return f"{self._notify} ORCPT={orcpt}"

    @property
    def _notify(self) -> str:
        return " NOTIFY=" + ",".join(self.notify)


def _original_recipient(recipient: str, *, smtputf8: bool) -> str:
    if recipient.isascii():
        return "rfc822;" + xtext(recipient)
    return "utf-8;" + utf8_address(recipient, smtputf8=smtputf8)
