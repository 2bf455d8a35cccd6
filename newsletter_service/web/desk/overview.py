"""*Översikt*: what is next, what came in, how the last one went, and what waits for somebody."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from newsletter_service.delivery.statement import tallies
from newsletter_service.extensions import db
from newsletter_service.issues import (
    dead_links,
    outcome,
    preflight,
    proposal_mail,
    proposals,
    shelf,
)
from newsletter_service.models import Issue, IssueState, NewsletterList, Role
from newsletter_service.news import sources, submissions
from newsletter_service.news import tabs as news
from newsletter_service.settings import current
from newsletter_service.subscribers import counts
from newsletter_service.web.access import staff
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.desk import now
from newsletter_service.web.desk.account import Account, rest_of
from newsletter_service.web.i18n import clock, day, recent, weekday
from newsletter_service.web.told import told

blueprint = Blueprint("overview", __name__, url_prefix="/desk")

MONTH = timedelta(days=30)


@blueprint.get("/")
@staff
def page() -> str:
    """The page everybody lands on."""
    listed = words.chosen_list()
    if listed is None:
        return render_template("desk/overview/page.html", listed=None)
    moment = now()
    found = shelf.of_list(listed.id)
    last = found.last_sent
    return render_template(
        "desk/overview/page.html",
        listed=listed,
        next_up=_next(found.next_up) if found.next_up else None,
        suggested=_suggested(listed, moment),
        under_way=[_on_its_way(issue) for issue in found.under_way],
        fresh=_fresh(listed, last, moment),
        in_draft=_in_draft(found.next_up),
        last=_last(last) if last else None,
        readers=counts.of_list(db.session(), listed.id, moment - MONTH),
        todo=[*_held(found.planned), *_dead(found.planned), *_todo(listed)],
        may_edit=current_user.has_role(Role.EDITOR),
    )


def _suggested(listed: NewsletterList, moment: datetime) -> str:
    """Nästa förslag kommer torsdag 3 dec. kl. 09.00."""
    kept = proposals.of_list(listed)
    if kept is None:
        return ""
    last = proposals.outcome_of(listed)
    skipped = ""
    if last is not None and not last.issue_id:
        when = datetime.fromisoformat(last.moment)
        skipped = f"{weekday(when).capitalize()}: {proposal_mail.why_none(last.why)} "
    following = kept.following(moment, ZoneInfo(current().timezone))
    return skipped + str(
        _(
            "The next suggestion comes %(day)s at %(clock)s.",
            day=weekday(following),
            clock=clock(following),
        )
    )


def _next(issue: Issue) -> dict[str, Any]:
    planned = issue.state == IssueState.SCHEDULED
    findings = preflight.check(db.session(), issue, now()) if not planned else []
    must = sum(finding.blocks for finding in findings)
    title = _("Next issue: %(number)s", number=words.label(issue))
    if planned and issue.send_at:
        day, at = weekday(issue.send_at), clock(issue.send_at)
        title = _("Next issue: %(day)s at %(clock)s", day=day, clock=at)
    if issue.held_at:
        title = _("%(issue)s is held back", issue=words.label(issue).capitalize())
    return {
        "title": title,
        "subject": words.subject(issue),
        "status": words.status(issue),
        "left": words.left_to_mend(must) if must else "",
        "changed": recent(issue.changed_at),
        "step": words.next_step(issue),
    }


def _on_its_way(issue: Issue) -> dict[str, Any]:
    account = _account(issue)
    return {
        "id": issue.id,
        "label": words.label(issue),
        "subject": words.subject(issue),
        "status": words.status(issue),
        "done": account.settled,
        "all": account.audience,
        "reason": issue.paused_reason,
    }


def _account(issue: Issue) -> Account:
    session = db.session()
    lost = outcome.came_back_lately(session, issue.id)["bounced"]
    return Account(issue, tallies(session, issue.id), lost, rest_of(issue))


def _last(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.id,
        "label": words.label(issue),
        "subject": words.subject(issue),
        "when": recent(issue.sent_at),
        "sentence": _account(issue).sentence(),
    }


def _in_draft(issue: Issue | None) -> str:
    """8 ligger redan i utkastet."""
    number = sum(block.item_id is not None for block in issue.blocks) if issue else 0
    if issue is None or not number:
        return ""
    return str(
        ngettext(
            "%(num)s piece of news is already in %(issue)s.",
            "%(num)s pieces of news are already in %(issue)s.",
            number,
            issue=words.label(issue),
        )
    )


def _fresh(listed: NewsletterList, last: Issue | None, moment: datetime) -> str:
    """12 nya nyheter sedan nr 11"""
    since = last.released_at if last and last.released_at else None
    number = news.came_in(listed.id, since or moment - MONTH)
    if not number and last and since:
        return str(_("No new news since %(issue)s.", issue=words.label(last)))
    if not number:
        return str(_("No news in the last 30 days."))
    if last is None or since is None:
        return str(
            ngettext(
                "%(num)s piece of news in the last 30 days.",
                "%(num)s pieces of news in the last 30 days.",
                number,
            )
        )
    return str(
        ngettext(
            "%(num)s new piece of news since %(issue)s.",
            "%(num)s new pieces of news since %(issue)s.",
            number,
            issue=words.label(last),
        )
    )


def _todo(listed: NewsletterList) -> list[dict[str, str]]:
    """What waits for somebody."""
    waiting = [
        {
            "text": _("%(issue)s waits for approval.", issue=words.label(issue).capitalize()),
            "label": _("Review"),
            "url": url_for("approval.page", issue_id=issue.id),
        }
        for issue in shelf.waiting_for_approval(listed.id)
        if current_user.has_role(Role.APPROVER, Role.EDITOR)
    ]
    silent = [
        {
            "text": _(
                "“%(source)s” has not answered for a while: %(error)s",
                source=one.source.title or one.source.url,
                error=told(one.source.last_error),
            ),
            "label": _("See the feeds"),
            "url": url_for("news.page") + "#feeds",
        }
        for one in sources.of_list(listed.id)
        if one.is_silent and current_user.has_role(Role.EDITOR)
    ]
    return [*waiting, *_sent_in(listed), *silent, *_quiet(listed)]


def _held(planned: list[Issue]) -> list[dict[str, str]]:
    """Issues that the last check held back at their time."""
    return [
        {
            "text": _(
                "%(issue)s was to leave %(time)s and is held back; nothing has been sent.",
                issue=words.label(issue).capitalize(),
                time=recent(issue.send_at),
            ),
            "label": _("Decide when it leaves"),
            "url": url_for("review.page", issue_id=issue.id),
        }
        for issue in planned
        if issue.held_at and issue.send_at
    ]


def _dead(planned: list[Issue]) -> list[dict[str, str]]:
    """Planned issues in which a link has died since."""
    return [
        {
            "text": _(
                "%(issue)s is planned, and a link in it has died.",
                issue=words.label(issue).capitalize(),
            ),
            "label": _("Review"),
            "url": url_for("review.page", issue_id=issue.id),
        }
        for issue in planned
        if dead_links.found(db.session(), issue, now())
    ]


def _quiet(listed: NewsletterList) -> list[dict[str, str]]:
    """Feeds that answer but have told nothing for unusually long."""
    if not current_user.has_role(Role.EDITOR):
        return []
    found = [(one.source, one.quiet_since(now())) for one in sources.of_list(listed.id)]
    return [
        {
            "text": _(
                "“%(source)s” answers, but has had nothing new since %(day)s.",
                source=source.title or source.url,
                day=day(since),
            ),
            "label": _("See the feeds"),
            "url": url_for("news.page") + "#feeds",
        }
        for source, since in found
        if since is not None
    ]


def _sent_in(listed: NewsletterList) -> list[dict[str, str]]:
    """What companies sent in and nobody has let in yet."""
    number = submissions.waiting(listed.id) if current_user.has_role(Role.EDITOR) else 0
    if not number:
        return []
    return [
        {
            "text": ngettext(
                "%(num)s piece of news was sent in and waits for you.",
                "%(num)s pieces of news were sent in and wait for you.",
                number,
            ),
            "label": _("Read what was sent in"),
            "url": url_for("news.page", flik="inskickade"),
        }
    ]
