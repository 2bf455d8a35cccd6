"""Reports as other servers write them."""

from email.message import EmailMessage


def dsn(  # named parts of one report
    recipient: str,
    *,
    to: str = "postmaster@elsewhere.test",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "550 5.1.1 User unknown",
    returned: bytes = b"Subject: something\r\n\r\n",
    more: str = "",
) -> bytes:
    """A delivery status notification (RFC 3464)."""
    return "\r\n".join(
        [
            "From: MAILER-DAEMON@mx.elsewhere.test",
            f"To: {to}",
            "Subject: Undelivered Mail Returned to Sender",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="xx"',
            "",
            "--xx",
            "Content-Type: text/plain",
            "",
            "This is the mail system. Your message could not be delivered.",
            "--xx",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; mx.elsewhere.test",
            "",
            f"Final-Recipient: rfc822; {recipient}",
            f"Action: {action}",
            f"Status: {status}",
            f"Diagnostic-Code: smtp; {diagnostic}",
            *([more] if more else []),
            "--xx",
            "Content-Type: message/rfc822",
            "",
            returned.decode("utf-8", "replace"),
            "--xx--",
            "",
        ]
    ).encode()


def complaint(returned: bytes, kind: str = "abuse") -> bytes:
    """A feedback report that hides the recipient (RFC 5965)."""
    return "\r\n".join(
        [
            "From: feedback@provider.test",
            "To: fbl@park.example.org",
            "Subject: Complaint",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=feedback-report; boundary="yy"',
            "",
            "--yy",
            "Content-Type: text/plain",
            "",
            "A reader complained.",
            "--yy",
            "Content-Type: message/feedback-report",
            "",
            f"Feedback-Type: {kind}",
            "User-Agent: Provider/1.0",
            "Version: 1",
            "--yy",
            "Content-Type: message/rfc822",
            "",
            returned.decode("utf-8", "replace"),
            "--yy--",
            "",
        ]
    ).encode()


def auto_reply() -> bytes:
    """Somebody is on holiday."""
    message = EmailMessage()
    message["From"] = "reader1@reader.test"
    message["To"] = "nyhetsbrev@park.example.org"
    message["Subject"] = "Autosvar: semester"
    message["Auto-Submitted"] = "auto-replied"
    message.set_content("Jag är på semester till den 3 augusti.")
    return message.as_bytes()
