"""*Kom igång*: from an empty installation to a suggested issue of one's own news.

Each step stands in rows as soon as it is taken, so that the way can be left and taken up again.
"""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.accounts import newsletters, organisation
from newsletter_service.issues import suggest
from newsletter_service.models import Role
from newsletter_service.news import probe, sources
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, said
from newsletter_service.web.desk import start_steps as steps

blueprint = Blueprint("start", __name__, url_prefix="/desk/kom-igang")

ORDER = ("site", "organisation", "newsletter", "proposals", "issue")
OLDER_NEWS = timedelta(days=366)


@blueprint.before_app_request
def _open_here() -> Response | None:
    """An empty installation opens at the first step for whoever can set it up."""
    at_home = request.method == "GET" and request.path == "/desk/"
    if not at_home or not current_user.is_authenticated:
        return None
    if newsletters.everything() or not current_user.has_role(Role.ADMINISTRATOR):
        return None
    return redirect(url_for("start.here"))


@blueprint.get("/")
@allow(Role.ADMINISTRATOR)
def here() -> Response:
    """The step that is next."""
    return redirect(url_for(f"start.{_next_step()}"))


@blueprint.get("/webbplats")
@allow(Role.ADMINISTRATOR)
def site() -> str:
    """Ask for the site's address."""
    latest = probe.latest()
    return _step("site", values={"url": latest.url if latest else ""})


@blueprint.post("/webbplats")
@allow(Role.ADMINISTRATOR)
def look_at_site() -> Response | tuple[str, int]:
    """Have a worker look at the site while the next steps are filled in."""
    url = organisation.web_address(request.form.get("url", ""))
    if not url:
        errors = said({"url": "url"})
        return _step("site", values=request.form, errors=errors), 422
    probe.ask(url, actor=actor(), now=now())
    known = organisation.current()
    return redirect(url_for("start.proposals" if known else "start.organisation_form"), 303)


@blueprint.get("/organisation")
@allow(Role.ADMINISTRATOR)
def organisation_form() -> str:
    """Who sends: prefilled with what the site told, if it has answered already."""
    return _step("organisation", values=steps.organisation_values())


@blueprint.post("/organisation")
@allow(Role.ADMINISTRATOR)
def save_organisation() -> Response | tuple[str, int]:
    """Keep the organisation."""
    fields = ("name", "postal_address", "org_nr", "contact_email")
    values = {name: request.form.get(name, "") for name in fields}
    latest = probe.latest()
    site_url = {"website": latest.url} if latest and not organisation.current() else {}
    try:
        organisation.save(values | site_url, actor=actor(), now=now())
    except organisation.Incomplete as fault:
        return _step("organisation", values=values, errors=said(fault.faults)), 422
    return redirect(url_for("start.newsletter"), 303)


@blueprint.get("/nyhetsbrev")
@allow(Role.ADMINISTRATOR)
def newsletter() -> str:
    """What the newsletter is called and who signs it."""
    owner = organisation.current()
    listed = steps.the_list()
    if listed is not None:
        values = {"name": listed.name, "sender_name": listed.sender_name}
        return _step("newsletter", values=values | {"sender_address": listed.sender_address})
    name = owner.name if owner else ""
    return _step(
        "newsletter",
        values={
            "name": _("News from %(organisation)s", organisation=name) if name else "",
            "sender_name": name,
            "sender_address": owner.contact_email if owner else "",
        },
    )


@blueprint.post("/nyhetsbrev")
@allow(Role.ADMINISTRATOR)
def save_newsletter() -> Response | tuple[str, int]:
    """Begin the newsletter, or change it when coming back."""
    fields = ("name", "sender_name", "sender_address")
    values = {name: request.form.get(name, "") for name in fields}
    listed = steps.the_list()
    try:
        if listed is None:
            new = newsletters.NewNewsletter(
                values["name"], values["sender_name"], values["sender_address"]
            )
            newsletters.create(new, actor=actor(), now=now())
        else:
            newsletters.change(listed.id, values, tuple(listed.locales), actor=actor())
    except organisation.Incomplete as fault:
        return _step("newsletter", values=values, errors=said(fault.faults)), 422
    return redirect(url_for("start.proposals"), 303)


