"""*Fält*: what a newsletter asks its readers besides the address."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from newsletter_service.accounts import newsletters
from newsletter_service.extensions import db
from newsletter_service.models import FieldKind, ListField, Role
from newsletter_service.subscribers import fields
from newsletter_service.subscribers.fields import Choice, Definition, InLetters, Unfit
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, said, settings_tabs
from newsletter_service.web.desk.settings_pages import chosen_list, known_list
from newsletter_service.web.i18n import number

blueprint = Blueprint("fields", __name__, url_prefix="/desk/installningar/falt")

NEW_CHOICES = 3


@blueprint.get("")
@allow(Role.EDITOR)
def everything() -> str | Response:
    """A list's fields, and the form for one more."""
    listed = chosen_list()
    if listed is None:
        return redirect(url_for("start.here"))
    return _page(listed.id, {}, {})


@blueprint.post("/<int:list_id>/nytt")
@allow(Role.EDITOR)
def define(list_id: int) -> Response | tuple[str, int]:
    """Add a field."""
    known_list(list_id)
    kind = request.form.get("kind", "")
    if kind not in set(FieldKind):
        abort(422)
    try:
        fields.define(list_id, _typed(FieldKind(kind), _lines()), actor=actor(), now=now())
    except Unfit as unfit:
        return _page(list_id, _said(unfit), dict(request.form)), 422
    flash(
        _("The field is there. Imports can fill it, and the form asks for it if you said so."),
        "good",
    )
    return redirect(url_for("fields.everything", list=list_id), 303)


@blueprint.get("/<int:field_id>")
@allow(Role.EDITOR)
def one(field_id: int) -> str:
    """A field, to be changed."""
    return _one(_known(field_id), {})


@blueprint.post("/<int:field_id>")
@allow(Role.EDITOR)
def change(field_id: int) -> Response | tuple[str, int]:
    """Keep what was changed."""
    field = _known(field_id)
    try:
        fields.change(field_id, _typed(FieldKind(field.kind), _rows()), actor=actor())
    except Unfit as unfit:
        return _one(_known(field_id), _said(unfit)), 422
    flash(_("Saved."), "good")
    return redirect(url_for("fields.everything", list=field.list_id), 303)


@blueprint.post("/<int:field_id>/flytta")
@allow(Role.EDITOR)
def move(field_id: int) -> Response:
    """Move a field up or down."""
    field = _known(field_id)
    fields.move(field_id, -1 if request.form.get("to") == "up" else 1, actor=actor())
    return redirect(url_for("fields.everything", list=field.list_id), 303)


@blueprint.post("/<int:field_id>/ta-bort")
@allow(Role.EDITOR)
def remove(field_id: int) -> Response | tuple[str, int]:
    """Take a field away, with its answers."""
    field = _known(field_id)
    try:
        answers = fields.remove(field_id, actor=actor())
    except Unfit as unfit:
        return _one(_known(field_id), {"remove": _why_it_stays(unfit)}), 422
    gone = ngettext(
        "The field is gone, and %(n)s answer with it.",
        "The field is gone, and %(n)s answers with it.",
        answers,
        n=number(answers),
    )
    flash(gone if answers else _("The field is gone."), "good")
    return redirect(url_for("fields.everything", list=field.list_id), 303)


def _why_it_stays(unfit: Unfit) -> str:
    if not isinstance(unfit, InLetters):
        return str(_("A segment asks for this field. Change or remove the segment first."))
    said = ngettext(
        "No. %(numbers)s asks for this field. Write other words there first, or wait until it is"
        " sent.",
        "No. %(numbers)s ask for this field. Write other words there first, or wait until they"
        " are sent.",
        len(unfit.numbers),
        numbers=", ".join(map(str, unfit.numbers)),
    )
    return str(said)


def kinds() -> dict[str, str]:
    """How a field is answered, in words."""
    return {
        FieldKind.TEXT: _("Text"),
        FieldKind.CHOICE: _("One of several choices"),
        FieldKind.CHECKBOX: _("A box to tick"),
    }


def _typed(kind: FieldKind, choices: tuple[Choice, ...]) -> Definition:
    return Definition(
        label=request.form.get("label", ""),
        label_en=request.form.get("label_en", ""),
        kind=kind,
        choices=choices,
        required="required" in request.form,
        shown="shown" in request.form,
    )


def _lines() -> tuple[Choice, ...]:
    """New choices, one a line; the English ones stand in the same order."""
    swedish = request.form.get("choices", "").splitlines()
    english = request.form.get("choices_en", "").splitlines()
    english += [""] * (len(swedish) - len(english))
    return tuple(Choice(*both) for both in zip(swedish, english, strict=False))


def _rows() -> tuple[Choice, ...]:
    """The choices of a field that is changed: known ones by their value, new ones without."""
    form = request.form
    english = form.getlist("choice_en") or [""] * len(form.getlist("choice"))
    rows = zip(form.getlist("choice"), english, form.getlist("choice_value"), strict=False)
    return tuple(Choice(*row) for row in rows)


def _known(field_id: int) -> ListField:
    field = db.session.get(ListField, field_id)
    if field is None or field.list_id not in {each.id for each in newsletters.everything()}:
        abort(404)
    return field


def _said(unfit: Unfit) -> dict[str, str]:
    words = {
        "too_few": _("Write at least two choices."),
        "too_many": _("These are more than there may be."),
        "taken": _("The same stands here already. Choose another name."),
        "in_use": _("A segment asks for a choice that is missing here. Change the segment first."),
    }
    return said({name: words.get(code, code) for name, code in unfit.faults.items()})


def _page(list_id: int, errors: dict[str, str], typed: dict[str, Any]) -> str:
    return render_template(
        "desk/settings/fields.html",
        listed=known_list(list_id),
        lists=newsletters.everything(),
        fields=fields.of_list(db.session(), list_id),
        answered=fields.counted(db.session(), list_id),
        kinds=kinds(),
        errors=errors,
        typed=typed,
        tabs=settings_tabs("fields"),
    )


def _one(field: ListField, errors: dict[str, str]) -> str:
    rows = [dict(each) for each in field.choices]
    if errors and "remove" not in errors:  # what was typed; the button to take away types nothing
        rows = [{"value": c.value, "label": c.label, "label_en": c.label_en} for c in _rows()]
    return render_template(
        "desk/settings/field.html",
        listed=known_list(field.list_id),
        field_=field,
        typed=_typed(FieldKind(field.kind), ())
        if "label" in errors or "choices" in errors
        else field,
        rows=rows + [{}] * NEW_CHOICES if field.kind == FieldKind.CHOICE else [],
        answers=fields.counted(db.session(), field.list_id).get(field.id, 0),
        kinds=kinds(),
        errors=errors,
    )
