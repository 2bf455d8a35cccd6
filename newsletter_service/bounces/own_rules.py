"""Rules of this installation's own: proposed from a message nobody understood, then switched on.

Words, not patterns: whoever proposes one can read what it does, and it costs no time.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.models import BounceRule, writing
from newsletter_service.verdict_rules import MEANING_OF_REASON, OwnRules

SHORTEST, LONGEST = 8, 200


class BadRule(ValueError):
    """The words or the reason cannot be used; `code` is short, long or reason."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"the rule's words or reason cannot be used: {code}")


def in_force(session: Session) -> OwnRules:
    """Those that are switched on, the oldest first."""
    on = BounceRule.switched_on_at.is_not(None) & BounceRule.removed_at.is_(None)
    query = select(BounceRule.phrase, BounceRule.reason).where(on).order_by(BounceRule.id)
    return tuple((phrase, reason) for phrase, reason in session.execute(query))


def every(session: Session) -> list[BounceRule]:
    """All that were not removed, the newest first."""
    kept = select(BounceRule).where(BounceRule.removed_at.is_(None))
    return list(session.scalars(kept.order_by(BounceRule.id.desc())))


def checked(phrase: str, reason: str) -> tuple[str, str]:
    """The words as they are kept. Raises `BadRule`."""
    phrase = " ".join(phrase.lower().split())
    if len(phrase) < SHORTEST:
        raise BadRule("short")
    if len(phrase) > LONGEST:
        raise BadRule("long")
    if reason not in MEANING_OF_REASON:
        raise BadRule("reason")
    return phrase, reason


def propose(phrase: str, reason: str, *, message_id: int | None, actor: str, now: datetime) -> int:
    """Keep a proposal; it changes nothing yet. Returns its id. Raises `BadRule`."""
    phrase, reason = checked(phrase, reason)
    with writing() as session:
        rule = BounceRule(
            phrase=phrase,
            reason=reason,
            proposed_at=now,
            proposed_by=actor,
            message_id=message_id,
        )
        session.add(rule)
        session.flush()
        audit.record(session, actor, "bounces.rule_proposed", f"rule:{rule.id}", reason=reason)
        return rule.id


def switch_on(rule_id: int, *, actor: str, now: datetime) -> None:
    """Judge by it from now on. Raises `LookupError` where there is no such proposal."""
    with writing() as session:
        rule = _get(session, rule_id)
        rule.switched_on_at, rule.switched_on_by = now, actor
        audit.record(session, actor, "bounces.rule_switched_on", f"rule:{rule_id}")


def remove(rule_id: int, *, actor: str, now: datetime) -> None:
    """Judge by it no more. Raises `LookupError`."""
    with writing() as session:
        _get(session, rule_id).removed_at = now
        audit.record(session, actor, "bounces.rule_removed", f"rule:{rule_id}")


def _get(session: Session, rule_id: int) -> BounceRule:
    rule = session.get(BounceRule, rule_id, with_for_update=True)
    if rule is None or rule.removed_at is not None:
        raise LookupError(f"There is no rule {rule_id}.")
    return rule
