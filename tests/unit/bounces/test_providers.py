"""What each provider's words mean: policy refusals are not bad addresses, whoever says so."""

from typing import Any

import pytest

from newsletter_service.bounces.providers import PROVIDERS

SENDGRID: dict[str, Any] = {"event": "bounce", "type": "blocked"}
SES = {"eventType": "Bounce"}
NOT_SPAM = {"eventType": "Complaint", "complaint": {"complaintFeedbackType": "not-spam"}}


def _ses(kind: str, subkind: str, **recipient: str) -> dict[str, Any]:
    told = {"bounceType": kind, "bounceSubType": subkind, "bouncedRecipients": [recipient]}
    return SES | {"bounce": told}


def _mailgun(severity: str, reason: str, message: str, code: int = 550) -> dict[str, Any]:
    status = {"code": code, "message": message}
    return {"event": "failed", "severity": severity, "reason": reason, "delivery-status": status}


@pytest.mark.parametrize(
    ("provider", "event", "meaning"),
    [
        ("ses", _ses("Permanent", "NoEmail"), "hard"),
        ("ses", _ses("Permanent", "OnAccountSuppressionList"), "hard"),
        ("ses", _ses("Permanent", "General", diagnosticCode="550 5.7.1 spam blocked"), "sender"),
        ("ses", _ses("Permanent", "General"), "hard-twice"),
        ("ses", _ses("Transient", "MailboxFull"), "full"),
        ("ses", _ses("Transient", "ContentRejected"), "message"),
        ("sendgrid", SENDGRID | {"reason": "550 blocked using a blocklist"}, "sender"),
        ("sendgrid", SENDGRID | {"reason": "odd words"}, "sender"),
        ("sendgrid", SENDGRID | {"reason": "550 5.1.1 user unknown"}, "hard-twice"),
        ("sendgrid", {"event": "dropped", "reason": "Bounced Address"}, "hard"),
        ("mailgun", _mailgun("permanent", "espblock", "5.1.1 user unknown"), "sender"),
        ("mailgun", _mailgun("permanent", "old", "Too old"), "transient"),
        ("mailgun", _mailgun("permanent", "suppress-bounce", "Not delivering"), "hard"),
        ("mailgun", _mailgun("permanent", "generic", "5.7.26 unauthenticated"), "sender"),
        ("postmark", {"RecordType": "Bounce", "Type": "SpamNotification"}, "sender"),
        ("postmark", {"RecordType": "Bounce", "Type": "BadEmailAddress"}, "hard"),
        ("postmark", {"RecordType": "Bounce", "Type": "SoftBounce"}, "transient"),
        ("brevo", {"event": "invalid_email"}, "hard"),
        ("brevo", {"event": "blocked", "reason": "odd"}, "sender"),
        ("brevo", {"event": "soft_bounce", "reason": "mailbox full"}, "full"),
        ("generic", {"event": "bounce", "status": "5.2.2"}, "full"),
    ],
)
def test_a_failure_means_what_the_server_said_before_what_the_provider_calls_it(
    provider: str, event: dict[str, Any], meaning: str
) -> None:
    said = PROVIDERS[provider].read(event)

    assert said.kind == "failure"
    assert said.final
    assert said.judgement is not None
    assert said.judgement.meaning == meaning


@pytest.mark.parametrize(
    ("provider", "event"),
    [
        ("ses", {"eventType": "DeliveryDelay", "deliverydelay": {}}),
        ("sendgrid", {"event": "deferred", "response": "451 5.1.1 user unknown"}),
        ("mailgun", _mailgun("temporary", "generic", "5.1.1 user unknown")),
        ("postmark", {"RecordType": "Bounce", "Type": "Transient"}),
        ("brevo", {"event": "deferred"}),
        ("generic", {"event": "delayed", "status": "5.1.1"}),
    ],
)
def test_what_is_still_being_tried_is_not_final(provider: str, event: dict[str, Any]) -> None:
    assert not PROVIDERS[provider].read(event).final


@pytest.mark.parametrize(
    ("provider", "event", "kind"),
    [
        ("ses", {"notificationType": "Complaint", "complaint": {}}, "complaint"),
        (
            "ses",
            {"eventType": "Complaint", "complaint": {"complaintFeedbackType": "not-spam"}},
            "other",
        ),
        ("ses", {"eventType": "Delivery", "delivery": {}}, "delivered"),
        ("sendgrid", {"event": "spamreport"}, "complaint"),
        ("sendgrid", {"event": "dropped", "reason": "Spam Reporting Address"}, "complaint"),
        ("sendgrid", {"event": "group_unsubscribe"}, "unsubscribed"),
        ("mailgun", _mailgun("permanent", "suppress-unsubscribe", ""), "unsubscribed"),
        ("mailgun", {"event": "opened"}, "other"),
        ("postmark", {"RecordType": "Bounce", "Type": "AutoResponder"}, "other"),
        (
            "postmark",
            {
                "RecordType": "SubscriptionChange",
                "SuppressSending": True,
                "SuppressionReason": "ManualSuppression",
                "Origin": "Recipient",
            },
            "unsubscribed",
        ),
        ("brevo", {"event": "spam"}, "complaint"),
        ("generic", {"event": "anything"}, "other"),
    ],
)
def test_every_other_event_is_what_the_provider_means(
    provider: str, event: dict[str, Any], kind: str
) -> None:
    assert PROVIDERS[provider].read(event).kind == kind


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("event", [{}, {"event": {"a": []}}, {"eventType": [1], "bounce": "x"}])
def test_no_shape_of_an_event_breaks_the_reader(provider: str, event: dict[str, Any]) -> None:
    assert PROVIDERS[provider].read(event).kind == "other"
