"""What a relay says it can do in its answer to EHLO (pure)."""

from dataclasses import dataclass

from newsletter_service.mail.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions offered; `size_limit` is in octets, None where no limit is told."""

    starttls: bool = False
    pipelining: bool = False
    eightbitmime: bool = False
    smtputf8: bool = False
    dsn: bool = False
    enhanced_status_codes: bool = False
    size: bool = False
    size_limit: int | None = None
    auth: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, reply: Reply) -> "Capabilities":
        """Read the keywords of an EHLO reply; its first line is only a greeting."""
        offered = _keywords(reply.lines[1:])
        size = offered.get("SIZE", [])
        return cls(
            starttls="STARTTLS" in offered,
            pipelining="PIPELINING" in offered,
            eightbitmime="8BITMIME" in offered,
            smtputf8="SMTPUTF8" in offered,
            dsn="DSN" in offered,
            enhanced_status_codes="ENHANCEDSTATUSCODES" in offered,
            size="SIZE" in offered,
            size_limit=_size_limit(size),
            auth=frozenset(offered.get("AUTH", [])),
        )


def _keywords(lines: tuple[str, ...]) -> dict[str, list[str]]:
    offered: dict[str, list[str]] = {}
    for line in lines:
        # Some servers still write the draft form "AUTH=PLAIN LOGIN" beside the real one.
        words = line.upper().replace("AUTH=", "AUTH ", 1).split()
        if words:
            offered.setdefault(words[0], []).extend(words[1:])
    return offered


def _size_limit(values: list[str]) -> int | None:
    # RFC 1870 section 4: no value says nothing, zero says that no limit is in force.
    if values and values[0].isascii() and values[0].isdigit() and len(values[0]) <= 20:
        return int(values[0]) or None
    return None
