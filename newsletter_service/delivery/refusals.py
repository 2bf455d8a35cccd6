"""The relay's own refusals, read by the rules for bounces and weighed like them."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter_service import standing, verdicts
from newsletter_service.delivery.ledger import Outcome
from newsletter_service.mail.smtp.replies import Phase, Reply
from newsletter_service.models import BounceEvent, BounceKind
from newsletter_service.verdict_rules import Meaning
from newsletter_service.verdicts import RelayReply

OURS = frozenset({Meaning.SENDER, Meaning.CONFIG})
SOFT = frozenset({Meaning.FULL, Meaning.TRANSIENT})
# What Gmail asks of senders (R 1.9b): reverse DNS, SPF, DKIM, TLS. Going slower mends none.
_PROOFS = frozenset(f"4.7.{n}" for n in (23, 24, 25, 26, 27, 29, 30, 31, 32, 40))
_PHASES: dict[Phase, verdicts.Phase] = {
    Phase.MAIL: "mail",
    Phase.RCPT: "rcpt",
    Phase.DATA: "data",
    Phase.DOT: "body",
}


def read(reply: Reply, phase: Phase) -> RelayReply:
    """What a negative reply means, and about whom."""
    return verdicts.of_reply(reply.code, reply.enhanced or "", reply.text, _PHASES[phase])


def is_about_speed(reply: Reply) -> bool:
    """Whether a provider asks us to slow down: a temporary 4.7.x that names no fault of ours."""
    status = reply.enhanced or ""
    return reply.code < 500 and status.startswith("4.7.") and status not in _PROOFS


def failure(
    said: RelayReply, address_key: bytes, address: str, reply: str, now: datetime
) -> BounceEvent:
    """A refusal as an event of an address, not yet weighed."""
    return BounceEvent(
        address_key=address_key,
        domain=address.rpartition("@")[2],
        kind=BounceKind.SOFT if said.meaning in SOFT else BounceKind.HARD,
        final=True,
        reason=said.judgement.reason,
        meaning=said.meaning,
        status=said.judgement.status,
        evidence=reply[:500],
        source="relay",
        at=now,
    )


def record(session: Session, outcome: Outcome, now: datetime) -> None:
    """Keep a final refusal as a failure of the address; may suppress it."""
    claim = outcome.claim
    if claim.address_key is None or claim.address is None or outcome.code is None:
        return
    text = outcome.said.removeprefix(str(outcome.code)).strip()
    said = read(Reply.of(outcome.code, (text,)), outcome.phase)
    event = failure(said, claim.address_key, claim.address, outcome.said, now)
    event.subscriber_id, event.issue_id, event.n = claim.subscriber_id, claim.issue_id, claim.n
    standing.weigh(session, event, now)