@blueprint.get("/forslag")
@allow(Role.ADMINISTRATOR)
def proposals() -> str:
    """What was found on the site; waits for the worker without holding anything up."""
    if request.headers.get("HX-Request"):
        return render_template("desk/start/_proposals.html", **steps.proposal_values())
    return _step("proposals", **steps.proposal_values())


@blueprint.post("/forslag")
@allow(Role.ADMINISTRATOR)
def accept() -> Response | tuple[str, int]:
    """Take over the chosen feeds, logo and colour."""
    listed, latest = steps.the_list(), probe.latest()
    if listed is None:
        return redirect(url_for("start.here"), 303)
    found: dict[str, Any] = latest.found if latest else {}
    known = {feed["url"]: feed for feed in found.get("feeds", [])}
    chosen = [url for url in request.form.getlist("feeds") if url in known]
    face = {
        "logo_url": steps.one_of(request.form.get("logo", ""), found.get("logos", [])),
        "accent": request.form.get("accent", ""),
    }
    try:
        organisation.save({k: v for k, v in face.items() if v}, actor=actor(), now=now())
    except organisation.Incomplete as fault:
        return _step("proposals", **steps.proposal_values(), errors=said(fault.faults)), 422
    for url in chosen:
        sources.add(listed.id, steps.as_source(known[url]), actor=actor(), now=now())
    return redirect(url_for("start.issue"), 303)


@blueprint.post("/flode")
@allow(Role.ADMINISTRATOR)
def add_feed() -> Response | tuple[str, int]:
    """Look at an address that was pasted because nothing was found at the site's."""
    url = organisation.web_address(request.form.get("url", ""))
    if not url:
        values = steps.proposal_values() | {"errors": said({"url": "url"})}
        return _step("proposals", **values), 422
    probe.ask(url, actor=actor(), now=now())
    return redirect(url_for("start.proposals"), 303)


@blueprint.get("/forsta-utskicket")
@allow(Role.ADMINISTRATOR)
def issue() -> str:
    """How far the news has come, and the button that makes an issue of it."""
    if request.headers.get("HX-Request"):
        return render_template("desk/start/_issue.html", **steps.issue_values())
    return _step("issue", **steps.issue_values())


@blueprint.post("/forsta-utskicket")
@allow(Role.ADMINISTRATOR)
def make_issue() -> Response:
    """Make the suggested issue, or an empty draft where there is no news, and open it."""
    listed = steps.the_list()
    if listed is None:
        return redirect(url_for("start.here"), 303)
    made = _first_issue(listed.id)
    flash(_("Your first issue is ready. Change whatever you like; nothing has been sent."), "good")
    return redirect(f"/desk/utskick/{made}", 303)


def _first_issue(list_id: int) -> int:
    """Of recent news, else of older, else an empty draft."""
    for since in (suggest.SINCE, OLDER_NEWS):
        try:
            return suggest.suggest(suggest.Wish(list_id, since), actor=actor(), now=now())
        except suggest.NothingNew:
            continue
    return suggest.empty(list_id, actor=actor(), now=now())


def _step(step: str, **values: Any) -> str:
    """The page of one step, with all of them as a map."""
    labels = {
        "site": _("Your site"),
        "organisation": _("The organisation"),
        "newsletter": _("The newsletter"),
        "proposals": _("What we found"),
        "issue": _("The first issue"),
    }
    taken = steps.done()
    states = {name: "done" if taken[name] else "todo" for name in ORDER} | {step: "current"}
    endpoints = {"organisation": "start.organisation_form"}
    path = [
        {
            "key": name,
            "title": labels[name],
            "state": states[name],
            "url": url_for(endpoints.get(name, f"start.{name}")) if taken[name] else "",
        }
        for name in ORDER
    ]
    values.setdefault("errors", {})
    return render_template("desk/start/step.html", steps=path, step=step, **values)


def _next_step() -> str:
    taken = steps.done()
    step = next((name for name in ORDER if not taken[name]), "issue")
    return "organisation_form" if step == "organisation" else step
