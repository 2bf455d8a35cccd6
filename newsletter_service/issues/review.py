"""The conversation around an approval: asking, looking, commenting, sending back, waiting.

Approving itself is in `approve`. An issue may be asked about with the time at which it is wanted
to leave: approved before it, it leaves then; not approved, it waits, and both sides are told.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.issues import approve, release, review_mails
from newsletter_service.issues.differences import Difference, between
from newsletter_service.models import (
    Block,
    Comment,
    IllegalMove,
    Issue,
    IssueState,
    Review,
    ReviewAct,
    writing,
)

LONGEST = 2000


class NoWord(ValueError):
    """Sending back or commenting without saying anything helps nobody."""


def ask(issue_id: int, *, actor: str, now: datetime, at_local: str = "") -> int:
    """Ask for approval, perhaps for a time; how many colleagues were mailed.

    Raises `IllegalMove` and `release.BadTime`.
    """
    settings = settings_module.current()
    wanted = release.local_time(at_local, settings, now) if at_local else None
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        issue.move(IssueState.IN_REVIEW)
        issue.send_at, issue.send_at_local = wanted, at_local
        issue.send_at_zone = settings.timezone if wanted else ""
        issue.told_late_at = None
        approve.note(session, issue, actor, ReviewAct.ASKED, now)
        audit.record(session, actor, "issue.review_asked", f"issue:{issue_id}")
        return review_mails.asked(session, issue, actor, now)


def say_yes(issue_id: int, *, actor: str, now: datetime, seen: str) -> datetime | None:
    """Approve, and plan the issue if it was asked about for a time that is still ahead.

    Returns when it leaves, None if its writer must still decide. Raises as `approve.approve`.
    """
    approve.approve(issue_id, actor=actor, now=now, seen=seen)
    return _plan(issue_id, now)


def plan_approved(now: datetime) -> list[int]:
    """What was approved for a time and not planned, since something died in between; its ids."""
    waiting = db.session.scalars(
        select(Issue.id).where(Issue.state == IssueState.APPROVED, Issue.send_at.is_not(None))
    ).all()
    db.session.rollback()
    return [issue_id for issue_id in waiting if _plan(issue_id, now)]


def _plan(issue_id: int, now: datetime) -> datetime | None:
    """Release an approved issue for the time it was asked about; if not, its writer is told."""
    issue = db.session.get_one(Issue, issue_id)
    asked = approve.last(db.session(), issue_id, ReviewAct.ASKED)
    if asked is None or issue.send_at is None:
        return None
    at_local, actor, is_ahead = issue.send_at_local, asked.actor, issue.send_at > now
    try:
        if is_ahead:
            return release.release(issue_id, actor=actor, now=now, at_local=at_local, canary=True)
    except (release.Blocked, release.NotApproved, release.BadTime, IllegalMove):
        pass  # told below: it stays approved, and the page says what is left
    _forget_time(issue_id, now)
    return None


def _forget_time(issue_id: int, now: datetime) -> None:
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.state == IssueState.APPROVED and issue.send_at is not None:
            review_mails.not_planned(session, issue, now)
            issue.send_at, issue.send_at_local, issue.send_at_zone = None, "", ""


def send_back(issue_id: int, *, actor: str, why: str, now: datetime) -> None:
    """Return an issue to its writer with a word. Raises `NoWord` and `IllegalMove`."""
    said = why.strip()[:LONGEST]
    if not said:
        raise NoWord
    with writing() as session:
        issue = _asked_about(session, issue_id)
        issue.move(IssueState.DRAFT)
        approve.note(session, issue, actor, ReviewAct.SENT_BACK, now, word=said)
        audit.record(session, actor, "issue.sent_back", f"issue:{issue_id}", why=said[:300])
        review_mails.sent_back(session, issue, actor, said, now)


def take_back(issue_id: int, *, actor: str, now: datetime) -> None:
    """Its writer does not ask any more; the issue is a draft again. Raises `IllegalMove`."""
    with writing() as session:
        issue = _asked_about(session, issue_id)
        issue.move(IssueState.DRAFT)
        approve.note(session, issue, actor, ReviewAct.VOIDED, now)
        audit.record(session, actor, "issue.review_taken_back", f"issue:{issue_id}")


def _asked_about(session: Session, issue_id: int) -> Issue:
    """The issue while somebody asks for its approval; a page may have been open for long."""
    issue = session.get_one(Issue, issue_id, with_for_update=True)
    if issue.state != IssueState.IN_REVIEW:
        raise IllegalMove("An issue", str(issue.state), str(IssueState.DRAFT))
    return issue


def comment(issue_id: int, place: str, text: str, *, actor: str, now: datetime) -> int:
    """Say something about a part; counts as having looked. Raises `NoWord`; returns its id."""
    said = text.strip()[:LONGEST]
    if not said:
        raise NoWord
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        made = Comment(issue_id=issue_id, place=place[:64], at=now, actor=actor, text=said)
        session.add(made)
        approve.note(session, issue, actor, ReviewAct.LOOKED, now)
        return made.id


def settle_comment(comment_id: int, *, actor: str, now: datetime) -> None:
    """Say that a comment is dealt with; twice does no harm."""
    with writing() as session:
        found = session.get_one(Comment, comment_id)
        if found.settled_at is None:
            found.settled_at, found.settled_by = now, actor


def comments(issue_id: int, *, settled: bool = False) -> list[Comment]:
    """What was said about an issue's parts, oldest first; settled ones only when asked for."""
    query = select(Comment).where(Comment.issue_id == issue_id).order_by(Comment.id)
    return list(db.session.scalars(query if settled else query.where(Comment.settled_at.is_(None))))


