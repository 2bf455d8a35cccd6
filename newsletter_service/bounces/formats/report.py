"""The values that every format is read into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["bounce", "complaint", "auto-reply", "not-a-bounce"]
Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What a report says about one recipient; empty strings where it says nothing.

    `status` is an enhanced status code (RFC 3463) or empty. `diagnostic` is the remote server's
    words, or the report's own where no server spoke.
    """

    original: str = ""
    final: str = ""
    action: Action = "failed"
    status: str = ""
    diagnostic: str = ""
    remote_mta: str = ""

    @property
    def address(self) -> str:
        """The address the message was sent to, as far as the report knows."""
        return self.original or self.final

    @property
    def is_trouble(self) -> bool:
        """True for failed and delayed; the other actions are information (RFC 3464 2.3.3)."""
        return self.action in ("failed", "delayed")


@dataclass(frozen=True, slots=True)
class Report:
    """One message that came back, read.

    `tokens` are the local parts the message was addressed to, in lower case: candidates for a
    return-path token, checked by the caller. `format` names the module that recognised it.
    `feedback_type` is set for feedback reports (RFC 5965), also for those that are no complaint.
    """

    kind: Kind
    recipients: tuple[RecipientReport, ...] = ()
    explanation: str = ""
    returned_message_id: str = ""
    returned_headers: tuple[tuple[str, str], ...] = ()
    tokens: tuple[str, ...] = ()
    auto_submitted: str = ""
    feedback_type: str = ""
    format: str = ""
