"""What stands in the header of every copy of an edition. Pure."""

from dataclasses import dataclass

from newsletter_service.mail import headers


@dataclass(frozen=True)
class FixedHeaders:
    """What stands in the header of every copy of an edition, and how readers may leave.

    ``unsubscribe_mailto`` is the domain of an address that the token of the reader's link names.
    ``reference_header`` names a header for the copy's reference, which some providers return.
    The List- fields need ``list_id``. ``auto_submitted`` is for notices only (RFC 3834).
    """

    from_name: str
    from_address: str
    reply_to: str | None = None
    list_id: str | None = None
    list_name: str = ""
    list_help: str | None = None
    list_owner: str | None = None
    list_archive: str | None = None
    feedback_id: str | None = None
    precedence_bulk: bool = True
    auto_submitted: bool = False
    unsubscribe_post: bool = True
    unsubscribe_mailto: str | None = None
    reference_header: str | None = None

    def lines(self, subject: bytes, mark: bytes) -> bytes:
        """The lines of a message whose parts stand between `mark`s; raise headers.BadHeader."""
        lines = [headers.mailbox("From", self.from_name, self.from_address), subject]
        if self.reply_to:
            lines.append(headers.mailbox("Reply-To", "", self.reply_to))
        if self.list_id:
            lines += _list_lines(self, self.list_id)
        if self.feedback_id:
            lines.append(headers.fixed("Feedback-ID", self.feedback_id))
        if self.precedence_bulk and self.list_id:
            lines.append(headers.fixed("Precedence", "bulk"))
        if self.auto_submitted:
            lines.append(headers.fixed("Auto-Submitted", "auto-generated"))
        lines.append(headers.fixed("X-Auto-Response-Suppress", "OOF, AutoReply"))
        lines.append(headers.fixed("MIME-Version", "1.0"))
        lines.append(b'Content-Type: multipart/alternative;\r\n boundary="' + mark + b'"\r\n')
        return b"".join(lines)


def _list_lines(fixed: FixedHeaders, list_id: str) -> list[bytes]:
    lines = [headers.list_id_line(fixed.list_name, list_id)]
    if fixed.unsubscribe_post:
        lines.append(headers.fixed("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    if fixed.unsubscribe_mailto:
        headers.listed("List-Unsubscribe", f"mailto:u@{fixed.unsubscribe_mailto}")
    for name, uri in (
        ("List-Help", fixed.list_help),
        ("List-Owner", fixed.list_owner),
        ("List-Archive", fixed.list_archive),
    ):
        if uri:
            lines.append(headers.listed(name, uri))
    lines.append(headers.fixed("List-Post", "NO"))
    return lines
