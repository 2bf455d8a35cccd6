"""Suggestions that come by themselves: in a newsletter's rhythm, a draft and a mail about it.

Each occasion is taken once: what was done is kept with the newsletter in the transaction that
makes the draft, and the mails are unique by issue, so that a killed scheduler repeats neither.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit, notices
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.issues import preflight, release, rhythm, suggest
from newsletter_service.issues.rhythm import Rhythm
from newsletter_service.models import (
    Issue,
    IssueState,
    NewsletterList,
    Person,
    Role,
    writing,
)

log = logging.getLogger(__name__)

ACTOR = "rhythm"
# An occasion found later than this still makes a draft, but sends nothing by itself (R 9.14).
STILL_TIMELY = timedelta(hours=1)
TOLD_FOR = timedelta(days=3)
# Nobody sends a test of an issue that leaves by itself, or waits for its pictures to be measured.
_EXPECTED = {"untested", "picture_unsized"}


@dataclass(frozen=True)
class _Occasion:
    list_id: int
    moment: datetime
    rhythm: Rhythm


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
    """Make the drafts whose time has come, tell the editors, send what may go by itself.

    Returns the issues that were made.
    """
    made = []
    for occasion in _due(now):
        issue_id = _draft(occasion, now)
        if issue_id is None:
            continue
        made.append(issue_id)
        leaves = _released(occasion, issue_id, now)
        _tell(issue_id, leaves, now)
    return made


def _due(now: datetime) -> list[_Occasion]:
    zone = ZoneInfo(settings_module.current().timezone)
    due = []
    for newsletter in db.session.scalars(
        select(NewsletterList).where(NewsletterList.archived_at.is_(None))
    ):
        kept = of_list(newsletter)
        moment = kept.latest(now, zone) if kept else None
        if kept and moment and moment.isoformat() > _done(newsletter):
            due.append(_Occasion(newsletter.id, moment, kept))
    return due


def _done(newsletter: NewsletterList) -> str:
    return str(newsletter.settings.get("proposed", ""))


def _draft(occasion: _Occasion, now: datetime) -> int | None:
    """Take the occasion; the draft, or None when there is nothing new or a draft waits already."""
    with writing() as session:
        newsletter = session.get_one(NewsletterList, occasion.list_id, with_for_update=True)
        if _done(newsletter) >= occasion.moment.isoformat():
            return None
        newsletter.settings = newsletter.settings | {"proposed": occasion.moment.isoformat()}
        if _waits(session, newsletter.id):
            return None
        try:
            return suggest.compose(session, suggest.Wish(newsletter.id), actor=ACTOR, now=now)
        except suggest.NothingNew:
            audit.record(session, ACTOR, "issue.nothing_new", f"list:{newsletter.id}")
            return None


def _waits(session: Session, list_id: int) -> bool:
    """Whether somebody works on an issue already: then another draft would only confuse."""
    waiting = (IssueState.DRAFT, IssueState.IN_REVIEW, IssueState.APPROVED, IssueState.SCHEDULED)
    found = session.scalar(
        select(Issue.id).where(Issue.list_id == list_id, Issue.state.in_(waiting)).limit(1)
    )
    return found is not None


def _released(occasion: _Occasion, issue_id: int, now: datetime) -> datetime | None:
    """When it leaves by itself; None if somebody must look first."""
    issue = db.session.get_one(Issue, issue_id)
    news = sum(block.item_id is not None for block in issue.blocks)
    least = occasion.rhythm.least_news
    if not least or news < least or issue.newsletter.approval_required:
        return None
    if now - occasion.moment > STILL_TIMELY:
        return None
    found = {finding.rule for finding in preflight.check(db.session(), issue, now)}
    if found - _EXPECTED:
        return None
    try:
        return release.release(issue_id, actor=ACTOR, now=now, canary=True)
    except (release.Blocked, release.NotApproved):
        log.warning("proposal_not_released", extra={"issue": issue_id})
        return None


def _tell(issue_id: int, leaves: datetime | None, now: datetime) -> None:
    """Mail the editors: the draft, and what is left to do."""
    base = settings_module.current().base_url
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        findings = preflight.check(session, issue, now)
        for person in session.scalars(select(Person).where(Person.disabled_at.is_(None))):
            if not person.has_role(Role.EDITOR):
                continue
            locale = person.locale or "sv"
            with force_locale(locale):
                words = _words(issue, findings, leaves)
            notices.ask(
                session,
                "alert",
                subject=f"issue:{issue_id}",
                purpose_key=f"proposed:{person.id}",
                address=person.email,
                locale=locale,
                now=now,
                expires_at=now + TOLD_FOR,
                values=words | {"url": f"{base}/desk/utskick/{issue_id}"},
                list_id=issue.list_id,
                to_staff=True,
            )


def _words(
    issue: Issue, findings: list[preflight.Finding], leaves: datetime | None
) -> dict[str, str]:
    title = issue.newsletter.title("sv")
    what = _(
        "No. %(number)s of %(list)s is composed out of your latest news: “%(subject)s”.",
        number=issue.number,
        list=title,
        subject=issue.text(issue.newsletter.locales[0]).subject,
    )
    if leaves is not None:
        return {
            "title": _("No. %(number)s leaves in a few minutes", number=issue.number),
            "what": what,
            "remedy": _("Nothing, if it is right. Until it leaves you can take it back."),
            "button_text": _("Look at the issue"),
        }
    left = Counter(finding.what for finding in findings if finding.blocks)
    remedy = _("Read it through, send a test to yourself, and release it.")
    if left:
        number = ngettext(
            "%(num)s thing must be mended:", "%(num)s things must be mended:", len(left)
        )
        remedy = f"{number} {' '.join(left)}"
    return {
        "title": _("A suggestion for no. %(number)s is ready", number=issue.number),
        "what": what,
        "remedy": remedy,
        "button_text": _("Open the draft"),
    }
