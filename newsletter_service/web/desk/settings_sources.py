"""*Källor*: where a newsletter's news comes from, and how those sources are."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.accounts import newsletters, organisation
from newsletter_service.models import Role
from newsletter_service.news import probe, sources, submissions
from newsletter_service.queue import nudge_now
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, said, settings_tabs, trouble
from newsletter_service.web.desk.settings_pages import chosen_list, known_list
from newsletter_service.web.i18n import page_locale

blueprint = Blueprint("sources", __name__, url_prefix="/desk/installningar/kallor")


@blueprint.get("")
@allow(Role.EDITOR)
def health() -> str | Response:
    """The list's sources and how they are; `?probe=` shows what an address led to."""
    listed = chosen_list()
    if listed is None:
        return redirect(url_for("start.here"))
    return _page(listed.id, {}, "")


@blueprint.post("/<int:list_id>/leta")
@allow(Role.EDITOR)
def look(list_id: int) -> Response | tuple[str, int]:
    """Have a worker look at the address of a site or a feed."""
    known_list(list_id)
    typed = request.form.get("url", "")
    url = organisation.web_address(typed)
    if not url:
        return _page(list_id, said({"url": "url"}), typed), 422
    probe_id = probe.ask(url, actor=actor(), now=now())
    return redirect(url_for("sources.health", list=list_id, probe=probe_id), 303)


@blueprint.get("/<int:list_id>/fynd/<int:probe_id>")
@allow(Role.EDITOR)
def findings(list_id: int, probe_id: int) -> str:
    """What a look has found so far, for htmx."""
    return render_template("desk/settings/_findings.html", **_found(list_id, probe_id))


@blueprint.post("/<int:list_id>/lagg-till/<int:probe_id>")
@allow(Role.EDITOR)
def add(list_id: int, probe_id: int) -> Response:
    """Add the chosen feeds out of what was found."""
    known_list(list_id)
    looked = probe.get(probe_id)
    feeds = looked.found.get("feeds", []) if looked else []
    chosen = [feed for feed in feeds if feed["url"] in request.form.getlist("feeds")]
    for feed in chosen:
        new = sources.NewSource(feed["url"], feed["kind"], feed["title"], feed["site_url"])
        sources.add(list_id, new, actor=actor(), now=now())
    if chosen:
        flash(_("Added. The news comes in within a minute."), "good")
    return redirect(url_for("sources.health", list=list_id), 303)


@blueprint.post("/<int:list_id>/hamta/<int:source_id>")
@allow(Role.EDITOR)
def fetch(list_id: int, source_id: int) -> Response:
    """Fetch one source now."""
    _check(list_id, source_id)
    nudge_now([("news.fetch", (source_id,))])
    flash(_("The news is being fetched."), "good")
    return redirect(url_for("sources.health", list=list_id), 303)


@blueprint.post("/<int:list_id>/ta-bort/<int:source_id>")
@allow(Role.EDITOR)
def remove(list_id: int, source_id: int) -> Response:
    """Take a source away; its news stays where it was used."""
    _check(list_id, source_id)
    sources.remove(list_id, source_id, actor=actor(), now=now())
    flash(_("The source is gone. What it gave is still there; add it again whenever."), "good")
    return redirect(url_for("sources.health", list=list_id), 303)


@blueprint.post("/<int:list_id>/bolag")
@allow(Role.EDITOR)
def add_company(list_id: int) -> Response | tuple[str, int]:
    """Let a company send in news by a link of its own."""
    known_list(list_id)
    try:
        submissions.add(list_id, request.form.get("company", ""), actor=actor(), now=now())
    except submissions.NoName:
        return _page(list_id, said({"company": "missing"}), ""), 422
    flash(_("Copy the link below and mail it to the company."), "good")
    return redirect(url_for("sources.health", list=list_id) + "#companies", 303)


@blueprint.post("/<int:list_id>/bolag/<int:source_id>/ta-bort")
@allow(Role.EDITOR)
def remove_company(list_id: int, source_id: int) -> Response:
    """End a company's link; what it sent in stays."""
    known_list(list_id)
    if source_id not in {one.source.id for one in submissions.companies(list_id, page_locale())}:
        abort(404)
    sources.remove(list_id, source_id, actor=actor(), now=now())
    flash(_("The link is no longer in use. What was sent in is still there."), "good")
    return redirect(url_for("sources.health", list=list_id) + "#companies", 303)


def _check(list_id: int, source_id: int) -> None:
    known_list(list_id)
    if source_id not in {one.source.id for one in sources.of_list(list_id)}:
        abort(404)


def _page(list_id: int, errors: dict[str, str], typed: str) -> str:
    probe_id = request.args.get("probe", type=int)
    return render_template(
        "desk/settings/sources.html",
        listed=known_list(list_id),
        lists=newsletters.everything(),
        sources=sources.of_list(list_id),
        companies=submissions.companies(list_id, page_locale()),
        found=_found(list_id, probe_id) if probe_id else None,
        errors=errors,
        typed=typed,
        tabs=settings_tabs("sources"),
    )


def _found(list_id: int, probe_id: int) -> dict[str, object]:
    looked = probe.get(probe_id)
    if looked is None:
        abort(404)
    known = {one.source.url for one in sources.of_list(known_list(list_id).id)}
    feeds = [feed for feed in looked.found.get("feeds", []) if feed["url"] not in known]
    return {
        "list_id": list_id,
        "probe": looked,
        "waiting": looked.answered_at is None,
        "trouble": trouble(looked.error) if looked.error else "",
        "feeds": feeds,
        "all_known": bool(looked.found.get("feeds")) and not feeds,
    }
