"""Suggestions that come by themselves: in a newsletter's rhythm, a draft and a mail about it.

Each occasion is taken once, in the transaction that makes the draft. What came of it is kept
with the newsletter until it is finished, that is released where it may be and told, so that a
scheduler killed anywhere leaves nothing undone and does nothing twice. The mails are unique by
occasion.
"""

import logging
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.issues import preflight, proposal_mail, release, rhythm, suggest
from newsletter_service.issues.proposal_mail import DRAFT_WAITS, NOTHING_NEW, Outcome
from newsletter_service.issues.rhythm import Rhythm
from newsletter_service.models import Issue, IssueState, NewsletterList, writing

log = logging.getLogger(__name__)

ACTOR = "rhythm"
# An occasion found later than this still makes a draft, but sends nothing by itself (R 9.14).
STILL_TIMELY = timedelta(hours=1)
_KEPT = "proposal"
# Nobody sends a test of an issue that leaves by itself, or waits for its pictures to be measured.
_EXPECTED = {"untested", "picture_unsized"}


@dataclass(frozen=True)
class _Occasion:
    list_id: int
    moment: datetime
    least_news: int


def set_rhythm(list_id: int, wanted: Rhythm | None, *, actor: str, now: datetime) -> None:
    """Begin a rhythm or end it; an occasion that has passed is not made up for."""
    act = "list.rhythm_ended" if wanted is None else "list.rhythm_begun"
    detail = wanted.as_settings() if wanted else {}
    with writing() as session:
        newsletter = session.get_one(NewsletterList, list_id)
        kept = {name: value for name, value in newsletter.settings.items() if name != "rhythm"}
        newsletter.settings = (
            kept
            | {"proposed": now.astimezone(UTC).isoformat()}
            | ({"rhythm": detail} if detail else {})
        )
        audit.record(session, actor, act, f"list:{list_id}", **detail)


def of_list(newsletter: NewsletterList) -> Rhythm | None:
    """The newsletter's rhythm, if it has one."""
    return rhythm.read(newsletter.settings.get("rhythm"))


def propose_due(now: datetime) -> list[int]:
    """Make the drafts whose time has come, send what may go by itself, tell the editors.

    Returns the issues that were made. What an earlier tick left unfinished is finished first.
    """
    for list_id in _unfinished():
        _finish(list_id, now)
    made = []
    for occasion in _due(now):
        if not _take(occasion, now):
            continue
        outcome = _finish(occasion.list_id, now)
        if outcome is not None and outcome.issue_id:
            made.append(outcome.issue_id)
    return made


def outcome_of(newsletter: NewsletterList) -> Outcome | None:
    """What came of the newsletter's last occasion, for the pages."""
    kept = newsletter.settings.get(_KEPT)
    return Outcome(**kept) if isinstance(kept, dict) else None


def _unfinished() -> list[int]:
    lists = db.session.scalars(
        select(NewsletterList).where(NewsletterList.archived_at.is_(None))
    ).all()
    found = [(newsletter.id, outcome_of(newsletter)) for newsletter in lists]
    return [list_id for list_id, outcome in found if outcome is not None and not outcome.told]


def _due(now: datetime) -> list[_Occasion]:
    zone = ZoneInfo(settings_module.current().timezone)
    due = []
    for newsletter in db.session.scalars(
        select(NewsletterList).where(NewsletterList.archived_at.is_(None))
    ):
        kept = of_list(newsletter)
        moment = kept.latest(now, zone) if kept else None
        if kept and moment and moment.isoformat() > _done(newsletter):
            due.append(_Occasion(newsletter.id, moment, kept.least_news))
    return due


def _done(newsletter: NewsletterList) -> str:
    return str(newsletter.settings.get("proposed", ""))


def _take(occasion: _Occasion, now: datetime) -> bool:
    """Make the draft, or note why there is none; whether this was ours to do."""
    with writing() as session:
        newsletter = session.get_one(NewsletterList, occasion.list_id, with_for_update=True)
        moment = occasion.moment.isoformat()
        if _done(newsletter) >= moment:
            return False
        issue_id, why = _draft(session, newsletter, now)
        outcome = Outcome(moment, issue_id, why, occasion.least_news)
        newsletter.settings = newsletter.settings | {"proposed": moment, _KEPT: asdict(outcome)}
        return True


def _draft(session: Session, newsletter: NewsletterList, now: datetime) -> tuple[int, str]:
    """The draft's id; 0 with a reason when there is nothing new or a draft waits already."""
    if _waits(session, newsletter.id):
        return 0, DRAFT_WAITS
    try:
        return suggest.compose(session, suggest.Wish(newsletter.id), actor=ACTOR, now=now), ""
    except suggest.NothingNew:
        audit.record(session, ACTOR, "issue.nothing_new", f"list:{newsletter.id}")
        return 0, NOTHING_NEW


def _finish(list_id: int, now: datetime) -> Outcome | None:
    """Release what may go by itself and tell the editors; doing it again does nothing more."""
    outcome = outcome_of(db.session.get_one(NewsletterList, list_id))
    db.session.rollback()
    if outcome is None or outcome.told:
        return outcome
    leaves = _released(outcome, now) if outcome.issue_id else None
    with writing() as session:
        newsletter = session.get_one(NewsletterList, list_id, with_for_update=True)
        proposal_mail.tell(session, newsletter, outcome, leaves, now)
        done = replace(outcome, told=True)
        newsletter.settings = newsletter.settings | {_KEPT: asdict(done)}
    return done


def _waits(session: Session, list_id: int) -> bool:
    """Whether somebody works on an issue already: then another draft would only confuse."""
    waiting = (IssueState.DRAFT, IssueState.IN_REVIEW, IssueState.APPROVED, IssueState.SCHEDULED)
    found = session.scalar(
        select(Issue.id).where(Issue.list_id == list_id, Issue.state.in_(waiting)).limit(1)
    )
    return found is not None


def _released(outcome: Outcome, now: datetime) -> datetime | None:
    """When it leaves by itself; None if somebody must look first."""
    issue = db.session.get(Issue, outcome.issue_id)
    if issue is None or issue.released_by == ACTOR:
        return issue.send_at if issue else None  # before the scheduler was killed
    news = sum(block.item_id is not None for block in issue.blocks)
    may = outcome.least_news and news >= outcome.least_news
    late = now - datetime.fromisoformat(outcome.moment) > STILL_TIMELY
    draft = issue.state == IssueState.DRAFT and issue.version == 1
    if not may or late or not draft or issue.newsletter.approval_required:
        return None
    found = {finding.rule for finding in preflight.check(db.session(), issue, now)}
    if found - _EXPECTED:
        return None
    try:
        return release.release(outcome.issue_id, actor=ACTOR, now=now, canary=True)
    except (release.Blocked, release.NotApproved):
        log.warning("proposal_not_released", extra={"issue": outcome.issue_id})
        return None
