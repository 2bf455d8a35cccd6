"""*Inställningar*, *Formulär*: the form for one's own site, in four ways, and whether it works."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.accounts import newsletters
from newsletter_service.extensions import db
from newsletter_service.models import ListField, NewsletterList, Role
from newsletter_service.settings import current
from newsletter_service.subscribers import fields, forms
from newsletter_service.subscribers.forms import Look, Unfit
from newsletter_service.web.access import allow
from newsletter_service.web.brand import brand
from newsletter_service.web.desk import actor, now, said, settings_tabs
from newsletter_service.web.desk.settings_pages import chosen_list, known_list
from newsletter_service.web.i18n import page_locale
from newsletter_service.web.public import pages, shown
from newsletter_service.web.public.evidence import HONEYPOT
from newsletter_service.web.public.form_words import promise

blueprint = Blueprint("forms", __name__, url_prefix="/desk/installningar/formular")

WAYS = ("link", "form", "script", "frame")
SCRIPT = "embed/form-1.js"
STYLES = "embed/form-1.css"


@blueprint.get("")
@allow(Role.EDITOR)
def here() -> str | Response:
    """The form as it looks, what to copy, and the sites that may carry it."""
    listed = chosen_list()
    if listed is None:
        return redirect(url_for("start.here"))
    return _page(listed)


@blueprint.post("/<int:list_id>/<locale>")
@allow(Role.EDITOR)
def save(list_id: int, locale: str) -> Response | tuple[str, int]:
    """Keep the look of a form and where it leads."""
    listed = known_list(list_id)
    look = _typed()
    try:
        forms.save(list_id, locale if locale == "en" else "sv", look, actor=actor(), now=now())
    except Unfit as fault:
        return _page(listed, look=look, errors=_sentences(fault.faults)), 422
    flash(_("Saved. Forms that stand on sites already take the new look at once."), "good")
    return redirect(url_for("forms.here", list=list_id, form=locale), 303)


@blueprint.post("/webbplatser")
@allow(Role.ADMINISTRATOR)
def let_in() -> Response | tuple[str, int]:
    """Let one more site carry our forms."""
    address = request.form.get("site", "")
    try:
        forms.let_in(address, actor=actor(), now=now())
    except Unfit as fault:
        listed = known_list(request.form.get("list", 0, type=int))
        return _page(listed, site=address, errors=_sentences(fault.faults)), 422
    return redirect(url_for("forms.here", list=request.form.get("list", type=int)), 303)


@blueprint.post("/webbplatser/bort")
@allow(Role.ADMINISTRATOR)
def shut_out() -> Response:
    """Forms of a site go the slow way from now on."""
    forms.shut_out(request.form.get("site", ""), actor=actor())
    return redirect(url_for("forms.here", list=request.form.get("list", type=int)), 303)


@blueprint.get("/<int:list_id>/<locale>/sedd")
@allow(Role.EDITOR)
def seen(list_id: int, locale: str) -> str:
    """Whether the form was used: asked for again and again by the page."""
    listed = known_list(list_id)
    return render_template("desk/settings/_form_seen.html", **_seen(listed, locale))


def _seen(listed: NewsletterList, locale: str) -> dict[str, Any]:
    ways = {
        "page": _("the service's own page"),
        "form": _("the form"),
        "script": _("the form with JavaScript"),
        "frame": _("the frame"),
    }
    found = forms.seen(db.session(), listed.id, locale)
    return {"seen": found, "ways": ways, "listed": listed, "form_locale": locale}


def _page(
    listed: NewsletterList,
    *,
    look: Look | None = None,
    site: str = "",
    errors: Mapping[str, str] | None = None,
) -> str:
    locale = _form_locale(listed)
    way = request.args.get("way", "link")
    look = look or forms.look_of(db.session(), listed.id, locale)
    return render_template(
        "desk/settings/form.html",
        lists=newsletters.everything(),
        look=look,
        brand_accent=brand().accent,
        site=site,
        errors=errors or {},
        sites=forms.sites(db.session()),
        own_site=forms.origin_of(brand().url),
        asks=[each.title(page_locale()) for each in _fields(listed)],
        way=way if way in WAYS else "link",
        snippet=_snippet(listed, locale, way if way in WAYS else "link", look),
        preview=pages.path("frame", locale, slug=listed.slug),
        tabs=settings_tabs("form"),
        **_seen(listed, locale),
    )


def _fields(listed: NewsletterList) -> list[ListField]:
    return fields.of_list(db.session(), listed.id, shown=True)


def _form_locale(listed: NewsletterList) -> str:
    wanted = (request.view_args or {}).get("locale") or request.args.get("form", "")
    return str(wanted) if wanted in listed.locales else listed.locales[0]


def _snippet(listed: NewsletterList, locale: str, way: str, look: Look) -> str:
    """What to copy in a way, with the words a reader consents to (R 5.7)."""
    base = current().base_url
    variables = look.variables(brand().accent)
    with force_locale(locale):
        made = render_template(
            f"desk/settings/snippet_{way}.html",
            link=base + pages.path("subscribe", locale, slug=listed.slug),
            frame=base + pages.path("frame", locale, slug=listed.slug),
            privacy=brand().privacy_url or base + pages.path("privacy", locale),
            promise=promise(listed),
            words=shown.sealed(listed.slug, promise(listed)),
            fields=_fields(listed),
            honeypot=HONEYPOT,
            locale=locale,
            newsletter=listed.title(locale),
            script=base + url_for("static", filename=SCRIPT),
            styles=base + url_for("static", filename=STYLES),
            integrity=_integrity(SCRIPT),
            variables="; ".join(f"{name}: {value}" for name, value in variables.items()),
            own_look=look.font == "site",
        )
    return "\n".join(line for line in made.splitlines() if line.strip())


def _integrity(name: str) -> str:
    """What a browser holds our script against (SRI), so that no other is ever run in its place."""
    body = (Path(str(current_app.static_folder)) / name).read_bytes()
    return "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()


def _typed() -> Look:
    names = ("accent", "paper", "corners", "font", "return_url")
    return Look(**{name: request.form.get(name, "").strip() for name in names})


def _sentences(faults: Mapping[str, str]) -> dict[str, str]:
    told = said(faults)
    if faults.get("return_url") == "site":
        told["return_url"] = _(
            "Let that site in below first; then visitors can be sent back to it."
        )
    if faults.get("site") == "too_many":
        told["site"] = _("There are fifty sites already. Take one away first.")
    return told
