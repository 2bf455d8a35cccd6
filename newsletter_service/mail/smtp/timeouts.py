"""How long a relay may take, phase by phase (pure)."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait; the defaults are those of RFC 5321 section 4.5.3.2 where it names one.

    `block` is for each stretch of the message to leave this machine, `dot` for the reply to the
    whole of it: waiting there too briefly is what makes copies (section 4.5.3.2.6).
    """

    connect: float = 60.0
    tls: float = 60.0
    banner: float = 300.0
    ehlo: float = 300.0
    auth: float = 120.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    rset: float = 60.0
    noop: float = 15.0
    quit: float = 5.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            if not getattr(self, limit.name) > 0:
                raise ValueError(f"The timeout {limit.name} must be more than 0 seconds.")
