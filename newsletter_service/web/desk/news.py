"""*Nyheter*: what there is to write about, and the way from there into a draft."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from newsletter_service.issues import blocks, shelf, suggest
from newsletter_service.models import Item, Role
from newsletter_service.news import desk, probe, sources
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, said
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.i18n import local

blueprint = Blueprint("news", __name__, url_prefix="/desk/nyheter")

_TABS = {"nya": "new", "kommande": "coming", "anvanda": "used", "dolda": "hidden"}


@blueprint.get("")
@allow(Role.EDITOR)
def page() -> str:
    """The news of one tab, a field for one's own, and how the feeds are."""
    return _page(request.args.get("flik", "nya"))


@blueprint.post("")
@allow(Role.EDITOR)
def type_in() -> Response | tuple[str, int]:
    """Keep a headline, or a link to be filled in."""
    listed = words.chosen_list()
    if listed is None:
        abort(404)
    written = request.form.get("written", "").strip()
    is_link = written.lower().startswith(("http://", "https://", "www."))
    url = f"https://{written}" if written.lower().startswith("www.") else written
    typed = desk.Typed(title=_title_of(url), url=url) if is_link else desk.Typed(title=written)
    try:
        item_id = desk.type_in(listed.id, typed, now())
    except ValueError:
        wrong = _("Paste a link or write a headline.")
        return _page("nya", written=written, errors={"written": wrong}), 422
    if is_link:
        probe.ask(url, actor=actor(), now=now(), item_id=item_id)
        return redirect(url_for("news.item", item_id=item_id), 303)
    return redirect(url_for("news.page", list=listed.id), 303)


@blueprint.post("/valda")
@allow(Role.EDITOR)
def chosen() -> Response:
    """Put the chosen news into the draft, hide it or show it again."""
    listed = words.chosen_list()
    items = request.form.getlist("items", type=int)
    act = request.form.get("act", "")
    tab = request.form.get("flik", "nya")
    back = redirect(url_for("news.page", flik=tab), 303)
    if listed is None or not items:
        flash(_("Choose one or more first."), "wait")
        return back
    if act == "draft":
        return _into_draft(listed.id, items)
    desk.hide(items, now() if act == "hide" else None)
    said = (
        ngettext("%(num)s item hidden.", "%(num)s items hidden.", len(items))
        if act == "hide"
        else ngettext("%(num)s item shown again.", "%(num)s items shown again.", len(items))
    )
    flash(said, "good")
    return back


@blueprint.post("/hamta")
@allow(Role.EDITOR)
def fetch() -> Response:
    """Have all feeds fetched now."""
    listed = words.chosen_list()
    if listed is not None and sources.refresh(listed.id, actor=actor(), now=now()):
        flash(_("The feeds are being fetched. Load the page again in a moment."), "good")
    return redirect(url_for("news.page"), 303)


@blueprint.get("/<int:item_id>")
@allow(Role.EDITOR)
def item(item_id: int) -> str:
    """One piece of news; those typed in can be changed here."""
    return _item_page(_known(item_id))


@blueprint.post("/<int:item_id>")
@allow(Role.EDITOR)
def save_item(item_id: int) -> Response | tuple[str, int]:
    """Keep a change to something typed in."""
    known = _known(item_id)
    written = request.form
    typed = desk.Typed(
        title=written.get("title", ""),
        summary=written.get("summary", ""),
        url=written.get("url", ""),
        image_url=written.get("image_url", ""),
        image_alt=written.get("image_alt", ""),
        starts_on=_day(written.get("starts_on", "")),
        last_day=_day(written.get("last_day", "")),
        place=written.get("place", ""),
    )
    try:
        desk.change(item_id, typed, now())
    except LookupError:
        abort(404)
    except desk.NotAWebAddress as fault:
        wrong = said({fault.field: "url"})
        return _item_page(known, values=request.form, errors=wrong), 422
    except ValueError:
        wrong = {"title": _("Write a headline.")}
        return _item_page(known, values=request.form, errors=wrong), 422
    flash(_("Saved."), "good")
    return redirect(url_for("news.page"), 303)


def _into_draft(list_id: int, items: list[int]) -> Response:
    draft = shelf.newest_draft(list_id)
    made = draft.id if draft else suggest.empty(list_id, actor=actor(), now=now())
    issue = words.the_issue(made)
    edit = blocks.Edit(version=issue.version, actor=actor(), now=now())
    try:
        blocks.add_items(issue.id, items, edit)
    except blocks.Changed:
        flash(_("Somebody changed the draft at that moment. Try once more."), "wait")
        return redirect(url_for("news.page"), 303)
    number = words.the_issue(made).number
    said = ngettext(
        "%(num)s item is in no. %(number)s.",
        "%(num)s items are in no. %(number)s.",
        len(items),
        number=number,
    )
    flash(said, "good")
    return redirect(url_for("composer.page", issue_id=made), 303)


def _page(tab: str, *, written: str = "", errors: dict[str, str] | None = None) -> str:
    listed = words.chosen_list()
    if listed is None:
        return render_template("desk/news/page.html", listed=None, rows=[], errors={})
    tab = tab if tab in _TABS else "nya"
    search = request.args.get("sok", "").strip()
    today = local(now()).date()
    draft = shelf.newest_draft(listed.id)
    return render_template(
        "desk/news/page.html",
        listed=listed,
        tab=tab,
        tabs=_tabs(listed.id, tab, today, search),
        rows=desk.rows(listed.id, _TABS[tab], today, search=search),
        search=search,
        health=sources.of_list(listed.id),
        draft=words.label(draft) if draft else "",
        written=written,
        errors=errors or {},
        today=today,
    )


def _tabs(list_id: int, here: str, today: date, search: str) -> list[dict[str, Any]]:
    labels = {"nya": _("New"), "kommande": _("Coming up"), "anvanda": _("Used")}
    labels["dolda"] = _("Hidden")
    counted = desk.counts(list_id, today)
    return [
        {
            "label": text,
            "url": url_for("news.page", flik=tab, sok=search or None),
            "active": tab == here,
            "count": counted[_TABS[tab]],
        }
        for tab, text in labels.items()
    ]


def _item_page(known: Item, *, values: Any = None, errors: dict[str, str] | None = None) -> str:
    names = ("title", "summary", "url", "image_url", "image_alt", "place", "starts_on", "last_day")
    stored = {name: getattr(known, name) or "" for name in names}
    return render_template(
        "desk/news/item.html",
        item=known,
        is_typed=known.source.kind == "manual",
        waiting=values is None and probe.reads(known.id, now()),
        values=values if values is not None else stored,
        errors=errors or {},
    )


def _known(item_id: int) -> Item:
    found = desk.one(item_id)
    if found is None:
        abort(404)
    return found


def _title_of(url: str) -> str:
    """A first headline out of an address: its last part, else its host."""
    parts = urlsplit(url)
    last = unquote(parts.path.rstrip("/").rsplit("/", 1)[-1])
    named = last.rsplit(".", 1)[0].replace("-", " ").replace("_", " ").strip()
    return (named[:1].upper() + named[1:]) or parts.netloc or url


def _day(written: str) -> date | None:
    try:
        return datetime.strptime(written.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
