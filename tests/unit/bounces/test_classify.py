"""Hard or soft, and why: words first, codes second."""

from pathlib import Path

import pytest

from newsletter_service.bounces.classify import classify, classify_recipient
from newsletter_service.bounces.parse import parse
from newsletter_service.verdict_rules import MEANING_OF_REASON, REASON_OF_STATUS, Meaning

MESSAGES = Path(__file__).parents[2] / "bounces"


@pytest.mark.parametrize(
    ("name", "kind", "reason", "final"),
    [
        ("postfix_unknown_user", "hard", "userunknown", True),
        ("postfix_delayed", "soft", "expired", False),
        ("postfix_gave_up", "soft", "expired", True),
        ("exchange_online_unknown", "hard", "userunknown", True),
        ("exchange_online_denied", "hard", "userunknown", True),
        ("gmail_full", "soft", "mailboxfull", True),
        ("gmail_unauthenticated", "soft", "authfailure", True),
        ("sendmail_host_unknown", "hard", "hostunknown", True),
        ("eai_unsupported", "soft", "contenterror", True),
        ("swedish_unknown_user", "hard", "userunknown", True),
        ("unknown_user_quoted_in_returned", "soft", "mailboxfull", True),
        ("exim_unknown_user", "hard", "userunknown", True),
        ("exim_delayed", "soft", "expired", False),
        ("qmail_unknown_user", "hard", "userunknown", True),
        ("plain_words", "hard", "userunknown", True),
    ],
)
def test_whole_messages_are_classified(name: str, kind: str, reason: str, final: bool) -> None:
    report = parse((MESSAGES / f"{name}.eml").read_bytes())
    result = classify_recipient(report, report.recipients[0])
    assert (result.kind, result.reason, result.final) == (kind, reason, final)
    assert result.evidence


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        ("5.1.1", "550 5.1.1 blocked using zen.dnsbl.example", "blocked"),
        ("5.7.1", "550 5.7.1 Message contains spam or virus", "spamdetected"),
        ("5.0.0", "554 Relay access denied", "norelaying"),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", "mesgtoobig"),
        ("5.2.1", "550 5.2.1 The account is disabled", "suspend"),
        ("5.1.10", "556 5.1.10 Recipient address has a null MX", "notaccept"),
        ("", "550 SPF check failed for sender", "authfailure"),
        ("5.7.25", "550 5.7.25 The sending IP has no PTR record", "requireptr"),
        ("4.2.0", "450 4.2.0 Greylisted, try again later", "onhold"),
        ("", "421 Too many concurrent connections", "toomanyconn"),
        ("", "550 Brevlådan är full", "mailboxfull"),
        ("", "550 Adressen finns inte", "userunknown"),
        ("", "550 Okänd mottagare", "userunknown"),
        ("", "550 Kontot är avstängt", "suspend"),
        ("", "550 Domänen finns inte", "hostunknown"),
        ("", "550 Empfänger unbekannt", "userunknown"),
        ("5.1.8", "553 5.1.8 Domain of sender address does not exist", "rejected"),
        ("", "Remote host said: 550 Recipient address rejected: User unknown", "userunknown"),
        ("5.1.1", "", "userunknown"),
        ("5.2.2", "", "mailboxfull"),
        ("", "", "undefined"),
    ],
)
def test_words_come_before_codes(status: str, text: str, reason: str) -> None:
    assert classify(status, text, "failed").reason == reason


def test_each_recipient_is_judged_by_its_own_words() -> None:
    report = parse((MESSAGES / "plain_several.eml").read_bytes())
    reasons = [classify_recipient(report, recipient).reason for recipient in report.recipients]
    assert reasons == ["mailboxfull", "userunknown"]


def test_words_in_an_address_are_no_reason() -> None:
    result = classify("5.2.2", "<user.unknown@example.org>: 552 5.2.2 refused", "failed")
    assert result.reason == "mailboxfull"


def test_evidence_holds_no_address() -> None:
    result = classify("5.1.1", "550 5.1.1 <eva@example.org>: no such user here", "failed")
    assert "eva" not in result.evidence
    assert "no such user" in result.evidence


@pytest.mark.parametrize("status", ["4.1.1", "4.2.1", "4.0.0"])
def test_r_4_2_a_failed_action_with_a_temporary_status_is_soft(status: str) -> None:
    assert classify(status, "", "failed").kind == "soft"


def test_r_4_2_delayed_is_soft_and_not_final_whatever_it_says() -> None:
    result = classify("5.1.1", "550 5.1.1 user unknown", "delayed")
    assert (result.kind, result.final) == ("soft", False)


def test_a_permanent_code_alone_is_not_hard() -> None:
    result = classify("5.0.0", "550 refused", "failed")
    assert (result.kind, result.meaning) == ("soft", Meaning.UNKNOWN)
    assert result.confidence < 0.5


def test_every_reason_of_the_tables_has_a_meaning() -> None:
    assert {reason for _, reason in REASON_OF_STATUS} <= set(MEANING_OF_REASON)
