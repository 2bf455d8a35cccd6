"""*Godkännande*: a page for a phone; a second person reads, comments, approves or sends back."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.accounts import people
from newsletter_service.extensions import db
from newsletter_service.issues import approve, preflight, release, review
from newsletter_service.issues.differences import ONLY_LOCALE, Change, Difference, Run
from newsletter_service.mail.letter import LetterError
from newsletter_service.models import BlockKind, IllegalMove, Issue, IssueState, ReviewAct, Role
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, answer_fields, block_fields, now
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.desk.composer import views
from newsletter_service.web.i18n import recent

blueprint = Blueprint("approval", __name__, url_prefix="/desk/utskick/<int:issue_id>")

_TITLE = 80


@blueprint.get("/godkannande")
@allow(Role.APPROVER, Role.EDITOR)
def page(issue_id: int) -> str:
    """The letter, what has changed since the last look, and what was said about its parts."""
    return _page(words.the_issue(issue_id))


@blueprint.post("/be-om-godkannande")
@allow(Role.EDITOR)
def ask(issue_id: int) -> Response:
    """Ask a second person, perhaps for a time."""
    at = request.form.get("at", "").strip() if request.form.get("when") == "later" else ""
    try:
        told = review.ask(issue_id, actor=actor(), now=now(), at_local=at)
    except release.BadTime as error:
        flash(words.time_trouble(error.code), "bad")
    except IllegalMove:
        flash(_("The issue has changed meanwhile; this is how it stands now."), "wait")
    else:
        if told:
            flash(_("Waiting for approval. Those who may approve have got a mail."), "good")
        else:
            nobody = _("Nobody but you may approve. Give a colleague that role under Settings.")
            flash(nobody, "wait")
    return redirect(url_for("review.page", issue_id=issue_id), 303)


@blueprint.post("/godkann")
@allow(Role.APPROVER)
def say_yes(issue_id: int) -> Response:
    """Approve exactly what was looked at."""
    try:
        leaves = review.say_yes(
            issue_id, actor=actor(), now=now(), seen=request.form.get("seen") or "nothing"
        )
    except approve.NotAsked:
        flash(_not_asked(issue_id), "wait")
    except approve.NotAllowed:
        flash(_("Somebody else than the one who wrote it must approve this issue."), "bad")
    except (approve.Unseen, IllegalMove):
        flash(_("The letter was changed since you opened it. Look at it once more."), "wait")
    else:
        if leaves:
            flash(_("Approved. It leaves %(when)s.", when=recent(leaves)), "good")
        else:
            flash(_("Approved. A change to the letter would ask for approval again."), "good")
    return _back(issue_id)


@blueprint.post("/skicka-tillbaka")
@allow(Role.APPROVER)
def send_back(issue_id: int) -> Response | tuple[str, int]:
    """Return it to its writer, with a word."""
    try:
        review.send_back(issue_id, actor=actor(), why=request.form.get("why", ""), now=now())
    except review.NoWord:
        wrong = {"why": _("Write what should change; your colleague gets it by mail.")}
        return _page(words.the_issue(issue_id), errors=wrong), 422
    except IllegalMove:
        review.comment(issue_id, "text", request.form["why"], actor=actor(), now=now())
        kept = _("Your words stand as a comment under Subject and introduction.")
        flash(f"{_not_asked(issue_id)} {kept}", "wait")
    else:
        flash(_("Sent back. Its writer has got your words by mail."), "good")
    return _back(issue_id)


def _not_asked(issue_id: int) -> str:
    """Why an answer came too late."""
    issue = words.the_issue(issue_id)
    if issue.approved_by == actor():
        said = _("You have approved it already.")
    elif issue.approved_by:
        said = _(
            "%(who)s had approved it before you answered.", who=people.called(issue.approved_by)
        )
    elif issue.state == IssueState.DRAFT:
        said = _(
            "The letter was changed or taken back since you opened it, so it waits for nobody's"
            " answer. You get a mail when approval is asked for again."
        )
    else:
        said = _("The issue has changed meanwhile; this is how it stands now.")
    return str(said)


@blueprint.post("/ta-tillbaka")
@allow(Role.EDITOR)
def take_back(issue_id: int) -> Response:
    """Ask no more."""
    review.take_back(issue_id, actor=actor(), now=now())
    flash(_("The issue is a draft again."), "good")
    return redirect(url_for("review.page", issue_id=issue_id), 303)


@blueprint.post("/kommentar")
@allow(Role.APPROVER, Role.EDITOR)
def comment(issue_id: int) -> Response | tuple[str, int]:
    """Say something about a part."""
    issue, place = words.the_issue(issue_id), request.form.get("place", "")
    if place not in {part["place"] for part in _parts(issue)}:
        abort(404)
    try:
        review.comment(issue_id, place, request.form.get("text", ""), actor=actor(), now=now())
    except review.NoWord:
        wrong = {place.replace(":", "-"): _("Write something first.")}
        return _page(issue, errors=wrong), 422
    return redirect(url_for("approval.page", issue_id=issue_id) + "#" + _anchor(place), 303)


@blueprint.post("/kommentar/<int:comment_id>/klar")
@allow(Role.APPROVER, Role.EDITOR)
def settle(issue_id: int, comment_id: int) -> Response:
    """A comment is dealt with."""
    if comment_id not in {one.id for one in review.comments(issue_id, settled=True)}:
        abort(404)
    review.settle_comment(comment_id, actor=actor(), now=now())
    return redirect(url_for("approval.page", issue_id=issue_id) + "#parts", 303)


def _page(issue: Issue, *, errors: dict[str, str] | None = None) -> str:
    me, locale = actor(), words.chosen_locale(issue)
    seen, found = review.changed_since(issue, me)
    waiting = issue.state == IssueState.IN_REVIEW
    mine = me in approve.first_eyes(db.session(), issue)
    return render_template(
        "desk/review/approval.html",
        issue=issue,
        locale_here=locale,
        subject=words.subject(issue),
        label=words.label(issue),
        status=words.status(issue),
        waiting=waiting,
        may_approve=waiting and current_user.has_role(Role.APPROVER) and not mine,
        is_mine=mine,
        asked=next((one for one in review.steps(issue.id) if one.act == "asked"), None),
        hash=_hash(issue),
        must=[one for one in preflight.check(db.session(), issue, now()) if one.blocks],
        looked=recent(seen.at) if seen else "",
        has_answered=seen is not None and seen.act != ReviewAct.ASKED,
        changes=[_told(one) for one in found],
        parts=_parts(issue),
        views=views(issue.id, locale, "approval.page"),
        seen_by=answer_fields.seen(issue, locale),
        errors=errors or {},
    )


def _hash(issue: Issue) -> str:
    try:
        return approve.hash_of(db.session(), issue)
    except LetterError:
        return ""


def _parts(issue: Issue) -> list[dict[str, Any]]:
    """What can be commented on: the words around the blocks as one, then every block."""
    locale = words.chosen_locale(issue)
    said = review.comments(issue.id)
    kinds = block_fields.kind_names()
    parts = [("text", _("Subject and introduction"), words.subject(issue))]
    for block in issue.blocks:
        values = block.values(locale)
        shown = (values.get(name) for name in ("title", "text", "markdown", "alt"))
        title = next((str(one) for one in shown if one), "")
        parts.append((f"block:{block.id}", kinds[block.kind], title))
    return [
        {
            "place": place,
            "anchor": _anchor(place),
            "kind": kind,
            "title": title[:_TITLE],
            "comments": [one for one in said if one.place == place],
        }
        for place, kind, title in parts
    ]


def _told(one: Difference) -> dict[str, Any]:
    """A difference for the page."""
    names = _names(one.kind)
    badge, kind = {
        Change.ADDED: (_("New"), "good"),
        Change.REMOVED: (_("Removed"), "bad"),
        Change.CHANGED: (_("Changed"), "wait"),
        Change.MOVED: (_("Moved"), "neutral"),
    }[one.change]
    gone = one.change == Change.REMOVED or not one.place.startswith("block:")
    return {
        "title": block_fields.kind_names().get(one.kind) or names.get(one.kind, one.kind),
        "badge": badge,
        "kind": kind,
        "url": "" if gone else f"#{_anchor(one.place)}",
        "lines": [
            {"label": names.get(field, field), "runs": _runs(field, line, one.change)}
            for field, line in one.lines
        ],
    }


def _runs(field: str, line: tuple[Run, ...], change: Change) -> list[dict[str, str]]:
    """A line's runs; in whose letter a part stands is said in words."""
    if field != ONLY_LOCALE:
        return [vars(run) for run in line]
    found = {run.mark: run.text for run in line}
    if change == Change.CHANGED:
        found = {"-": found.get("-", ""), "+": found.get("+", "")}
    words = block_fields.standing()
    return [{"mark": mark, "text": words.get(code, code)} for mark, code in found.items()]


def _names(kind: str) -> dict[str, str]:
    """What the fields of a part are called."""
    texts = {
        "subject": _("Subject"),
        "preheader": _("Preview text"),
        "introduction": _("Introduction"),
        "source": _("Source"),
        ONLY_LOCALE: _("Stands in"),
    }
    return texts | (block_fields.labels(BlockKind(kind)) if kind in set(BlockKind) else {})


def _anchor(place: str) -> str:
    return "part-" + place.replace(":", "-")


def _back(issue_id: int) -> Response:
    return redirect(url_for("approval.page", issue_id=issue_id), 303)
