"""*Innehåll*: the words and blocks of an issue as forms, with the real letter beside them.

All fields stand in one form. Whatever button is pressed, what was typed is kept first; where
JavaScript runs, each change is kept as it is made and the letter follows.
"""

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, preflight, shelf
from newsletter_service.issues.blocks import Changed, Edit, Harmful, NotEditable
from newsletter_service.issues.checks.rule import block_of
from newsletter_service.models import Block, BlockKind, Issue, Role
from newsletter_service.news import tabs as news
from newsletter_service.pictures import remote
from newsletter_service.subscribers.fields import Unfit
from newsletter_service.web.access import allow
from newsletter_service.web.desk import (
    actor,
    answer_fields,
    block_fields,
    history_words,
    now,
    said,
)
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.desk.checks import mended
from newsletter_service.web.i18n import clock, local

blueprint = Blueprint("composer", __name__, url_prefix="/desk/utskick/<int:issue_id>")

OFFERED = 40
_TEXTS = ("subject", "preheader", "introduction")


@blueprint.get("")
@allow(Role.EDITOR)
def page(issue_id: int) -> str | Response:
    """The forms and the letter; an issue that has left is shown by its report."""
    issue = words.the_issue(issue_id)
    if issue.state not in blocks.EDITABLE:
        return redirect(url_for("review.page", issue_id=issue_id))
    return _page(issue, words.chosen_locale(issue))


@blueprint.post("")
@allow(Role.EDITOR)
def save(issue_id: int) -> Response:
    """Keep what was typed, then do what the pressed button says."""
    issue = words.the_issue(issue_id)
    locale = words.chosen_locale(issue)
    typed = {name: request.form[name] for name in _TEXTS if name in request.form}
    typed = {name: text.replace("\r\n", "\n") for name, text in typed.items()}
    values = {block.id: block_fields.read(block, request.form) for block in issue.blocks}
    in_place = "HX-Request" in request.headers
    seen = request.form.get("version", 0, type=int)
    try:
        version = blocks.write(issue_id, locale, typed, values, _edit(seen))
        opened = 0 if in_place else _act(issue_id, locale, version, request.form.get("do", "save"))
    except NotEditable:
        flash(_("This issue has left and can no longer be changed."), "wait")
        return redirect(url_for("review.page", issue_id=issue_id), 303)
    except Harmful as harm:
        errors = said({harm.field: "characters"})
        return make_response(_page(issue, locale, typed=(typed, values), errors=errors), 422)
    except Unfit as unfit:
        wrong = answer_fields.said(unfit.faults)
        return make_response(_page(words.the_issue(issue_id), locale, errors=wrong), 422)
    except Changed:
        return _meanwhile(issue_id, locale, (typed, values), in_place)
    if in_place:
        return _saved(issue_id, locale)
    if request.form.get("do") == "review":
        return redirect(url_for("review.page", issue_id=issue_id), 303)
    sprak = locale if locale != issue.newsletter.locales[0] else None
    back = url_for("composer.page", issue_id=issue_id, open=opened or None, sprak=sprak)
    return redirect(back + (f"#block-{opened}" if opened else ""), 303)


def _act(issue_id: int, locale: str, version: int, pressed: str) -> int:
    """Do what a button such as `up:12` or `add:text:12` says; returns the block to open."""
    act, _colon, rest = pressed.partition(":")
    edit = _edit(version)
    chosen = request.form.getlist("items", type=int)
    if act == "news" or (chosen and act in ("save", "review")):  # ticked is meant, too
        blocks.add_items(issue_id, chosen, edit)
        return 0
    if act == "answer":
        return answer_fields.put(issue_id, locale, edit)
    if act == "mend":
        rule, _colon, place = rest.partition(":")
        mended(issue_id, rule, place, edit)
        return block_of(place)
    if act == "add" and rest.partition(":")[0] in set(BlockKind):
        kind, _colon, after = rest.partition(":")
        block = Block(kind=BlockKind(kind), position=0, data={})
        blocks.add(issue_id, [block], edit, after=int(after or 0) or None)
        return block.id
    if act in ("up", "down", "remove", "copy") and rest.isdigit():
        block_id = int(rest)
        if db.session.get(Block, block_id) is None:
            return 0
        if act == "remove":
            blocks.remove(block_id, edit)
        elif act == "copy":
            blocks.copy(block_id, edit)
        else:
            blocks.move(block_id, -1 if act == "up" else 1, edit)
            return block_id
    return 0


