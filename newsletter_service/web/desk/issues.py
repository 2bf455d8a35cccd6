"""*Utskick*: what is under way, planned and drafted, then what was sent."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import NoResultFound
from werkzeug.wrappers import Response

from newsletter_service.issues import discard, shelf, suggest
from newsletter_service.models import IllegalMove, Issue, IssueState, Role
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
    thrown = [row(issue) for issue in shelf.discarded(listed.id)]
    return render_template("desk/issues/page.html", listed=listed, groups=rows, thrown=thrown)


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


@blueprint.post("/<int:issue_id>/kasta")
@allow(Role.EDITOR)
def throw_away(issue_id: int) -> Response:
    """Throw a draft away; it can be taken back."""
    issue = words.the_issue(issue_id)
    try:
        discard.discard(issue_id, actor=actor(), now=now())
    except IllegalMove:
        flash(_("The issue has changed meanwhile; this is how it stands now."), "wait")
    else:
        flash(_("The draft is thrown away. It stands last on this page, if you want it back."))
    return redirect(url_for("issues.page", list=issue.list_id), 303)


@blueprint.post("/<int:issue_id>/ta-tillbaka")
@allow(Role.EDITOR)
def take_back(issue_id: int) -> Response:
    """A draft that was thrown away is one again."""
    try:
        discard.restore(issue_id, actor=actor(), now=now())
    except (IllegalMove, NoResultFound):
        return redirect(url_for("issues.page"), 303)
    return redirect(url_for("composer.page", issue_id=issue_id), 303)


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
        if issue.send_at and issue.send_at <= now():  # it was held, or nothing ran then
            return str(_("was to leave %(time)s", time=recent(issue.send_at)))
        return str(_("leaves %(time)s", time=recent(issue.send_at)))
    if issue.state == IssueState.SENT:
        return recent(issue.sent_at)
    if issue.state in (IssueState.SENDING, IssueState.PAUSED):
        return str(_("since %(time)s", time=recent(issue.released_at)))
    return str(_("changed %(time)s", time=recent(issue.changed_at)))
