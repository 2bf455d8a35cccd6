"""What the check looks for in who gets it: nobody, or many more than last time; and in tests."""

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.models import Issue, IssueState, IssueText

TYPE_THE_NUMBER = "type_the_number"
MANY_MORE = 1.5
DAY = timedelta(days=1)
FEW = 20  # below this a list grows by leaps, and a mistake is small


def no_recipients(case: Case) -> Found:
    """Nobody would get it."""
    if not case.reach.reached:
        yield "recipients", {}


def many_more(case: Case) -> Found:
    """More than one and a half times the readers of the last issue, and nobody else has looked.

    Where a second person approves, that person has seen the number.
    """
    reached, last = case.reach.reached, _last_audience(case)
    if case.issue.newsletter.approval_required or reached < FEW or not last:
        return
    if reached > MANY_MORE * last:
        yield "recipients", {"number": reached, "last": last}


def grown(case: Case) -> Found:
    """More than one and a half times those who were to get it when somebody planned it."""
    issue = case.issue
    if issue.state != IssueState.SCHEDULED or not issue.planned_reach or case.reach.reached < FEW:
        return
    if case.reach.reached > MANY_MORE * issue.planned_reach:
        yield "recipients", {"number": case.reach.reached, "last": issue.planned_reach}


def sent_recently(case: Case) -> Found:
    """The same subject went to the same list within a day: somebody pressed twice."""
    mine = {text.subject.strip().lower() for text in case.texts if text.subject.strip()}
    rows = case.session.execute(
        select(Issue.number, IssueText.subject)
        .join(IssueText, IssueText.issue_id == Issue.id)
        .where(
            Issue.list_id == case.issue.list_id,
            Issue.id != case.issue.id,
            Issue.released_at > case.now - DAY,
            Issue.state.in_((IssueState.SENDING, IssueState.SENT, IssueState.PAUSED)),
        )
    )
    for number, subject in rows:
        if subject.strip().lower() in mine and case.issue.corrects_id is None:
            yield "subject:" + case.texts[0].locale, {"number": number}


def schedule_expired(case: Case) -> Found:
    """Its time passed so long ago that it must not leave by itself any more (R 9.14)."""
    issue = case.issue
    planned = issue.state == IssueState.SCHEDULED and issue.expires_at is not None
    if planned and issue.expires_at and issue.expires_at <= case.now:
        yield "time", {}


def untested(case: Case) -> Found:
    """No test was sent since the last change."""
    if case.issue.tested_version != case.issue.version:
        yield "test", {"version": case.issue.version}


def _last_audience(case: Case) -> int | None:
    """How many the list's last issue went to; a correction goes to a part, and is no measure."""
    return case.session.scalar(
        select(Issue.audience)
        .where(
            Issue.list_id == case.issue.list_id,
            Issue.id != case.issue.id,
            Issue.state == IssueState.SENT,
            Issue.corrects_id.is_(None),
        )
        .order_by(Issue.sent_at.desc(), Issue.id.desc())
        .limit(1)
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "no_recipients",
        Level.BLOCKS,
        no_recipients,
        _l("Nobody would get the letter."),
        _l("Import subscribers, or spread the address of your sign-up page."),
    ),
    Rule(
        "many_more",
        Level.BLOCKS,
        many_more,
        _l("It would go to %(number)s; the last one went to %(last)s."),
        _l("If that is right, write the number of recipients before you send."),
        kind=TYPE_THE_NUMBER,
    ),
    Rule(
        "grown",
        Level.BLOCKS,
        grown,
        _l("It would go to %(number)s; when it was planned it would have gone to %(last)s."),
        _l("If that is right, write the number of recipients before you send."),
        kind=TYPE_THE_NUMBER,
    ),
    Rule(
        "schedule_expired",
        Level.BLOCKS,
        schedule_expired,
        _l("The time it was planned for has passed, and it did not leave."),
        _l("Take it back, and choose a new time."),
    ),
    Rule(
        "sent_recently",
        Level.WARNS,
        sent_recently,
        _l("No. %(number)s had the same subject, less than a day ago."),
        _l("Look whether it has been sent already; else give it a subject of its own."),
    ),
    Rule(
        "untested",
        Level.WARNS,
        untested,
        _l("No test has been sent since the last change."),
        _l("Send one to yourself and read it on your phone."),
    ),
)
