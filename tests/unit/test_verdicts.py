"""What failures mean for a reader: table 4b and policy 4.7, against a fake clock."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter_service.verdict_rules import Meaning, judge
from newsletter_service.verdicts import (
    NUMBERS,
    Acceptance,
    Event,
    History,
    Phase,
    Policy,
    Verdict,
    of_reply,
    verdict,
)

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
POLICY = Policy()
EMPTY = History()


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def failure(meaning: Meaning, at: float = 0, issue: int | None = 1, final: bool = True) -> Event:
    return Event("failure", day(at), issue, meaning, final)


def decide(event: Event, *earlier: Event, accepted: tuple[Acceptance, ...] = ()) -> Verdict:
    return verdict(event, History(earlier, accepted), POLICY, event.at)


@pytest.mark.parametrize(
    ("status", "text", "meaning"),
    [
        ("5.1.1", "", Meaning.HARD),
        ("5.1.2", "", Meaning.HARD),
        ("5.1.3", "", Meaning.HARD),
        ("5.1.6", "", Meaning.HARD),
        ("5.1.10", "", Meaning.HARD),
        ("5.2.1", "", Meaning.HARD_TWICE),
        ("5.7.13", "", Meaning.HARD),
        ("5.7.17", "", Meaning.HARD),
        ("5.7.18", "", Meaning.HARD),
        ("", "551 go away", Meaning.HARD),
        ("", "553 go away", Meaning.HARD),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", Meaning.HARD_TWICE),
        ("5.2.2", "", Meaning.FULL),
        ("4.2.2", "", Meaning.FULL),
        ("", "552 mailbox full", Meaning.FULL),
        ("4.4.1", "", Meaning.TRANSIENT),
        ("4.1.1", "", Meaning.TRANSIENT),
        ("", "421 closing", Meaning.TRANSIENT),
        ("", "450 busy", Meaning.TRANSIENT),
        ("", "451 local trouble", Meaning.TRANSIENT),
        ("5.3.4", "", Meaning.MESSAGE),
        ("5.2.3", "", Meaning.MESSAGE),
        ("", "552 message too large", Meaning.MESSAGE),
        ("5.6.0", "", Meaning.MESSAGE),
        ("", "554 virus found in message", Meaning.MESSAGE),
        ("5.6.7", "", Meaning.CAPABILITY),
        ("5.7.1", "", Meaning.SENDER),
        ("5.7.26", "", Meaning.SENDER),
        ("5.7.515", "", Meaning.SENDER),
        ("", "550 listed at a dnsbl", Meaning.SENDER),
        ("", "550 DMARC says no", Meaning.SENDER),
        ("5.1.7", "", Meaning.CONFIG),
        ("5.1.8", "", Meaning.CONFIG),
        ("", "535 wrong password", Meaning.CONFIG),
        ("5.5.1", "", Meaning.CONFIG),
        ("", "503 not now", Meaning.CONFIG),
        ("", "550 no", Meaning.UNKNOWN),
        ("", "554 no", Meaning.UNKNOWN),
    ],
)
def test_r_4b_each_line_of_the_table_has_its_meaning(
    status: str, text: str, meaning: Meaning
) -> None:
    assert judge(status, text).meaning is meaning


def test_a_hard_bounce_suppresses_at_once() -> None:
    assert decide(failure(Meaning.HARD)).suppress == "hard_bounce"


def test_r_4_6_a_complaint_suppresses_at_once_and_everywhere() -> None:
    result = verdict(Event("complaint", START), EMPTY, POLICY, START)
    assert (result.suppress, result.everywhere) == ("complaint", True)


def test_r_4_5_not_spam_never_suppresses() -> None:
    assert verdict(Event("not-spam", START), EMPTY, POLICY, START).suppress is None


@pytest.mark.parametrize("meaning", [Meaning.SENDER, Meaning.CONFIG])
def test_the_senders_fault_never_suppresses(meaning: Meaning) -> None:
    earlier = [failure(meaning, n * 7, n) for n in range(20)]
    result = decide(failure(meaning, 150, 99), *earlier)
    assert (result.suppress, result.counts_soft, result.sender_fault) == (None, False, True)


def test_the_messages_fault_has_no_effect_on_the_reader() -> None:
    result = decide(failure(Meaning.MESSAGE))
    assert (result.suppress, result.counts_soft, result.message_fault) == (None, False, True)


def test_a_missing_capability_is_noted() -> None:
    result = decide(failure(Meaning.CAPABILITY))
    assert (result.suppress, result.eai_unsupported) == (None, True)


def test_r_4_2_what_is_only_delayed_counts_for_nothing() -> None:
    result = decide(failure(Meaning.HARD, final=False))
    assert (result.suppress, result.counts_soft) == (None, False)


@pytest.mark.parametrize(("apart", "suppress"), [(0.99, None), (1.0, "hard_bounce")])
def test_a_disabled_mailbox_needs_two_hits_a_day_apart(apart: float, suppress: str | None) -> None:
    first = failure(Meaning.HARD_TWICE, 0, 1)
    assert decide(first).suppress is None
    assert decide(failure(Meaning.HARD_TWICE, apart, 2), first).suppress == suppress


def test_a_success_between_two_disabled_hits_clears_the_first() -> None:
    accepted = (Acceptance(2, day(5)),)
    first = failure(Meaning.HARD_TWICE, 0, 1)
    second = failure(Meaning.HARD_TWICE, 20, 3)
    assert decide(second, first, accepted=accepted).suppress is None


@pytest.mark.parametrize(("apart", "suppress"), [(30, "hard_bounce"), (31, None)])
def test_an_unknown_refusal_is_hard_the_second_time_in_thirty_days(
    apart: float, suppress: str | None
) -> None:
    first = failure(Meaning.UNKNOWN, 0, 1)
    assert decide(first).counts_soft
    assert decide(failure(Meaning.UNKNOWN, apart, 2), first).suppress == suppress


def test_two_reports_of_one_issue_are_one_unknown_refusal() -> None:
    again = failure(Meaning.UNKNOWN, 1, 1)
    assert decide(again, failure(Meaning.UNKNOWN, 0, 1)).suppress is None


@pytest.mark.parametrize(
    ("days", "issues", "suppress"),
    [
        ((0, 4, 8, 12, 14), (1, 2, 3, 4, 5), "soft_bounces"),
        ((0, 4, 8, 12, 13.9), (1, 2, 3, 4, 5), None),
        ((0, 5, 10, 15), (1, 2, 3, 4), None),
        ((0, 4, 8, 12, 20), (1, 1, 2, 3, 4), None),
    ],
)
def test_r_4_7_soft_bounces_suppress_by_number_and_span(
    days: tuple[float, ...], issues: tuple[int, ...], suppress: str | None
) -> None:
    *earlier, last = [failure(Meaning.FULL, d, i) for d, i in zip(days, issues, strict=True)]
    assert decide(last, *earlier).suppress == suppress


def test_r_4_7_a_success_starts_the_count_again() -> None:
    *earlier, last = [failure(Meaning.FULL, n * 10, n) for n in range(5)]
    accepted = (Acceptance(77, day(25)),)
    assert decide(last, *earlier).suppress == "soft_bounces"
    assert decide(last, *earlier, accepted=accepted).suppress is None


def test_an_acceptance_followed_by_a_bounce_is_no_success() -> None:
    *earlier, last = [failure(Meaning.FULL, n * 10, n) for n in range(5)]
    accepted = tuple(Acceptance(n, day(n * 10 - 1)) for n in range(5))
    assert decide(last, *earlier, accepted=accepted).suppress == "soft_bounces"


def test_an_acceptance_younger_than_seven_days_is_no_success_unless_said_to_be_delivered() -> None:
    *earlier, last = [failure(Meaning.FULL, n * 10, n) for n in range(5)]
    young = Acceptance(77, day(39))
    assert decide(last, *earlier, accepted=(young,)).suppress == "soft_bounces"
    delivered = Acceptance(77, day(39), delivered=True)
    assert decide(last, *earlier, accepted=(delivered,)).suppress is None


def test_every_number_can_be_set() -> None:
    policy = Policy(soft_failures=2, soft_span=timedelta(days=1))
    event = failure(Meaning.FULL, 1, 2)
    history = History((failure(Meaning.FULL, 0, 1),))
    assert verdict(event, history, policy, event.at).suppress == "soft_bounces"


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "phase", "expected"),
    [
        (550, "5.1.1", "user unknown", "rcpt", (Meaning.HARD, False)),
        (550, "", "no such user", "rcpt", (Meaning.HARD, False)),
        (550, "5.7.515", "Access denied", "body", (Meaning.SENDER, False)),
        (550, "4.1.1", "no", "rcpt", (Meaning.UNKNOWN, False)),
        (450, "4.2.0", "try later", "rcpt", (Meaning.TRANSIENT, True)),
        (452, "", "too many recipients", "rcpt", (Meaning.TRANSIENT, True)),
        (552, "", "too many recipients", "rcpt", (Meaning.TRANSIENT, True)),
        (552, "", "", "rcpt", (Meaning.TRANSIENT, True)),
        (552, "", "mailbox full", "rcpt", (Meaning.FULL, False)),
        (552, "", "", "mail", (Meaning.MESSAGE, False)),
        (552, "", "", "body", (Meaning.MESSAGE, False)),
        (552, "5.2.2", "mailbox full", "rcpt", (Meaning.FULL, False)),
        (554, "", "no", "body", (Meaning.MESSAGE, False)),
        (550, "", "user unknown", "mail", (Meaning.CONFIG, False)),
        (535, "5.7.8", "wrong password", "auth", (Meaning.CONFIG, False)),
        (530, "5.7.0", "authentication required", "mail", (Meaning.CONFIG, False)),
        (554, "", "go away", "connect", (Meaning.CONFIG, False)),
        (503, "5.5.1", "bad sequence", "rcpt", (Meaning.CONFIG, False)),
        (451, "", "local error", "body", (Meaning.TRANSIENT, True)),
    ],
)
def test_replies_of_the_relay_follow_the_same_rules(
    code: int, enhanced: str, text: str, phase: Phase, expected: tuple[Meaning, bool]
) -> None:
    reply = of_reply(code, enhanced, text, phase)
    assert (reply.meaning, reply.retry) == expected
    assert reply.judgement.evidence


def test_r_2_32_a_closing_server_is_not_charged_to_the_reader() -> None:
    reply = of_reply(421, "4.3.2", "closing", "rcpt")
    assert (reply.closes, reply.retry) == (True, True)


def test_r_2_31_an_enhanced_code_of_another_class_is_ignored() -> None:
    assert of_reply(450, "5.1.1", "5.1.1 wait", "rcpt").judgement.status == ""


def test_every_number_of_the_policy_can_be_set_and_reads_back() -> None:
    for name, number in NUMBERS.items():
        wanted = min(number.most, POLICY.number(name) + 1)
        assert Policy.of({name: wanted}).number(name) == wanted


def test_a_number_out_of_bounds_is_kept_within_them() -> None:
    assert Policy.of({"soft_failures": 0, "outage_percent": 900}) == Policy(
        soft_failures=2, outage_share=1.0
    )
