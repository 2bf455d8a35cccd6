"""*Låt stå*: a finding that somebody answers for, with the reason kept beside the issue."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.issues import preflight
from newsletter_service.models import Issue, LetStand, writing

LONGEST_REASON = 500
# Without these there is no letter, or nobody to send it to, or a pixel that counts who opens it
# (P10): no reason helps.
NEVER = frozenset({"not_rendered", "no_recipients", "picture_refused"})


class NotAllowed(Exception):
    """What must be mended stands only if an administrator says so."""


class NoReason(ValueError):
    """A finding stands only with a reason."""


class NotFound(Exception):
    """The check does not find it any more."""


def let_stand(  # noqa: PLR0913 - who, what, where and why
    issue_id: int,
    rule: str,
    place: str,
    reason: str,
    *,
    actor: str,
    now: datetime,
    may_all: bool = False,
) -> None:
    """Let what a rule found in a place stand, until its words change.

    `may_all` is for administrators, who may let stand what must be mended too. Raises
    `NotAllowed`, `NoReason` and `NotFound`.
    """
    if not reason.strip():
        raise NoReason
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        report = preflight.examine(session, issue, now, only=(rule,))
        found = [one for one in (*report.must, *report.should) if one.place == place]
        if not found:
            raise NotFound
        if any(one.blocks for one in found) and (not may_all or rule in NEVER or found[0].kind):
            raise NotAllowed
        keep(session, issue, found, reason, actor=actor, now=now)


def take_back(issue_id: int, mark: str, *, actor: str, now: datetime) -> None:
    """Have a finding looked at again."""
    with writing() as session:
        query = select(LetStand).where(LetStand.issue_id == issue_id, LetStand.mark == mark)
        for row in session.scalars(query):
            session.delete(row)
            audit.record(
                session, actor, "issue.looked_at_again", f"issue:{issue_id}", rule=row.rule
            )


def keep(  # noqa: PLR0913 - the columns of a row
    session: Session,
    issue: Issue,
    findings: Iterable[preflight.Finding],
    reason: str,
    *,
    actor: str,
    now: datetime,
) -> None:
    """Note findings as let stand, inside a verb."""
    for one in findings:
        session.add(
            LetStand(
                issue_id=issue.id,
                rule=one.rule,
                place=one.place,
                mark=one.mark,
                reason=reason.strip()[:LONGEST_REASON],
                actor=actor[:254],
                at=now,
            )
        )
        audit.record(
            session,
            actor,
            "issue.let_stand",
            f"issue:{issue.id}",
            rule=one.rule,
            place=one.place,
            blocks=one.blocks,
            reason=reason.strip()[:LONGEST_REASON],
        )
