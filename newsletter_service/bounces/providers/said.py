"""What a provider said about one mail, in our words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from newsletter_service.verdict_rules import Judgement, Meaning, judge

SaidKind = Literal["failure", "complaint", "delivered", "unsubscribed", "other"]

# The reason that stands for a provider's own word where no server's words say more.
_REASON = {
    Meaning.HARD: "userunknown",
    Meaning.HARD_TWICE: "suspend",
    Meaning.FULL: "mailboxfull",
    Meaning.TRANSIENT: "onhold",
    Meaning.MESSAGE: "contenterror",
    Meaning.SENDER: "policyviolation",
}
_PROVIDERS_WORD = 0.6


@dataclass(frozen=True, slots=True)
class Said:
    """One event. `name` is the provider's word for it; `at` None where no time can be trusted.

    `final` is False while the provider still tries. `judgement` is set for failures only.
    """

    kind: SaidKind
    name: str
    at: datetime | None = None
    final: bool = True
    judgement: Judgement | None = None


def other(name: str) -> Said:
    """An event that changes nothing."""
    return Said("other", name[:64])


def failure(  # noqa: PLR0913 - the named parts of a refusal
    name: str,
    at: datetime | None,
    *,
    status: str = "",
    text: str = "",
    says: Meaning | None = None,
    sure: bool = False,
    final: bool = True,
) -> Said:
    """A failure, by the server's words first and the provider's class (`says`) second.

    Policy refusals are not bad addresses, whatever a provider calls them, unless it is `sure`:
    then it speaks of its own list. What it calls temporary is never hard at once.
    """
    judged = judge(status, text)
    meaning = _meaning(judged, says, sure=sure)
    if meaning is not judged.meaning and (judged.by == "nothing" or sure):
        reason = _REASON.get(meaning, judged.reason)
        evidence = judged.evidence or name
        judged = Judgement(reason, meaning, judged.status, evidence, _PROVIDERS_WORD, "code")
    elif meaning is not judged.meaning:
        judged = Judgement(
            judged.reason, meaning, judged.status, judged.evidence, judged.confidence, judged.by
        )
    return Said("failure", name[:64], at, final, judged)


def _meaning(judged: Judgement, says: Meaning | None, *, sure: bool) -> Meaning:
    if says is not None and (sure or judged.by == "nothing"):
        return says
    temporary = says in (Meaning.TRANSIENT, Meaning.SENDER, Meaning.FULL)
    if temporary and judged.meaning is Meaning.HARD:
        return Meaning.HARD_TWICE
    return judged.meaning
