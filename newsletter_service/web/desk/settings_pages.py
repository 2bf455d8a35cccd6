"""*Inställningar*: the newsletter and its look."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.accounts import newsletters, organisation, sending
from newsletter_service.extensions import db
from newsletter_service.issues import proposals, recipients, release, rhythm
from newsletter_service.models import NewsletterList, Role
from newsletter_service.settings import current
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, said, settings_tabs
from newsletter_service.web.i18n import local, page_locale

blueprint = Blueprint("settings", __name__, url_prefix="/desk/installningar")

_LIST_FIELDS = ("name", "sender_name", "sender_address", "reply_to", "frequency", "description")
_ENGLISH_FIELDS = ("name_en", "frequency_en", "description_en")
_OWNER_FIELDS = (
    *("name", "postal_address", "org_nr", "contact_email", "website", "privacy_url"),
    *("accessibility_url", "public_body", "logo_url", "accent"),
)


@blueprint.get("/")
@allow(Role.EDITOR)
def newsletter() -> str | Response:
    """The newsletter's names and sender, the organisation's particulars and colours."""
    listed = chosen_list()
    if listed is None:
        return redirect(url_for("start.here"))
    return _page(listed)


@blueprint.post("/nyhetsbrev/<int:list_id>")
@allow(Role.EDITOR)
def save_newsletter(list_id: int) -> Response | tuple[str, int]:
    """Keep what the newsletter is called, who signs it and in which languages it goes."""
    listed = known_list(list_id)
    in_english = "en" in request.form.getlist("locales")
    fields = _LIST_FIELDS + (_ENGLISH_FIELDS if "name_en" in request.form else ())
    values = {name: request.form.get(name, "") for name in fields}
    locales = ("sv", "en") if in_english else ("sv",)
    try:
        newsletters.change(list_id, values, locales, actor=actor())
        newsletters.open_archive(list_id, actor=actor(), open_to_all="open_archive" in request.form)
    except organisation.Incomplete as fault:
        typed = values | {
            "locales": list(locales),
            "open_archive": "open_archive" in request.form,
        }
        return _page(listed, list_values=typed, list_errors=said(fault.faults)), 422
    flash(_("Saved."), "good")
    return redirect(url_for("settings.newsletter", list=list_id), 303)


@blueprint.post("/nyhetsbrev/<int:list_id>/rytm")
@allow(Role.EDITOR)
def save_rhythm(list_id: int) -> Response | tuple[str, int]:
    """Keep how often a next issue is suggested by itself, or that it is not."""
    listed = known_list(list_id)
    every_weeks = request.form.get("every_weeks", 0, type=int)
    try:
        wanted = (
            rhythm.begin(
                request.form.get("weekday", -1, type=int),
                every_weeks,
                request.form.get("at", ""),
                request.form.get("least_news", 0, type=int),
                local(now()).date(),
            )
            if every_weeks
            else None
        )
    except rhythm.NoRhythm:
        return _page(listed, list_errors={"at": _("Write a time such as 09.00.")}), 422
    proposals.set_rhythm(list_id, wanted, actor=actor(), now=now())
    flash(_("Saved."), "good")
    return redirect(url_for("settings.newsletter", list=list_id), 303)


@blueprint.post("/organisation")
@allow(Role.ADMINISTRATOR)
def save_organisation() -> Response | tuple[str, int]:
    """Keep the organisation's particulars, logo and accent."""
    values = {name: request.form.get(f"org_{name}", "") for name in _OWNER_FIELDS}
    try:
        organisation.save(values, actor=actor(), now=now())
    except organisation.Incomplete as fault:
        listed = chosen_list()
        if listed is None:
            return redirect(url_for("start.here"), 303)
        errors = {f"org_{name}": text for name, text in said(fault.faults).items()}
        return _page(listed, owner_values=values, owner_errors=errors), 422
    flash(_("Saved. Pages and letters carry the new look from now on."), "good")
    return redirect(url_for("settings.newsletter"), 303)


def chosen_list() -> NewsletterList | None:
    """The newsletter that `?list=` names, else the first one."""
    lists = newsletters.everything()
    wanted = request.values.get("list", type=int)
    if wanted is not None:
        return known_list(wanted)
    return lists[0] if lists else None


def known_list(list_id: int) -> NewsletterList:
    """A newsletter in use, or 404."""
    found = next((one for one in newsletters.everything() if one.id == list_id), None)
    if found is None:
        abort(404)
    return found


def _rhythm(listed: NewsletterList) -> dict[str, Any]:
    """The fields of the rhythm, and when the next suggestion comes."""
    kept = proposals.of_list(listed)
    zone = ZoneInfo(current().timezone)
    following = kept.following(now(), zone) if kept else None
    return {
        "every_weeks": kept.every_weeks if kept else 0,
        "weekday": kept.first.weekday() if kept else 3,
        "at": kept.at.strftime("%H.%M") if kept else "09.00",
        "least_news": kept.least_news if kept else 0,
        "following": following,
        "weekdays": list(get_day_names("wide", "stand-alone", page_locale()).items()),
    }


def _page(
    listed: NewsletterList,
    *,
    list_values: Mapping[str, object] | None = None,
    owner_values: dict[str, str] | None = None,
    list_errors: dict[str, str] | None = None,
    owner_errors: dict[str, str] | None = None,
) -> str:
    owner = organisation.current()
    return render_template(
        "desk/settings/newsletter.html",
        listed=listed,
        lists=newsletters.everything(),
        values=list_values or listed,
        owner=owner_values or owner or {},
        errors=list_errors or {},
        owner_errors=owner_errors or {},
        rhythm=_rhythm(listed),
        sending=sending.of_list(listed),
        with_canary=recipients.more_than(db.session(), listed.id, release.CANARY_ABOVE),
        tabs=settings_tabs("newsletter"),
    )
