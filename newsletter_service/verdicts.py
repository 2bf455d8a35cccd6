"""What a bounce, a complaint or a refusal by the relay means for a reader. Pure.

The table is 4b of the requirements, the soft policy 4.7. The history and the clock are arguments;
the numbers are a `Policy`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from newsletter_service.verdict_rules import Judgement, Meaning, judge

EventKind = Literal["failure", "complaint", "not-spam"]
Phase = Literal["connect", "helo", "tls", "auth", "mail", "rcpt", "data", "body"]
SuppressReason = Literal["hard_bounce", "soft_bounces", "complaint"]

_SENDER_FAULTS = frozenset({Meaning.SENDER, Meaning.CONFIG})
_SOFT = frozenset({Meaning.FULL, Meaning.TRANSIENT})
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers of the policy, all configurable; `NUMBERS` gives their units and bounds.

    A copy has arrived when the provider says so, or when `success_after` has passed since it was
    accepted and nothing came back: longer than a relay keeps trying. What is older than `decay`
    is forgotten. The outage guard holds what `outage_readers` readers or more, and
    `outage_share` of an operator's, fail with alike within `outage_window`.
    """

    soft_failures: int = 5
    soft_span: timedelta = timedelta(days=14)
    success_after: timedelta = timedelta(days=7)
    unknown_failures: int = 2
    unknown_window: timedelta = timedelta(days=30)
    twice_apart: timedelta = timedelta(hours=24)
    decay: timedelta = timedelta(days=180)
    outage_readers: int = 20
    outage_share: float = 0.2
    outage_window: timedelta = timedelta(hours=6)

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> Policy:
        """The policy with these numbers in place of its own; what is unknown is left out."""
        given = {n.field: n.read(numbers[name]) for name, n in NUMBERS.items() if name in numbers}
        return cls(**given)

    def number(self, name: str) -> float:
        """One of `NUMBERS` as it stands."""
        return NUMBERS[name].written(self)


@dataclass(frozen=True, slots=True)
class Number:
    """How one number of the policy is written: its field, unit and bounds (both included)."""

    field: str
    least: float
    most: float
    unit: timedelta | None = None
    is_percent: bool = False

    def read(self, written: float) -> Any:
        """The field's value; kept within the bounds."""
        within = min(max(written, self.least), self.most)
        if self.unit is not None:
            return within * self.unit
        return within / 100 if self.is_percent else int(within)

    def written(self, policy: Policy) -> float:
        """The value in its unit."""
        value = getattr(policy, self.field)
        if self.unit is not None:
            return float(value / self.unit)
        return float(value * 100 if self.is_percent else value)


