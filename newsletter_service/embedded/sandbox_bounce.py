"""How the sandbox sends a mail back: a delivery report by RFC 3464, over SMTP or LMTP."""

import smtplib
from dataclasses import dataclass
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from urllib.parse import urlsplit

from newsletter_service.embedded.sandbox_store import StoredMail

REPORTING_HOST = "sandbox.invalid"


@dataclass(frozen=True, slots=True)
class BounceTarget:
    """Where reports go: the listener that takes the mail of our return addresses."""

    host: str
    port: int
    lmtp: bool

    @classmethod
    def parse(cls, text: str) -> "BounceTarget":
        """Read `lmtp://127.0.0.1:2526` or `smtp://…`; raises ValueError with a sentence."""
        parts = urlsplit(text)
        if parts.scheme not in ("smtp", "lmtp") or not parts.hostname or not parts.port:
            raise ValueError("Write where bounces go as lmtp://127.0.0.1:2526 or smtp://…")
        return cls(parts.hostname, parts.port, parts.scheme == "lmtp")

    def send(self, report: bytes, to: str) -> None:
        """Hand over a report with the null sender; raises OSError or smtplib.SMTPException."""
        client = smtplib.LMTP if self.lmtp else smtplib.SMTP
        with client(self.host, self.port, local_hostname=REPORTING_HOST, timeout=30) as session:
            session.sendmail("", [to], report)


def report(mail: StoredMail, recipient: str) -> bytes:
    """Return the report that says that nobody of that address exists (5.1.1)."""
    whole = MIMEMultipart("report", report_type="delivery-status")
    whole["From"] = f"Mail Delivery System <MAILER-DAEMON@{REPORTING_HOST}>"
    whole["To"] = mail.sender
    whole["Subject"] = "Undelivered Mail Returned to Sender"
    whole["Date"] = format_datetime(mail.received_at)
    whole["Message-ID"] = make_msgid(domain=REPORTING_HOST)
    whole["Auto-Submitted"] = "auto-replied"
    whole.attach(MIMEText(_words(recipient), "plain", "utf-8"))
    whole.attach(_status(mail, recipient))
    whole.attach(_original_header(mail))
    return whole.as_bytes(policy=SMTP)


def _words(recipient: str) -> str:
    return (
        f"This is the mail sandbox at {REPORTING_HOST}.\n\n"
        f"Your message could not be delivered to <{recipient}>:\n"
        "550 5.1.1 No such person here.\n"
    )


def _status(mail: StoredMail, recipient: str) -> Message:
    about_the_message = Message()
    about_the_message["Reporting-MTA"] = f"dns; {REPORTING_HOST}"
    about_the_message["Arrival-Date"] = format_datetime(mail.received_at)
    about_the_reader = Message()
    about_the_reader["Final-Recipient"] = f"rfc822; {recipient}"
    about_the_reader["Action"] = "failed"
    about_the_reader["Status"] = "5.1.1"
    about_the_reader["Diagnostic-Code"] = "smtp; 550 5.1.1 No such person here"
    status = Message()
    status["Content-Type"] = "message/delivery-status"
    status.set_payload([about_the_message, about_the_reader])
    return status


def _original_header(mail: StoredMail) -> Message:
    header = mail.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    part = MIMEText(header.decode("utf-8", "replace"), "rfc822-headers", "utf-8")
    if header.isascii():
        part = MIMEText(header.decode("ascii"), "rfc822-headers", "us-ascii")
    return part
