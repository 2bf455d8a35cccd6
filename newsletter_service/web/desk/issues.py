"""*Utskick*: what is under way, planned and drafted, then what was sent."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.issues import shelf, suggest
from newsletter_service.models import Issue, IssueState, Role
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.i18n import recent

blueprint = Blueprint("issues", __name__, url_prefix="/desk/utskick")


@blueprint.get("")
@allow(Role.EDITOR, Role.APPROVER, Role.OPERATOR)
def page() -> str:
    """All of the newsletter's issues, each with one next action."""
    listed = words.chosen_list()
    if listed is None:
        return render_template("desk/issues/page.html", listed=None, groups=[])
    found = shelf.of_list(listed.id)
    groups = [
        (_("Under way"), found.under_way),
        (_("Planned"), found.planned),
        (_("Drafts"), found.drafts),
        (_("Sent"), found.over),
    ]
    rows = [(title, [row(issue) for issue in issues]) for title, issues in groups if issues]
    return render_template("desk/issues/page.html", listed=listed, groups=rows)


@blueprint.post("/foresla")
@allow(Role.EDITOR)
def propose() -> Response:
    """Compose a draft out of recent news."""
    listed = words.chosen_list()
    if listed is None:
        return redirect(url_for("issues.page"), 303)
    try:
        made = suggest.suggest(suggest.Wish(listed.id), actor=actor(), now=now())
    except suggest.NothingNew:
        flash(_("There is no news that an earlier issue did not carry. Begin with an empty one."))
        return redirect(url_for("issues.page", list=listed.id), 303)
    flash(_("Here is a suggestion. Change whatever you like; nothing has been sent."), "good")
    return redirect(url_for("composer.page", issue_id=made), 303)


@blueprint.post("/tomt")
@allow(Role.EDITOR)
def begin_empty() -> Response:
    """Begin with nothing."""
    listed = words.chosen_list()
    if listed is None:
        return redirect(url_for("issues.page"), 303)
    made = suggest.empty(listed.id, actor=actor(), now=now())
    return redirect(url_for("composer.page", issue_id=made), 303)


def row(issue: Issue) -> dict[str, Any]:
    """An issue as a row: number, subject, status, time and the one next action."""
    return {
        "id": issue.id,
        "number": words.label(issue),
        "subject": words.subject(issue),
        "status": words.status(issue),
        "when": _when(issue),
        "next": words.next_step(issue),
    }


def _when(issue: Issue) -> str:
    if issue.state == IssueState.SCHEDULED:
        return str(_("leaves %(time)s", time=recent(issue.send_at)))
    if issue.state == IssueState.SENT:
        return recent(issue.sent_at)
    if issue.state in (IssueState.SENDING, IssueState.PAUSED):
        return str(_("since %(time)s", time=recent(issue.released_at)))
    return str(_("changed %(time)s", time=recent(issue.changed_at)))