def _meanwhile(issue_id: int, locale: str, typed: tuple[Any, Any], in_place: bool) -> Response:
    """Somebody else changed the issue: what was typed stays in the form, nothing is stored."""
    db.session.expire_all()
    issue = words.the_issue(issue_id)
    if in_place:
        return make_response(render_template("desk/composer/_conflict.html"))
    return make_response(_page(issue, locale, typed=typed, conflict=True), 409)


def _saved(issue_id: int, locale: str) -> Response:
    """The small pieces of the page that a kept change moves; the frame loads itself again."""
    issue = words.the_issue(issue_id)
    report = _report(issue)
    findings = [*report.must, *report.should]
    values: dict[str, Any] = {
        "issue": issue,
        "saved": clock(issue.changed_at),
        "findings": findings,
    }
    values |= {"tips": report.tips, "approval": words.approval_notice(issue)}
    values["status"] = words.status(issue)
    response = make_response(render_template("desk/composer/_saved.html", **values))
    response.headers["HX-Trigger"] = "letter-changed"
    return response


def _page(
    issue: Issue,
    locale: str,
    *,
    typed: tuple[Any, Any] | None = None,
    conflict: bool = False,
    errors: dict[str, str] | None = None,
) -> str:
    texts, values = typed or ({}, {})
    stored = next((text for text in issue.texts if text.locale == locale), None)
    kept = {name: getattr(stored, name) if stored else "" for name in _TEXTS}
    report = _report(issue)
    findings = [*report.must, *report.should]
    today = local(now()).date()
    parts = [
        block_fields.form_of(b, locale, issue.newsletter.locales, values.get(b.id))
        for b in issue.blocks
    ]
    thumbs = remote.thumbs(db.session(), [part["picture"] for part in parts])
    return render_template(
        "desk/composer/page.html",
        issue=issue,
        locale_here=locale,
        subject=words.subject(issue),
        label=words.label(issue),
        status=words.status(issue),
        tabs=words.tabs(issue, "content"),
        text=kept | texts,
        parts=[part | {"picture": thumbs.get(part["picture"], "")} for part in parts],
        answer=answer_fields.form_of(issue, locale, parts),
        seen_by=answer_fields.seen(issue, locale),
        original=_original(issue, locale),
        kinds=block_fields.kind_names(),
        opened=request.args.get("open", 0, type=int),
        findings=findings,
        tips=report.tips,
        marks={finding.place: finding for finding in reversed(findings)},
        history=history_words.timeline(shelf.history(issue.id)),
        offered=news.rows(issue.list_id, news.Wanted("new", now(), today, limit=OFFERED)),
        saved=clock(issue.changed_at),
        conflict=conflict,
        approval=words.approval_notice(issue),
        errors=errors or {},
        views=views(issue.id, locale, "composer.page"),
    )


def views(issue_id: int, locale: str, endpoint: str) -> list[dict[str, Any]]:
    """The lights in which a letter may be seen, for the frame; also without JavaScript."""
    names = {
        "dator": _("Computer"),
        "mobil": _("Phone"),
        "morkt": _("Dark"),
        "utan-bilder": _("Without pictures"),
        "text": _("Text"),
    }
    chosen = request.args.get("vy", "dator")
    as_reader = answer_fields.chosen_reader() or None
    return [
        {
            "label": text,
            "url": url_for(endpoint, issue_id=issue_id, vy=view, sprak=locale, som=as_reader),
            "src": url_for("letter.page", issue_id=issue_id, vy=view, sprak=locale, som=as_reader),
            "width": "phone" if view == "mobil" else "wide",
            "active": view == chosen,
        }
        for view, text in names.items()
    ]


def _original(issue: Issue, locale: str) -> dict[str, str]:
    """The words around the blocks in the first other language, to translate from."""
    others = [text for text in issue.texts if text.locale != locale and text.subject]
    if len(issue.newsletter.locales) < 2 or not others:
        return {}
    return {name: getattr(others[0], name) for name in _TEXTS}


def _report(issue: Issue) -> preflight.Report:
    return preflight.examine(db.session(), issue, now())


def _edit(version: int) -> Edit:
    return Edit(version=version, actor=actor(), now=now())
