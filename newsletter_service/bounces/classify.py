"""Say whether a failure is hard or soft, why, and on what evidence that rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from newsletter_service.bounces.formats.report import RecipientReport, Report
from newsletter_service.verdict_rules import Judgement, Meaning, OwnRules, judge

_HARD = frozenset({Meaning.HARD, Meaning.HARD_TWICE})


@dataclass(frozen=True, slots=True)
class Classified:
    """One recipient's failure. `final` is False where the sender's server still tries.

    `reason` is of Sisimai's vocabulary; `evidence` the words or the code it rests on, at most
    500 characters; `confidence` between 0 and 1.
    """

    kind: Literal["hard", "soft"]
    reason: str
    meaning: Meaning
    status: str
    evidence: str
    final: bool
    confidence: float
    judgement: Judgement


def classify(
    status: str, diagnostic: str, action: str, explanation: str = "", own: OwnRules = ()
) -> Classified:
    """Classify by the diagnostic text first and the code second (RFC 3464 2.3.3, 2.3.4)."""
    gave_up = action == "failed"
    judgement = judge(status, diagnostic, explanation=explanation, gave_up=gave_up, own=own)
    if action == "delayed":
        return _classified(judgement, "soft", final=False)
    return _classified(judgement, "hard" if judgement.meaning in _HARD else "soft", final=True)


def classify_recipient(
    report: Report, recipient: RecipientReport, own: OwnRules = ()
) -> Classified:
    """Classify one recipient of a report; the report's prose is asked when the rest is silent.

    Where several failed, only the lines that begin with this one's address are about it.
    """
    alone = sum(other.is_trouble for other in report.recipients) == 1
    explanation = report.explanation if alone else _lines_about(report.explanation, recipient)
    return classify(recipient.status, recipient.diagnostic, recipient.action, explanation, own)


def _lines_about(explanation: str, recipient: RecipientReport) -> str:
    addresses = {address.lower() for address in (recipient.original, recipient.final) if address}
    lines = (line.strip().lstrip("<").lower() for line in explanation.splitlines())
    return " ".join(line for line in lines if line.startswith(tuple(addresses)))


def _classified(judgement: Judgement, kind: Literal["hard", "soft"], *, final: bool) -> Classified:
    return Classified(
        kind,
        judgement.reason,
        judgement.meaning,
        judgement.status,
        judgement.evidence,
        final,
        judgement.confidence,
        judgement,
    )
