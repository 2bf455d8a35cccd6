"""A signature of ours is read back as a receiver would read it."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from newsletter_service.mail import dkim_check, letter
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.message import Prepared, Reader
from tests.unit.mail.test_letter import ISSUE

RSA = DkimKey("example.org", "nl1", generate_private_key(65537, 2048))
ED25519 = DkimKey("example.org", "nl2", Ed25519PrivateKey.generate())
VALUES = {
    "unsubscribe_url": "https://example.org/unsubscribe/abc",
    "preferences_url": "https://example.org/preferences/abc",
    "address": "karin@example.org",
}


def _signed(key: DkimKey, list_id: str | None = "nytt.example.org") -> bytes:
    fixed = FixedHeaders("Parken å", "nytt@example.org", list_id=list_id, list_name="Nytt")
    prepared = Prepared.of(letter.render("issue", ISSUE, "sv"), fixed)
    reader = Reader("karin@example.org", datetime.now(UTC), "<abc@example.org>", VALUES)
    return prepared.message(reader, prepared.seal([key]))


@pytest.mark.parametrize("key", [RSA, ED25519])
def test_a_signature_of_ours_holds(key: DkimKey) -> None:
    assert dkim_check.fault(_signed(key), key) == ""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ((b"Testlabbet", b"Testlabben"), "signature"),  # in the subject, before the body
        ((b"Frukostm", b"Middagsm"), "body"),
        ((b"list-unsubscribe-post", b"list-unsubscribe-past"), "uncovered"),
        ((b"s=nl1", b"s=nl9"), "missing"),
    ],
)
def test_what_was_changed_on_the_way_is_seen(change: tuple[bytes, bytes], fault: str) -> None:
    head, blank, body = _signed(RSA).partition(b"\r\n\r\n")
    if fault == "body":
        body = body.replace(*change)
    else:
        head = head.replace(*change)
    assert dkim_check.fault(head + blank + body, RSA) == fault


def test_a_key_that_is_not_ours_does_not_fit() -> None:
    other = DkimKey("example.org", "nl1", generate_private_key(65537, 2048))
    assert dkim_check.fault(_signed(RSA), other) == "signature"
