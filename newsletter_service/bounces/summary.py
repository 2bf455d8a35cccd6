"""One answer for a whole report, however many recipients it names. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from newsletter_service.bounces.classify import Classified, classify, classify_recipient
from newsletter_service.bounces.formats.report import RecipientReport, Report
from newsletter_service.verdict_rules import OwnRules

Kind = Literal["hard", "soft", "complaint", "auto-reply", "not-a-bounce"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a message says; `final` is False while somebody still tries."""

    kind: Kind
    final: bool
    recipients: tuple[str, ...]
    reason: str = ""
    status: str = ""
    evidence: str = ""


def summarise(report: Report, own: OwnRules = ()) -> Summary:
    """The report as one answer: hard where any of its recipients is."""
    if report.kind != "bounce":
        addresses = tuple(recipient.address for recipient in report.recipients)
        reason = "feedback" if report.kind == "complaint" else ""
        evidence = f"Feedback-Type: {report.feedback_type}" if report.feedback_type else ""
        return Summary(report.kind, True, addresses, reason, evidence=evidence)
    troubled = [recipient for recipient in report.recipients if recipient.is_trouble]
    said = _worst(report, troubled, own)
    return Summary(
        said.kind,
        said.final,
        tuple(dict.fromkeys(recipient.address for recipient in troubled)),
        said.reason,
        said.status,
        said.evidence,
    )


def _worst(report: Report, troubled: list[RecipientReport], own: OwnRules) -> Classified:
    if not troubled:
        return failure(report, [], own)
    several = [classify_recipient(report, recipient, own) for recipient in troubled]
    return max(several, key=lambda said: (said.kind == "hard", said.final))


def failure(report: Report, troubled: list[RecipientReport], own: OwnRules = ()) -> Classified:
    """The mildest of several failures: an alias is only as dead as its liveliest address.

    A report that names no recipient is judged by its prose.
    """
    if not troubled:
        return classify("", "", "failed", report.explanation, own)
    several = [classify_recipient(report, recipient, own) for recipient in troubled]
    return min(several, key=lambda said: (said.final, said.kind == "hard"))


def about(report: Report, address: str, own: OwnRules = ()) -> Classified | None:
    """What a report says of one reader; None where the mail reached somebody for them.

    A recipient of another name still is this reader's: their mail is forwarded there.
    """
    named = [
        r for r in report.recipients if address.lower() in (r.original.lower(), r.final.lower())
    ]
    concerned = named or list(report.recipients)
    troubled = [recipient for recipient in concerned if recipient.is_trouble]
    if len(troubled) < len(concerned):
        return None
    return failure(report, troubled, own)