_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
NUMBERS: dict[str, Number] = {
    "soft_failures": Number("soft_failures", 2, 50),
    "soft_days": Number("soft_span", 0, 365, _DAY),
    "success_days": Number("success_after", 1, 60, _DAY),
    "unknown_failures": Number("unknown_failures", 1, 20),
    "unknown_days": Number("unknown_window", 1, 365, _DAY),
    "twice_hours": Number("twice_apart", 0, 720, _HOUR),
    "decay_days": Number("decay", 30, 3650, _DAY),
    "outage_readers": Number("outage_readers", 5, 100_000),
    "outage_percent": Number("outage_share", 1, 100, is_percent=True),
    "outage_hours": Number("outage_window", 1, 72, _HOUR),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that came back about a reader.

    `meaning` is None for complaints and not-spam reports. `issue_id` is None for notices.
    `final` is False while somebody still tries.
    """

    kind: EventKind
    at: datetime
    issue_id: int | None = None
    meaning: Meaning | None = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A relay took an issue for the reader; `delivered` where a provider says it arrived."""

    issue_id: int | None
    at: datetime
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a reader before this event, in any order."""

    failures: tuple[Event, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a reader, and whose fault it was; `why` is a sentence for operators."""

    suppress: SuppressReason | None
    why: str
    everywhere: bool = False
    counts_soft: bool = False
    sender_fault: bool = False
    message_fault: bool = False
    eai_unsupported: bool = False


@dataclass(frozen=True, slots=True)
class RelayReply:
    """What a negative SMTP reply means. `retry` while it may be tried again; `closes` where the
    server is closing and the attempt is not charged to the reader (R 2.32)."""

    judgement: Judgement
    retry: bool
    closes: bool = False

    @property
    def meaning(self) -> Meaning:
        """The meaning, for an `Event`."""
        return self.judgement.meaning


def verdict(event: Event, history: History, policy: Policy, now: datetime) -> Verdict:
    """What this event means for the reader it is about."""
    if event.kind == "not-spam":
        return Verdict(None, "The reader said that the message is not spam.")
    if event.kind == "complaint":
        return Verdict("complaint", "The reader reported the message as spam.", everywhere=True)
    if not event.final:
        return Verdict(None, "Delivery is delayed and still being tried.")
    if event.meaning in _SENDER_FAULTS:
        return Verdict(None, "The refusal is about the sender, not the reader.", sender_fault=True)
    if event.meaning is Meaning.MESSAGE:
        return Verdict(None, "The refusal is about this message.", message_fault=True)
    if event.meaning is Meaning.CAPABILITY:
        return Verdict(
            None, "The reader's server cannot take international addresses.", eai_unsupported=True
        )
    return _about_the_address(event, history, policy, now)


def of_reply(code: int, enhanced: str, text: str, phase: Phase) -> RelayReply:
    """Read a negative reply of the relay by the rules for bounces (R 2.31 to 2.33).

    `enhanced` may be empty and is ignored where its class is not the first digit of `code`.
    """
    if code == 552 and phase == "rcpt" and _is_about_numbers(enhanced, text):
        code = 452
    reply = str(code)
    match = _ENHANCED.fullmatch(enhanced) or _ENHANCED.search(text)
    status = match[0] if match and match[1] == reply[:1] else ""
    judgement = judge(status, _without_foreign_status(text, reply), reply)
    meaning = _of_phase(judgement, code, status, phase)
    judgement = Judgement(
        judgement.reason,
        meaning,
        status,
        judgement.evidence or reply,
        judgement.confidence,
        judgement.by,
    )
    return RelayReply(judgement, retry=not reply.startswith("5"), closes=code == 421)


def _is_about_numbers(enhanced: str, text: str) -> bool:
    """A 552 to RCPT is "too many recipients" unless it speaks of the mailbox (R 2.33)."""
    return not _ENHANCED.search(f"{enhanced} {text}") and judge("", text).reason != "mailboxfull"


def _without_foreign_status(text: str, reply: str) -> str:
    """The text without enhanced codes whose class contradicts the reply."""
    return _ENHANCED.sub(lambda match: match[0] if match[1] == reply[:1] else " ", text)


def _of_phase(judgement: Judgement, code: int, status: str, phase: Phase) -> Meaning:
    """Before RCPT nothing can be about the reader; after DATA size is about the message."""
    permanent = code >= 500
    if phase in ("connect", "helo", "tls", "auth"):
        return Meaning.CONFIG if permanent else Meaning.TRANSIENT
    if not permanent and phase == "rcpt" and judgement.meaning is Meaning.MESSAGE:
        return Meaning.TRANSIENT
    if judgement.meaning is Meaning.CONFIG or not permanent:
        return judgement.meaning
    if code == 552 and not status and phase in ("mail", "data", "body"):
        return Meaning.MESSAGE
    if phase == "mail" and judgement.meaning is not Meaning.MESSAGE:
        return Meaning.SENDER if judgement.meaning is Meaning.SENDER else Meaning.CONFIG
    if phase in ("data", "body") and code == 554 and judgement.by == "nothing":
        return Meaning.MESSAGE
    return judgement.meaning


def _about_the_address(event: Event, history: History, policy: Policy, now: datetime) -> Verdict:
    if event.meaning is Meaning.HARD:
        return Verdict("hard_bounce", "The address does not exist.")
    earlier = [failure for failure in history.failures if failure.final and failure.at <= event.at]
    if event.meaning is Meaning.HARD_TWICE:
        before = _since_success(earlier, history, policy, now)
        hits = [f for f in before if f.meaning in (Meaning.HARD_TWICE, Meaning.HARD)]
        if any(event.at - hit.at >= policy.twice_apart for hit in hits):
            return Verdict("hard_bounce", "The mailbox was refused as disabled again.")
    if event.meaning is Meaning.UNKNOWN:
        since = event.at - policy.unknown_window
        alike = [f for f in earlier if f.meaning is Meaning.UNKNOWN and f.at >= since]
        if _issues([*alike, event]) >= policy.unknown_failures:
            return Verdict("hard_bounce", "Refused for good without a reason, and not for once.")
    return _soft(event, earlier, history, policy, now)


def _soft(
    event: Event, earlier: list[Event], history: History, policy: Policy, now: datetime
) -> Verdict:
    counting = [f for f in earlier if f.meaning in _COUNTED]
    counted = [*_since_success(counting, history, policy, now), event]
    span = event.at - min(failure.at for failure in counted)
    issues = _issues(counted)
    if issues >= policy.soft_failures and span >= policy.soft_span:
        return Verdict(
            "soft_bounces",
            f"{issues} issues in {span.days} days failed with no success between them.",
            counts_soft=True,
        )
    return Verdict(None, f"Failure {issues} of {policy.soft_failures}.", counts_soft=True)


_COUNTED = _SOFT | {Meaning.UNKNOWN, Meaning.HARD_TWICE}


def _issues(failures: Iterable[Event]) -> int:
    """How many different issues failed; a notice counts as one of its own."""
    return len({(f.issue_id, f.at if f.issue_id is None else None) for f in failures})


def _since_success(
    failures: list[Event], history: History, policy: Policy, now: datetime
) -> list[Event]:
    success = last_success(history, policy, now)
    return [f for f in failures if success is None or f.at > success]


def last_success(history: History, policy: Policy, now: datetime) -> datetime | None:
    """When a message last arrived: said so, or accepted and no bounce within `success_after`."""
    failed = {f.issue_id for f in history.failures if f.final and f.kind == "failure"}
    times = [
        acceptance.at
        for acceptance in history.acceptances
        if acceptance.delivered
        or (acceptance.issue_id not in failed and now - acceptance.at >= policy.success_after)
    ]
    return max(times, default=None)
