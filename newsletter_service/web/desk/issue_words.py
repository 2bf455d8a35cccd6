"""What the pages about issues share: which one, how it stands, and its three tabs."""

from typing import Any

from flask import abort, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from newsletter_service.accounts import newsletters, people
from newsletter_service.extensions import db
from newsletter_service.issues import approve, merging, review, shelf
from newsletter_service.models import Issue, IssueState, NewsletterList, ReviewAct, Role
from newsletter_service.web.i18n import recent


def chosen_list() -> NewsletterList | None:
    """The newsletter that was asked for, else the first one; None before there is any."""
    lists = newsletters.everything()
    wanted = request.args.get("list", type=int)
    return next((one for one in lists if one.id == wanted), lists[0] if lists else None)


def the_issue(issue_id: int) -> Issue:
    """An issue, or the page that says there is none."""
    issue = shelf.one(issue_id)
    if issue is None:
        abort(404)
    return issue


def subject(issue: Issue) -> str:
    """The issue's subject in the first language that has one, with no reader's answers."""
    return merging.subject(db.session(), issue) or _("No subject yet")


def chosen_locale(issue: Issue) -> str:
    """The language asked for by ?sprak, else the list's first one."""
    wanted = request.values.get("sprak", "")
    locales: list[str] = issue.newsletter.locales
    return wanted if wanted in locales else locales[0]


def status(issue: Issue) -> dict[str, str]:
    """The state as a badge: its text and kind."""
    known = {
        IssueState.DRAFT: (_("Draft"), "neutral"),
        IssueState.IN_REVIEW: (_("Waiting for approval"), "wait"),
        IssueState.APPROVED: (_("Approved"), "good"),
        IssueState.SCHEDULED: (_("Planned"), "wait"),
        IssueState.SENDING: (_("Being sent"), "wait"),
        IssueState.PAUSED: (_("Paused"), "bad"),
        IssueState.SENT: (_("Sent"), "good"),
        IssueState.CANCELLED: (_("Cancelled"), "neutral"),
    }
    text, kind = known[IssueState(issue.state)]
    if issue.held_at:
        text, kind = _("Held back"), "bad"
    return {"text": text, "kind": kind}


def label(issue: Issue) -> str:
    """nr 12"""
    return str(_("no. %(number)s", number=issue.number))


def tabs(issue: Issue, here: str) -> list[dict[str, Any]]:
    """Innehåll → Granska → Rapport, as far as this person may go."""
    steps = [
        ("content", _("Content"), "composer.page", (Role.EDITOR,)),
        ("review", _("Review"), "review.page", tuple(Role)),
        ("report", _("Report"), "report.page", tuple(Role)),
    ]
    return [
        {"label": text, "url": url_for(endpoint, issue_id=issue.id), "active": name == here}
        for name, text, endpoint, roles in steps
        if current_user.has_role(*roles)
    ]


def left_to_mend(number: int) -> str:
    """2 måste rättas"""
    return str(ngettext("%(num)s thing to mend", "%(num)s things to mend", number))


def next_step(issue: Issue) -> dict[str, str]:
    """The one thing to do next with an issue: its label and address."""
    known = {
        IssueState.DRAFT: (_("Continue"), "composer.page"),
        IssueState.IN_REVIEW: (_("Review"), "review.page"),
        IssueState.APPROVED: (_("Send"), "review.page"),
        IssueState.SCHEDULED: (_("Look at it"), "review.page"),
    }
    text, endpoint = known.get(IssueState(issue.state), (_("See the report"), "report.page"))
    if endpoint == "composer.page" and not current_user.has_role(Role.EDITOR):
        endpoint = "review.page"
    return {"label": text, "url": url_for(endpoint, issue_id=issue.id)}


def time_trouble(code: str) -> str:
    """Why a time that somebody chose cannot be used."""
    known: dict[str, str] = {
        "past": _("That time has passed. Choose a later one."),
        "too_far": _("That is more than a year away. Choose an earlier time."),
    }
    return known.get(code) or str(
        _("Write the time as a day and a clock, such as 2026-12-03 09:00.")
    )


def approval_notice(issue: Issue) -> dict[str, str] | None:
    """What an approver wants, or that a change voided the approval; None if there is nothing."""
    if not issue.newsletter.approval_required or issue.state != IssueState.DRAFT:
        return None
    last = approve.last(db.session(), issue.id)
    said = review.comments(issue.id)
    page = url_for("approval.page", issue_id=issue.id)
    more = ngettext("%(num)s comment", "%(num)s comments", len(said)) if said else ""
    found = {"url": f"{page}#parts" if said else "", "label": more}
    if last is not None and last.act == ReviewAct.SENT_BACK:
        title = _(
            "%(who)s sent it back %(time)s", who=people.called(last.actor), time=recent(last.at)
        )
        return found | {"title": title, "text": last.word}
    if last is not None and last.act == ReviewAct.VOIDED:
        text = _(
            "What was approved or asked about is no longer what stands here. When you are done,"
            " press Review and ask once more."
        )
        return found | {"title": _("It must be approved again"), "text": text}
    return found | {"title": "", "text": _("Somebody has commented on it.")} if said else None
