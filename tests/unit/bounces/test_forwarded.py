"""A report that a person sends on is read; a letter that speaks of one is not."""

import pytest

from newsletter_service.bounces import summary
from newsletter_service.bounces.parse import parse

REPORT = """From: Mail Delivery System <MAILER-DAEMON@mx.reader.test>
Date: Tue, 3 Nov 2026 09:00:00 +0100
Subject: Undelivered Mail Returned to Sender
To: nyhetsbrev@park.test

This is the mail system at host mx.reader.test.

Your message could not be delivered.

<karin@reader.test>: host mx.reader.test said: 550 5.1.1 <karin@reader.test>:
    Recipient address rejected: User unknown in local recipient table
"""


def _mail(subject: str, text: str) -> bytes:
    head = f"From: Anna Ek <anna@park.test>\nTo: it@park.test\nSubject: {subject}\n"
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


@pytest.mark.parametrize("subject", ["Fwd: Undelivered Mail", "VB: Undelivered", "WG: Mail"])
@pytest.mark.parametrize("shape", [str, _quoted])
def test_a_forwarded_report_is_read(subject: str, shape: type[str]) -> None:
    said = summary.summarise(parse(_mail(subject, "Se nedan.\n\n" + shape(REPORT))))

    assert (said.kind, said.recipients, said.reason) == (
        "hard",
        ("karin@reader.test",),
        "userunknown",
    )


def test_a_swedish_program_names_the_sender_in_swedish() -> None:
    text = "-----Ursprungligt meddelande-----\n" + REPORT.replace("From:", "Från:")
    assert summary.summarise(parse(_mail("VB: Undelivered", text))).kind == "hard"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Undelivered Mail", "Vad betyder det här?\n\n" + _quoted(REPORT)),
        ("Vidare om adresserna", _quoted(REPORT)),
        ("Fwd: Protokoll", "Jag läste i förra veckan. " * 40 + "\n" + _quoted(REPORT)),
        ("Fwd: Inbjudan", "> From: Bo Ek <bo@park.test>\n> Subject: Lunch\n>\n> User unknown?"),
    ],
)
def test_a_letter_about_a_report_is_no_report(subject: str, text: str) -> None:
    assert parse(_mail(subject, text)).kind == "not-a-bounce"
