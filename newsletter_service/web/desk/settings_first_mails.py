"""*Mejl till nya*: the reminder and the welcome of a newsletter, with a look at it."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from newsletter_service.accounts import newsletters, organisation
from newsletter_service.issues import compose
from newsletter_service.mail import letter
from newsletter_service.models import NewsletterList, Role
from newsletter_service.settings import current
from newsletter_service.subscribers import first_mails
from newsletter_service.subscribers.first_mails import FirstMails, TooLong
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, settings_tabs
from newsletter_service.web.desk.settings_pages import chosen_list, known_list
from newsletter_service.web.security import as_letter

blueprint = Blueprint("first_mails", __name__, url_prefix="/desk/installningar/mejl")


@blueprint.get("")
@allow(Role.EDITOR)
def page() -> str | AnyResponse:
    """What newcomers are mailed."""
    listed = chosen_list()
    if listed is None:
        return redirect(url_for("start.here"))
    return _page(listed, first_mails.of_list(listed), {})


@blueprint.post("/<int:list_id>")
@allow(Role.EDITOR)
def save(list_id: int) -> AnyResponse | tuple[str, int]:
    """Keep the choice and the words."""
    listed = known_list(list_id)
    wanted = FirstMails(
        reminder="reminder" in request.form,
        welcome="welcome" in request.form,
        subjects={each: request.form.get(f"subject_{each}", "") for each in listed.locales},
        texts={each: request.form.get(f"text_{each}", "") for each in listed.locales},
    )
    try:
        first_mails.change(list_id, wanted, actor=actor())
    except TooLong as fault:
        errors = {name: _("This is too long. Shorten it and save again.") for name in fault.fields}
        return _page(listed, wanted, errors), 422
    flash(_("Saved. Below is how the welcome looks now."), "good")
    return redirect(url_for("first_mails.page", list=list_id), 303)


@blueprint.get("/<int:list_id>/valkomst/<any(sv,en):locale>")
@allow(Role.EDITOR)
def welcome(list_id: int, locale: str) -> Response:
    """The welcome as a reader gets it; its links lead nowhere."""
    listed = known_list(list_id)
    frame = compose.frame(organisation.current(), listed, locale, current())
    values = first_mails.of_list(listed).values(locale)
    made = letter.render("welcome", frame | values, locale)
    html = made.html
    for mark in made.slots.values():
        html = html.replace(mark, "#")
    return as_letter(html)


def _page(listed: NewsletterList, chosen: FirstMails, errors: dict[str, str]) -> str:
    return render_template(
        "desk/settings/first_mails.html",
        listed=listed,
        lists=newsletters.everything(),
        chosen=chosen,
        errors=errors,
        longest_text=first_mails.LONGEST_TEXT,
        tabs=settings_tabs("first_mails"),
    )
