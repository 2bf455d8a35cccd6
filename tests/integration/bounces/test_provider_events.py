"""Webhooks: only what is proven is stored, it counts once, and concerns the copy of our token."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from newsletter_service.bounces import provider_events
from newsletter_service.bounces.providers import generic
from newsletter_service.delivery import audience, finish, turn
from newsletter_service.extensions import db
from newsletter_service.models import (
    BounceState,
    Delivery,
    ProviderCertificate,
    ProviderEvent,
    Subscription,
    SubscriptionState,
    writing,
)
from tests.integration.bounces.conftest import Sent
from tests.smtp_sink import Sink
from tests.world import world

READER = "reader2@reader.test"
TOPIC = "arn:aws:sns:eu-north-1:000000000000:bounces"
CERTIFICATE = "https://sns.eu-north-1.amazonaws.com/SimpleNotificationService-1.pem"
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
RETIRED_KEY = ec.generate_private_key(ec.SECP256R1())
AMAZONS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PASSWORD = "postman:lösen ord"
SECRET = "0123456789abcdef"


def _now() -> datetime:
    return datetime.now(UTC)


def _public(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_key().public_bytes(serialization.Encoding.DER, form)
    return base64.b64encode(der).decode()


@dataclass
class Hooked:
    """An installation whose relays' providers report here."""

    sent: Sent
    client: FlaskClient

    def post(self, provider: str, body: bytes, headers: dict[str, str]) -> TestResponse:
        return self.client.post(f"/hooks/{provider}", data=body, headers=headers)

    def kept(self) -> list[ProviderEvent]:
        db.session.expire_all()
        return list(db.session.scalars(select(ProviderEvent).order_by(ProviderEvent.id)))

    def process(self) -> list[ProviderEvent]:
        provider_events.process(_now())
        return self.kept()

    def reference(self, recipient: str = READER) -> str:
        """The copy's Message-ID, with its angle brackets."""
        lines = self.sent.message_to(recipient).decode("ascii", "replace").split("\r\n")
        return next(line for line in lines if line.startswith("Message-ID: "))[12:]


@pytest.fixture
def hooked(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[Hooked]:
    hooks = {
        "ses_hook": TOPIC,
        "sendgrid_hook": ",".join(map(_public, (RETIRED_KEY, SENDGRID_KEY))),
        "mailgun_hook": SECRET,
        "postmark_hook": PASSWORD,
        "brevo_hook": f"old,{SECRET}",
        "generic_hook": SECRET,
        "reference_header": "X-PM-Metadata-copy",
    }
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, **hooks) as made:
        made.readers(3)
        issue_id = made.issue()
        audience.expand(issue_id, _now())
        turn.take()
        finish.finish(issue_id, _now())
        yield Hooked(Sent(made, smtp_sink, issue_id), made.app.test_client())


