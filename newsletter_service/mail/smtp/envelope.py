"""The commands that open a transaction, as bytes (pure)."""

from typing import NamedTuple

from newsletter_service.mail.smtp.capabilities import Capabilities
from newsletter_service.mail.smtp.dsn import DsnParams
from newsletter_service.mail.smtp.errors import MalformedAddress, NeedsSmtpUtf8
from newsletter_service.mail.smtp.replies import Phase, Reply

PATH_LIMIT = 254  # RFC 5321 section 4.5.3.1.3: 256 octets with the angle brackets

_UNSAFE = bytes((*range(ord(" ") + 1), 0x7F, *b"<>"))


class EnvelopeReply(NamedTuple):
    """What the relay made of an envelope: RCPT's reply if taken, else the one that refused."""

    accepted: bool
    phase: Phase
    reply: Reply


class Ahead(NamedTuple):
    """MAIL, RCPT and DATA to leave behind the message before."""

    commands: bytes
    international: bool


class Envelope(NamedTuple):
    """One sender, one recipient and what is asked for them; `size` is of the bytes to come.

    `envid` names the message in a report that `dsn` asks for.
    """

    mail_from: str
    rcpt_to: str
    size: int
    dsn: DsnParams | None = None
    envid: str | None = None

    @property
    def international(self) -> bool:
        """Whether SMTPUTF8 must be asked for."""
        return not (self.mail_from.isascii() and self.rcpt_to.isascii())

    def commands(self, offered: Capabilities) -> tuple[bytes, bytes]:
        """Return MAIL and RCPT for a relay.

        Raises MalformedAddress or NeedsSmtpUtf8 where they can't be sent (R 2.12, 2.22).
        """
        sender, reader, international = self.mail_from, self.rcpt_to, self.international
        _check(sender, Phase.MAIL)
        _check(reader, Phase.RCPT)
        if not reader:
            raise MalformedAddress(Phase.RCPT, "The envelope names no recipient.")
        mail, rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{reader}>"
        if offered.size:
            mail += f" SIZE={self.size}"
        if international:
            if not (offered.smtputf8 and offered.eightbitmime):
                reason = "The address needs SMTPUTF8, which the relay does not offer."
                raise NeedsSmtpUtf8(Phase.MAIL, reason)
            mail += " SMTPUTF8 BODY=8BITMIME"
        if self.dsn is not None and offered.dsn:
            mail += self.dsn.mail_arguments(self.envid)
            rcpt += self.dsn.rcpt_arguments(reader, smtputf8=international)
        return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode()


def _check(address: str, phase: Phase) -> None:
    try:
        octets = address.encode()
    except UnicodeEncodeError:
        octets = _UNSAFE
    if len(octets) > PATH_LIMIT or len(octets.translate(None, _UNSAFE)) < len(octets):
        reason = "An envelope address is too long or contains a blank or control character."
        raise MalformedAddress(phase, reason)


def stuffed(data: bytes) -> bytes:
    """Return a message as it goes over the wire: dots doubled, CRLF at its end, the final dot.

    Raises ValueError for a bare CR or LF, which would let a message end early (R 2.16).
    """
    lines = data.count(b"\r\n")
    if data.count(b"\n") != lines or data.count(b"\r") != lines:
        raise ValueError("The message contains a CR or LF that does not stand in a CRLF.")
    body = data.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        body = b"." + body
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return body + b".\r\n"


def is_sound(data: bytes) -> bool:
    """Whether a message goes over the wire as it is, with only the final dot behind it."""
    try:
        return stuffed(data) == data + b".\r\n"
    except ValueError:
        return False
