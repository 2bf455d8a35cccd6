"""What can go wrong with a relay, sorted by what the caller does about it."""

from newsletter_service.mail.smtp.replies import Phase, Reply


class SmtpError(Exception):
    """Something went wrong in `phase`; `reply` is what the server said, if it said anything."""

    def __init__(self, phase: Phase, reason: str, reply: Reply | None = None) -> None:
        super().__init__(f"{reason} [{phase}]")
        self.phase = phase
        self.reason = reason
        self.reply = reply

    @property
    def code(self) -> int | None:
        """The reply's code, or None without a reply."""
        return self.reply.code if self.reply else None


class NotSent(SmtpError):
    """The server certainly did not accept the message; raised plainly: try it again later."""


class RelayUnavailable(NotSent):
    """The relay can't be reached or is closing (421): back off the relay, charge nobody."""


class RelayRefusesUs(NotSent):
    """The relay wants another log-in (530, 534, 535): pause it, charge nobody."""


class MalformedAddress(NotSent):
    """An envelope address can't stand in a command; nothing was sent, don't try again."""


class NeedsSmtpUtf8(NotSent):
    """The address needs SMTPUTF8 and the relay has none; nothing was sent (RFC 6531, 5.6.7)."""


class MalformedMessage(NotSent, ValueError):
    """The message has bare CR or LF or unannounced 8-bit bytes; don't try it again as it is."""


class InDoubt(SmtpError):
    """The final dot may have reached the server and no reply came: it may have accepted."""
