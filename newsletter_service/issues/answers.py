"""Answers to "was this letter useful?": a total per issue, kept for nobody in particular (P10)."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from newsletter_service.models import Answers, Issue, IssueState, writing
from newsletter_service.models.upsert import insert_new

ANSWERABLE = (IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)


class NotAsked(LookupError):
    """No issue with this id was sent to anybody."""


def answerable(session: Session, issue_id: int) -> Issue:
    """The issue, if its readers may answer. Raises `NotAsked`."""
    issue = session.get(Issue, issue_id)
    if issue is None or issue.state not in ANSWERABLE:
        raise NotAsked
    return issue


def count(issue_id: int, *, useful: bool) -> None:
    """Add one answer. Raises `NotAsked`."""
    column = Answers.useful if useful else Answers.useless
    with writing() as session:
        answerable(session, issue_id)
        session.execute(insert_new(session, Answers).values(issue_id=issue_id, useful=0, useless=0))
        session.execute(
            update(Answers).where(Answers.issue_id == issue_id).values({column: column + 1})
        )


def of(session: Session, issue_id: int) -> tuple[int, int]:
    """How many found an issue useful, and how many did not."""
    found = session.get(Answers, issue_id)
    return (found.useful, found.useless) if found else (0, 0)