def _sendgrid(events: Any, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(events).encode()
    timestamp = str(int((at or _now()).timestamp()))
    signature = SENDGRID_KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return body, {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


def _mailgun(
    event: Any, at: datetime | None = None, token: str = "t1"
) -> tuple[bytes, dict[str, str]]:
    timestamp = str(int((at or _now()).timestamp()))
    proof = hmac.new(SECRET.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    signature = {"timestamp": timestamp, "token": token, "signature": proof}
    return json.dumps({"signature": signature, "event-data": event}).encode(), {}


def _generic(events: Any, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    body, timestamp = json.dumps(events).encode(), str(int((at or _now()).timestamp()))
    signature = generic.sign(SECRET, timestamp, body)
    return body, {"X-Newsletter-Signature": signature, "X-Newsletter-Timestamp": timestamp}


def _postmark(event: Any, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    basic = base64.b64encode(PASSWORD.encode()).decode()
    return json.dumps(event).encode(), {"Authorization": f"Basic {basic}"}


def _brevo(event: Any, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    return json.dumps(event).encode(), {"Authorization": f"Bearer {SECRET}"}


def _ses(message: Any, at: datetime | None = None, **more: str) -> tuple[bytes, dict[str, str]]:
    envelope = {
        "Type": "Notification",
        "MessageId": "11111111-aaaa",
        "TopicArn": TOPIC,
        "Message": json.dumps(message),
        "Timestamp": (at or _now()).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
    } | more
    names = sorted(set(envelope) - {"SignatureVersion", "SigningCertURL", "Signature"})
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names)
    signature = AMAZONS_KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    envelope["Signature"] = base64.b64encode(signature).decode()
    return json.dumps(envelope).encode(), {"Content-Type": "text/plain; charset=UTF-8"}


def _certificate(valid_days: int = 10) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = _now() - timedelta(days=20)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(AMAZONS_KEY.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=20 + valid_days))
        .sign(AMAZONS_KEY, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def _keep_certificate(pem: bytes) -> None:
    with writing() as session:
        session.add(ProviderCertificate(url=CERTIFICATE, pem=pem, error="", asked_at=_now()))


def _ses_bounce(sender: str, kind: str = "Permanent", subkind: str = "General", **more: str) -> Any:
    recipient = {"emailAddress": READER, "action": "failed"} | more
    return {
        "eventType": "Bounce",
        "mail": {"source": sender, "destination": [READER]},
        "bounce": {
            "bounceType": kind,
            "bounceSubType": subkind,
            "bouncedRecipients": [recipient],
            "timestamp": _now().isoformat(),
        },
    }


Event = Callable[[Hooked], tuple[str, tuple[bytes, dict[str, str]]]]

HARD: dict[str, Event] = {
    "ses": lambda h: (
        "ses",
        _ses(_ses_bounce(h.sent.sender_of(READER), status="5.1.1", diagnosticCode="user unknown")),
    ),
    "sendgrid": lambda h: (
        "sendgrid",
        _sendgrid(
            [
                {"sg_event_id": "a", "event": "processed", "smtp-id": h.reference()},
                {
                    "sg_event_id": "b",
                    "event": "bounce",
                    "type": "bounce",
                    "status": "5.1.1",
                    "reason": "550 5.1.1 no such user here",
                    "smtp-id": h.reference(),
                    "timestamp": int(_now().timestamp()),
                },
            ]
        ),
    ),
    "mailgun": lambda h: (
        "mailgun",
        _mailgun(
            {
                "event": "failed",
                "severity": "permanent",
                "reason": "bounce",
                "delivery-status": {"code": 550, "message": "5.1.1 User unknown"},
                "message": {"headers": {"message-id": h.reference().strip("<>")}},
            }
        ),
    ),
    "postmark": lambda h: (
        "postmark",
        _postmark(
            {
                "RecordType": "Bounce",
                "Type": "HardBounce",
                "ID": 42,
                "Email": READER,
                "Details": "smtp;550 5.1.1 The account does not exist",
                "Metadata": {"copy": h.reference().strip("<>").partition("@")[0]},
            }
        ),
    ),
    "brevo": lambda h: (
        "brevo",
        _brevo(
            {
                "event": "hard_bounce",
                "email": READER,
                "message-id": h.reference(),
                "ts_epoch": int(_now().timestamp() * 1000),
                "reason": "550 5.1.1 user unknown",
            }
        ),
    ),
    "generic": lambda h: (
        "generic",
        _generic({"id": "g1", "event": "bounce", "reference": h.reference(), "status": "5.1.1"}),
    ),
}


@pytest.mark.parametrize("provider", HARD)
def test_a_hard_bounce_by_webhook_suppresses_its_reader_once(hooked: Hooked, provider: str) -> None:
    _keep_certificate(_certificate())
    name, (body, headers) = HARD[provider](hooked)

    assert hooked.post(name, body, headers).status_code == 200
    assert hooked.sent.suppressed() == {}, "nothing is judged in the request"
    hooked.process()
    assert hooked.sent.suppressed() == {READER: "hard_bounce"}
    assert hooked.post(name, body, headers).status_code == 200
    hooked.process()
    assert len(hooked.sent.events()) == 1
    assert hooked.sent.events()[0].source == provider


@pytest.mark.parametrize("provider", HARD)
def test_what_is_tampered_with_is_refused_and_leaves_no_trace(
    hooked: Hooked, provider: str
) -> None:
    _keep_certificate(_certificate())
    name, (body, headers) = HARD[provider](hooked)
    other = {"Authorization": "Basic cG9zdG1hbjpub3Q="} if name in ("postmark", "brevo") else {}
    spoiled = body if other else body.replace(b"b", b"c", 1).replace(b'"t1"', b'"t2"')
    if name == "ses":
        spoiled = body.replace(b"Permanent", b"Transient")

    assert hooked.post(name, spoiled, headers | other).status_code == 403
    if name not in ("ses", "mailgun"):  # theirs stands in the body
        assert hooked.post(name, body, {}).status_code == 403
    assert hooked.kept() == []


@pytest.mark.parametrize("minutes", [-16 * 60, 16 * 60])
@pytest.mark.parametrize(
    "make",
    [
        lambda at: ("sendgrid", _sendgrid([{"sg_event_id": "a", "event": "delivered"}], at)),
        lambda at: ("mailgun", _mailgun({"event": "delivered"}, at)),
        lambda at: ("generic", _generic({"id": "g", "event": "delivered"}, at)),
        lambda at: ("ses", _ses({"eventType": "Delivery"}, at)),
    ],
    ids=["sendgrid", "mailgun", "generic", "ses"],
)
def test_a_stale_signature_is_refused(hooked: Hooked, make: Any, minutes: int) -> None:
    name, (body, headers) = make(_now() + timedelta(minutes=minutes))

    assert hooked.post(name, body, headers).status_code == 403
    assert hooked.kept() == []


def test_mailguns_token_is_used_once_whatever_event_it_is_put_under(hooked: Hooked) -> None:
    reference = {"headers": {"message-id": hooked.reference()}}
    for event in ("delivered", "complained"):
        body, headers = _mailgun({"event": event, "message": reference}, token="same")
        assert hooked.post("mailgun", body, headers).status_code == 200
    hooked.process()

    assert [event.name for event in hooked.kept()] == ["delivered"]
    assert hooked.sent.suppressed() == {}


@pytest.mark.parametrize(
    "more",
    [
        {"TopicArn": "arn:aws:sns:eu-north-1:666666666666:bounces"},
        {"SigningCertURL": "https://sns.eu-north-1.amazonaws.com.evil.test/x.pem"},
        {"SigningCertURL": "https://evil@sns.eu-north-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "http://sns.eu-north-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.eu-north-1.amazonaws.com/x.txt"},
        {"SignatureVersion": "1"},
        {"Type": "Anything"},
    ],
    ids=["topic", "host", "user", "plain", "path", "sha1", "type"],
)
def test_ses_is_believed_only_from_our_topic_and_amazons_key(
    hooked: Hooked, more: dict[str, str]
) -> None:
    body, headers = _ses(_ses_bounce(hooked.sent.sender_of(READER)), None, **more)

    assert hooked.post("ses", body, headers).status_code == 403
    assert db.session.scalars(select(ProviderCertificate)).all() == []


def test_ses_waits_for_its_certificate_without_the_network_in_the_request(hooked: Hooked) -> None:
    body, headers = _ses(_ses_bounce(hooked.sent.sender_of(READER)))

    first = hooked.post("ses", body, headers)

    assert (first.status_code, first.headers["Retry-After"]) == (503, "5")
    assert hooked.kept() == []
    asked = db.session.scalars(select(ProviderCertificate)).one()
    assert (asked.url, asked.pem) == (CERTIFICATE, b"")


def test_an_expired_certificate_proves_nothing(hooked: Hooked) -> None:
    _keep_certificate(_certificate(valid_days=-1))
    body, headers = _ses(_ses_bounce(hooked.sent.sender_of(READER)))

    assert hooked.post("ses", body, headers).status_code == 503


def test_r_4_4_ses_reports_automatic_replies_as_transient_and_they_do_not_count(
    hooked: Hooked,
) -> None:
    _keep_certificate(_certificate())
    hooked.post("ses", *_ses(_ses_bounce(hooked.sent.sender_of(READER), "Transient", "General")))
    hooked.process()

    assert hooked.sent.events() == []


def test_an_event_without_a_token_of_ours_is_set_aside(hooked: Hooked) -> None:
    events = [{"sg_event_id": "x", "event": "spamreport", "email": READER, "smtp-id": "<a@b.test>"}]
    hooked.post("sendgrid", *_sendgrid(events))

    assert [event.state for event in hooked.process()] == [BounceState.UNMATCHED]
    assert hooked.sent.suppressed() == {}


def test_delivered_is_kept_as_the_arrival_and_never_undoes_a_complaint(hooked: Hooked) -> None:
    hooked.post(
        "generic",
        *_generic(
            [
                {"id": "1", "event": "complaint", "reference": hooked.reference()},
                {"id": "2", "event": "delivered", "reference": hooked.reference()},
            ]
        ),
    )
    complaint, delivered = hooked.process()

    assert complaint.payload
    assert not delivered.payload  # nothing more can be learnt from it
    assert hooked.sent.suppressed() == {READER: "complaint"}
    arrived = db.session.scalars(select(Delivery).where(Delivery.arrived_ms.is_not(None))).all()
    assert len(arrived) == 1


def test_the_providers_own_unsubscribe_link_ends_the_subscription(hooked: Hooked) -> None:
    body, headers = _generic({"id": "u", "event": "unsubscribed", "reference": hooked.reference()})
    hooked.post("generic", body, headers)
    hooked.process()

    states = [each.state for each in db.session.scalars(select(Subscription))]
    assert states.count(SubscriptionState.UNSUBSCRIBED) == 1


def test_unknown_events_are_taken_and_change_nothing(hooked: Hooked) -> None:
    body, headers = _postmark({"RecordType": "Open", "ID": 1, "Metadata": hooked.reference()})

    assert hooked.post("postmark", body, headers).status_code == 200
    [event] = hooked.process()
    assert (event.state, event.name) == (BounceState.PROCESSED, "Open")
    assert hooked.sent.events() == []


@pytest.mark.parametrize("body", [b"", b"[1, 2]", b"nonsense", b"[" * 100_000, b'{"a":' * 9_000])
def test_a_body_that_is_none_is_told_so_and_nothing_breaks(hooked: Hooked, body: bytes) -> None:
    _, headers = _brevo({})

    assert hooked.post("brevo", body, headers).status_code in (200, 400)
    assert hooked.post("ses", body, {}).status_code == 403
    assert hooked.post("mailgun", body, {}).status_code == 403
    hooked.process()
    assert hooked.sent.events() == []


def test_a_webhook_that_is_not_in_use_is_not_there(hooked: Hooked, tmp_path: Path) -> None:
    assert hooked.client.post("/hooks/nobody", data=b"{}").status_code == 404


def test_a_body_above_a_megabyte_is_refused(hooked: Hooked) -> None:
    _, headers = _brevo({})

    assert hooked.post("brevo", b" " * 1_100_000, headers).status_code == 413
    assert hooked.post("brevo", b'{"event": "x"}' + b" " * 900_000, headers).status_code == 200
