"""*Personer*: who works here, with which roles; and *Mitt konto*, each person's own page."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service import address
from newsletter_service.accounts import passwords, people
from newsletter_service.models import Person, Role
from newsletter_service.web.access import allow, logged_in
from newsletter_service.web.desk import actor, now, said, settings_tabs
from newsletter_service.web.i18n import LOCALES, page_locale

blueprint = Blueprint("people", __name__, url_prefix="/desk")


@dataclass(frozen=True)
class Invitation:
    """What was typed into the form for a new colleague."""

    email: str = ""
    name: str = ""
    roles: tuple[str, ...] = (Role.EDITOR.value,)


@blueprint.get("/installningar/personer")
@allow(Role.ADMINISTRATOR)
def everybody() -> str:
    """Everybody, and the form for one more."""
    return _page(Invitation(), {})


@blueprint.post("/installningar/personer")
@allow(Role.ADMINISTRATOR)
def invite() -> Response | tuple[str, int]:
    """Add a person and mail them their way in."""
    form = Invitation(
        request.form.get("email", ""),
        request.form.get("name", ""),
        tuple(role for role in request.form.getlist("roles") if role in set(Role)),
    )
    newcomer = people.Newcomer(form.email, form.name, form.roles, page_locale())
    try:
        person = people.invite(newcomer, actor=actor(), now=now())
    except address.InvalidAddress:
        wrong = _("Write an e-mail address, such as namn@example.org.")
        return _page(form, {"email": wrong}), 422
    except people.PersonRefused as refused:
        field = {"no_roles": "roles", "name": "name"}.get(refused.code, "email")
        return _page(form, {field: _refusals()[refused.code]}), 422
    flash(_("An invitation is on its way to %(email)s.", email=person.email), "good")
    return redirect(url_for("people.everybody"), 303)


@blueprint.get("/installningar/personer/<int:person_id>")
@allow(Role.ADMINISTRATOR)
def one(person_id: int) -> str:
    """One person: roles, and the way out."""
    return _one_page(_known(person_id), {})


@blueprint.post("/installningar/personer/<int:person_id>/roller")
@allow(Role.ADMINISTRATOR)
def change_roles(person_id: int) -> Response | tuple[str, int]:
    """Give the chosen roles."""
    person = _known(person_id)
    roles = [role for role in request.form.getlist("roles") if role in set(Role)]
    try:
        people.change_roles(person_id, roles, actor=actor())
    except people.PersonRefused as refused:
        return _one_page(person, {"roles": _refusals()[refused.code]}), 422
    flash(_("The roles are changed."), "good")
    return redirect(url_for("people.everybody"), 303)


@blueprint.post("/installningar/personer/<int:person_id>/stang")
@allow(Role.ADMINISTRATOR)
def disable(person_id: int) -> Response:
    """Shut a person out at once; can be undone."""
    person = _known(person_id)
    try:
        people.disable(person_id, actor=actor(), now=now())
    except people.PersonRefused as refused:
        flash(_refusals()[refused.code], "bad")
    else:
        flash(_("%(name)s is logged out everywhere.", name=person.name or person.email), "good")
    return redirect(url_for("people.everybody"), 303)


@blueprint.post("/installningar/personer/<int:person_id>/oppna")
@allow(Role.ADMINISTRATOR)
def enable(person_id: int) -> Response:
    """Let a person in again."""
    person = _known(person_id)
    people.enable(person_id, actor=actor())
    flash(_("%(name)s may log in again.", name=person.name or person.email), "good")
    return redirect(url_for("people.everybody"), 303)


@blueprint.get("/konto")
@logged_in
def account() -> str:
    """A person's own name, language and password."""
    return render_template("desk/people/account.html", errors={})


@blueprint.post("/konto")
@logged_in
def save_account() -> Response | tuple[str, int]:
    """Keep the name and the language."""
    locale = request.form.get("locale", "")
    try:
        people.change_self(
            current_user.id, request.form.get("name", ""), locale if locale in LOCALES else ""
        )
    except people.PersonRefused as refused:
        errors = {"name": _refusals()[refused.code]}
        return render_template("desk/people/account.html", errors=errors), 422
    flash(_("Saved."), "good")
    return redirect(url_for("people.account"), 303)


@blueprint.post("/konto/losenord")
@logged_in
def save_password() -> Response | tuple[str, int]:
    """Change the password, and log out everywhere else."""
    try:
        people.change_password(
            current_user.id,
            request.form.get("current", ""),
            request.form.get("new", ""),
            keep_session=current_user.token,
            now=now(),
        )
    except people.PersonRefused:
        errors = {"current": _("That is not your present password.")}
        return render_template("desk/people/account.html", errors=errors), 422
    except passwords.PasswordRefused as refused:
        errors = {"new": _password_faults()[refused.code]}
        return render_template("desk/people/account.html", errors=errors), 422
    flash(_("The password is changed. You are logged out in other browsers."), "good")
    return redirect(url_for("people.account"), 303)


def role_options() -> list[tuple[str, str, str]]:
    """The roles in the words of the house: value, name, what it lets one do."""
    return [
        (Role.EDITOR.value, _("Editor"), _("Writes and sends newsletters.")),
        (Role.APPROVER.value, _("Approver"), _("Approves what others have written.")),
        (Role.OPERATOR.value, _("Operator"), _("Sees Operations, pauses and resumes.")),
        (Role.ADMINISTRATOR.value, _("Administrator"), _("May do everything.")),
        (
            Role.DATA_PROTECTION.value,
            _("Data protection officer"),
            _("Reads proofs of consent and the record of processing, and nothing else."),
        ),
    ]


def _page(form: Invitation, errors: dict[str, str]) -> str:
    return render_template(
        "desk/people/everybody.html",
        people=people.everybody(),
        form=form,
        errors=errors,
        roles=role_options(),
        role_names={value: label for value, label, _hint in role_options()},
        tabs=settings_tabs("people"),
    )


def _one_page(person: Person, errors: dict[str, str]) -> str:
    return render_template(
        "desk/people/one.html",
        person=person,
        errors=errors,
        roles=role_options(),
        is_self=person.id == current_user.id,
    )


def _known(person_id: int) -> Person:
    person = next((p for p in people.everybody() if p.id == person_id), None)
    if person is None:
        abort(404)
    return person


def _refusals() -> dict[str, str]:
    return {
        "exists": _("There is somebody with this address already."),
        "name": said({"name": "characters"})["name"],
        "no_roles": _("Choose at least one role."),
        "last_administrator": _(
            "Somebody must be able to administer. Make another person administrator first."
        ),
    }


def _password_faults() -> dict[str, str]:
    return {
        "short": _("Make it at least 15 characters. A sentence is easy to remember."),
        "long": _("Make it at most 1024 characters."),
        "common": _("This is easily guessed. Take something that only you would think of."),
    }
