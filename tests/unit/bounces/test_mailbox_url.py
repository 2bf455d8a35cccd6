"""How the address of a bounce mailbox is read."""

import pytest

from newsletter_service.bounces.mailbox_url import BadMailboxUrl, MailboxUrl
from newsletter_service.mail.smtp.relay_url import Tls


@pytest.mark.parametrize(
    ("text", "protocol", "port", "tls", "folder"),
    [
        ("imaps://b:x@mail.example.org", "imap", 993, Tls.IMPLICIT, "INBOX"),
        ("imaps://b:x@mail.example.org:1993/Studsar", "imap", 1993, Tls.IMPLICIT, "Studsar"),
        ("imap://b:x@mail.example.org/In%20box", "imap", 143, Tls.STARTTLS, "In box"),
        ("imap://b:x@127.0.0.1?tls=none", "imap", 143, Tls.NONE, "INBOX"),
        ("pops://b:x@mail.example.org", "pop", 995, Tls.IMPLICIT, "INBOX"),
        ("pop://b:x@mail.example.org?tls=starttls", "pop", 110, Tls.STARTTLS, "INBOX"),
    ],
)
def test_an_address_is_read(text: str, protocol: str, port: int, tls: Tls, folder: str) -> None:
    url = MailboxUrl.parse(text)
    assert (url.protocol, url.port, url.tls, url.folder) == (protocol, port, tls, folder)


def test_a_password_is_never_shown() -> None:
    url = MailboxUrl.parse("imaps://studsar%40example.org:hem%2Flig@mail.example.org")
    assert (url.user, url.password) == ("studsar@example.org", "hem/lig")
    assert "hem" not in f"{url!s} {url!r}"


@pytest.mark.parametrize(
    "text",
    [
        "smtp://b:hemlig@mail.example.org",
        "imaps://mail.example.org",
        "imaps://b@mail.example.org",
        "imaps://b:hemlig@",
        "imaps://b:hemlig@mail.example.org:0",
        "imaps://b:hemlig@mail.example.org:x",
        "imap://b:hemlig@mail.example.org?tls=none",
        "imaps://b:hemlig@127.0.0.1?tls=none",
        "imaps://b:hemlig@mail.example.org?tls=off",
        "imaps://b:hemlig@mail.example.org?keep=1",
        "imaps://b:hemlig@mail.example.org/In%0Abox",
        "imaps://b:hem%0Alig@mail.example.org",
        "pops://b:hemlig@mail.example.org/INBOX",
        "imaps://b:hemlig@mail.example.org#x",
        "imaps://b:hemlig@mail example.org",
    ],
)
def test_an_address_that_cannot_be_used_says_why_without_the_password(text: str) -> None:
    with pytest.raises(BadMailboxUrl) as refused:
        MailboxUrl.parse(text)
    assert "hemlig" not in str(refused.value)