def steps(issue_id: int) -> list[Review]:
    """What has been done in an issue's approval, newest first."""
    return list(
        db.session.scalars(
            select(Review).where(Review.issue_id == issue_id).order_by(Review.id.desc()).limit(20)
        )
    )


def changed_since(issue: Issue, actor: str) -> tuple[Review | None, list[Difference]]:
    """When a person last had their say about an issue, and what has changed since.

    Who has said nothing yet is told from the time before that approval was asked for, if any.
    """
    looked = (ReviewAct.APPROVED, ReviewAct.SENT_BACK, ReviewAct.LOOKED)
    of_issue = select(Review).where(Review.issue_id == issue.id).order_by(Review.id.desc()).limit(1)
    seen = db.session.scalars(
        of_issue.where(Review.actor == actor, Review.act.in_(looked))
    ).one_or_none()
    if seen is None:
        asked_before = of_issue.where(Review.act == ReviewAct.ASKED).offset(1)
        seen = db.session.scalars(asked_before).one_or_none()
    return seen, between(seen.content, approve.content_of(issue)) if seen else []


def block_of(place: str) -> Block | None:
    """The block that a place names, if there is one still."""
    kind, _colon, number = place.partition(":")
    return db.session.get(Block, int(number)) if kind == "block" and number.isdigit() else None


def tell_late(now: datetime) -> list[int]:
    """Tell writer and approvers, once, of each issue that waited past its time; its ids."""
    waiting = db.session.scalars(
        select(Issue.id).where(
            Issue.state == IssueState.IN_REVIEW,
            Issue.send_at <= now,
            Issue.told_late_at.is_(None),
        )
    ).all()
    db.session.rollback()
    return [issue_id for issue_id in waiting if _tell_one(issue_id, now)]


def _tell_one(issue_id: int, now: datetime) -> bool:
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if not _waits(issue, now):
            return False
        issue.told_late_at = now
        review_mails.late(session, issue, now)
        audit.record(session, "scheduler", "issue.approval_late", f"issue:{issue_id}")
        return True


def _waits(issue: Issue, now: datetime) -> bool:
    is_past = issue.send_at is not None and issue.send_at <= now
    return issue.state == IssueState.IN_REVIEW and is_past and issue.told_late_at is None
