"""The bounce lab: take any message apart and say what was read, why, and what would follow.

Changes nothing. What is shown carries no working token of ours: a stored bounce holds a reader's
own unsubscribe link.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import settings, standing
from newsletter_service.bounces import intake, own_rules, resolve
from newsletter_service.bounces.classify import Classified, classify_recipient
from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.formats.report import RecipientReport, Report
from newsletter_service.bounces.intake import Reading
from newsletter_service.bounces.parse import parse
from newsletter_service.bounces.resolve import Target
from newsletter_service.hiding import hidden
from newsletter_service.models import BounceMessage, BounceState
from newsletter_service.verdict_rules import OwnRules, rule_behind

EXCERPT = 1500
MOST_PARTS = 20


@dataclass(frozen=True)
class PartSeen:
    """A MIME part: its type, how large it is, how deep it lies, and how it begins."""

    content_type: str
    size: int
    depth: int
    text: str


@dataclass(frozen=True)
class RecipientSeen:
    """One recipient of a report: what it says, how that is judged, and by which rule."""

    report: RecipientReport
    said: Classified | None
    rule: str


@dataclass(frozen=True)
class Seen:
    """A message in the lab. `follows` is the policy's sentence, empty where no copy is named."""

    kind: str
    format: str
    parts: tuple[PartSeen, ...]
    recipients: tuple[RecipientSeen, ...]
    target: Target | None
    suppresses: str
    follows: str


def examine(session: Session, raw: bytes, now: datetime, envelope_to: str = "") -> Seen:
    """Look at a message as `intake.process` would; keeps and changes nothing."""
    report = parse(raw)
    own = own_rules.in_force(session)
    target = resolve.find(session, settings.current(), envelope_to, report)
    suppresses, follows = _follows(session, Reading(report, own), target, now)
    return Seen(
        kind=report.kind,
        format=report.format,
        parts=tuple(_parts(mime.read(raw), 0))[:MOST_PARTS],
        recipients=tuple(_recipient(report, each, own) for each in report.recipients),
        target=target,
        suppresses=suppresses,
        follows=follows,
    )


def stored(
    session: Session, states: tuple[BounceState, ...], limit: int = 50, before: int | None = None
) -> list[BounceMessage]:
    """Stored messages in these states, the newest first."""
    query = select(BounceMessage).where(BounceMessage.state.in_(states))
    if before is not None:
        query = query.where(BounceMessage.id < before)
    return list(session.scalars(query.order_by(BounceMessage.id.desc()).limit(limit)))


def _parts(part: mime.Part, depth: int) -> list[PartSeen]:
    text = "" if part.parts else part.content().decode("utf-8", "replace")[:EXCERPT]
    found = [PartSeen(part.content_type, len(part.body), depth, hidden(text.strip()))]
    for inner in part.parts:
        found += _parts(inner, depth + 1)
    return found


def _recipient(report: Report, recipient: RecipientReport, own: OwnRules) -> RecipientSeen:
    shown = replace(recipient, diagnostic=hidden(recipient.diagnostic))
    if report.kind != "bounce" or not recipient.is_trouble:
        return RecipientSeen(shown, None, "")
    said = classify_recipient(report, recipient, own)
    return RecipientSeen(shown, _without_tokens(said), rule_behind(said.judgement, own))


def _without_tokens(said: Classified) -> Classified:
    evidence = hidden(said.evidence)
    return replace(said, evidence=evidence, judgement=replace(said.judgement, evidence=evidence))


def _follows(
    session: Session, read: Reading, target: Target | None, now: datetime
) -> tuple[str, str]:
    """What the policy would do: the suppression's reason and the sentence for it."""
    if target is None:
        return "", ""
    event = intake.event_of(read, target, "lab", now)
    if event is None:
        return "", "Nothing follows."
    if target.notice_id is not None:
        return "", "It is about a notice; those suppress nobody."
    verdict = standing.would(session, event, now)
    return verdict.suppress or "", verdict.why
