"""*Rapport*: where every reader of an issue stands, live while it is sent."""

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.delivery import canary, control
from newsletter_service.delivery.statement import tallies
from newsletter_service.extensions import db
from newsletter_service.issues import answers, clicks, copies, outcome, shelf
from newsletter_service.models import CountedLink, Issue, IssueState, Role
from newsletter_service.operations import trace_words
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.desk.account import Account, bounce_words, rest_of
from newsletter_service.web.i18n import number
from newsletter_service.web.told import PAUSED_BY_HAND

blueprint = Blueprint("report", __name__, url_prefix="/desk/utskick/<int:issue_id>/rapport")

EARLIER = 8
LONGEST_ADDRESS = 70


@blueprint.get("")
@allow(Role.EDITOR, Role.APPROVER, Role.OPERATOR)
def page(issue_id: int) -> str:
    """The account of an issue; htmx asks for its live part only."""
    issue = words.the_issue(issue_id)
    values = _live(issue)
    if "HX-Request" in request.headers:
        return render_template("desk/report/_live.html", **values)
    session = db.session()
    left = outcome.unsubscribed(session, issue)
    back = [
        (bounce_words().get(reason, reason or _("no reason was given")), number)
        for reason, number in outcome.returned(session, issue_id)
    ]
    earlier = [
        (words.label(other), number)
        for other, number in outcome.sent_before(session, issue, EARLIER)
    ]
    return render_template(
        "desk/report/page.html",
        label=words.label(issue),
        subject=words.subject(issue),
        tabs=words.tabs(issue, "report"),
        back=back,
        pressed=_pressed(clicks.of_issue(session, issue_id)),
        answers=_answers(*answers.of(session, issue_id)),
        left=[(trace_words.channel(by), number) for by, number in left.items()],
        unsubscribed=sum(left.values()),
        earlier=earlier,
        may_edit=current_user.has_role(Role.EDITOR),
        **values,
    )


@blueprint.post("/pausa")
@allow(Role.EDITOR, Role.OPERATOR)
def pause(issue_id: int) -> Response:
    """Stop before the next letter."""
    return _do(issue_id, lambda: control.pause(issue_id, actor(), PAUSED_BY_HAND, now()))


@blueprint.post("/ateruppta")
@allow(Role.EDITOR, Role.OPERATOR)
def resume(issue_id: int) -> Response:
    """Go on."""
    return _do(issue_id, lambda: control.resume(issue_id, actor(), now()))


@blueprint.post("/avbryt")
@allow(Role.EDITOR, Role.OPERATOR)
def cancel(issue_id: int) -> Response:
    """Send to nobody more."""
    return _do(issue_id, lambda: control.cancel(issue_id, actor(), now()))


@blueprint.post("/till-alla")
@allow(Role.EDITOR, Role.OPERATOR)
def go_on(issue_id: int) -> Response:
    """The first wave went well enough: everybody else gets it too."""
    words.the_issue(issue_id)
    try:
        canary.go_on(issue_id, actor=actor(), now=now())
    except canary.NotWaiting:
        flash(_("The issue has changed meanwhile; this is how it stands now."), "wait")
    return redirect(url_for("report.page", issue_id=issue_id), 303)


@blueprint.post("/kopiera")
@allow(Role.EDITOR)
def copy(issue_id: int) -> Response:
    """The same once more, as a new draft."""
    words.the_issue(issue_id)
    made = copies.copy(issue_id, actor=actor(), now=now())
    flash(_("Here is a copy as a new issue. Nothing has been sent."), "good")
    return redirect(url_for("composer.page", issue_id=made), 303)


@blueprint.post("/ratta")
@allow(Role.EDITOR)
def correct(issue_id: int) -> Response:
    """A draft to put right what the issue said, for those who got it."""
    words.the_issue(issue_id)
    try:
        made = copies.correct(issue_id, actor=actor(), now=now())
    except copies.NothingToCorrect:
        flash(_("The issue has not left, so it can be changed instead."), "wait")
        return redirect(url_for("report.page", issue_id=issue_id), 303)
    flash(
        _("Change what was wrong. It goes to those who got the issue, and to nobody else."), "good"
    )
    return redirect(url_for("composer.page", issue_id=made), 303)


def _do(issue_id: int, act: Any) -> Response:
    words.the_issue(issue_id)
    try:
        act()
    except control.NotPossible:
        flash(_("The issue has changed meanwhile; this is how it stands now."), "wait")
    return redirect(url_for("report.page", issue_id=issue_id), 303)


def _is_watched(issue: Issue) -> bool:
    return issue.state in (IssueState.SENDING, IssueState.PAUSED) and canary.is_watched(issue)


def _pressed(found: list[CountedLink]) -> dict[str, Any] | None:
    """The counted links with their totals; None where the newsletter does not count."""
    if not found:
        return None
    return {
        "people": sum(link.people for link in found),
        "machines": sum(link.machines for link in found),
        "rows": [(_short(link.url), link.people) for link in found],
    }


def _short(url: str) -> str:
    """An address as people say it, without what statistics add."""
    parts = urlsplit(url)
    shown = (parts.netloc.removeprefix("www.") + parts.path).rstrip("/")
    return shown if len(shown) <= LONGEST_ADDRESS else shown[: LONGEST_ADDRESS - 1] + "…"


def _answers(useful: int, useless: int) -> str:
    """What readers answered, in one line."""
    if not useful + useless:
        return str(_("Nobody has answered yet."))
    yes, no = number(useful), number(useless)
    return str(_("%(yes)s answered yes and %(no)s no.", yes=yes, no=no))


def _live(issue: Issue) -> dict[str, Any]:
    """What changes while the issue is sent."""
    session = db.session()
    came_back = outcome.came_back_lately(session, issue.id)
    rest = rest_of(issue)
    account = Account(issue, tallies(session, issue.id), came_back["bounced"], rest)
    skipped = (
        {} if account.is_moving else outcome.skipped(session, issue, account.tallies["skipped"])
    )
    return {
        "issue": issue,
        "status": words.status(issue),
        "came_back": came_back,
        "sentence": account.sentence(),
        "lines": account.lines(skipped),
        "settled": account.settled,
        "live": account.is_moving,
        "audience": account.audience,
        "sum": sum(account.tallies.values()) + rest,
        "may_control": current_user.has_role(Role.EDITOR, Role.OPERATOR),
        "wave": canary.seen(session, issue) if _is_watched(issue) else None,
        "is_sending": issue.state == IssueState.SENDING,
        "is_paused": issue.state == IssueState.PAUSED,
        "last": shelf.of_list(issue.list_id).last_sent if not issue.audience else None,
    }
