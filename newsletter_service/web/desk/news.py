"""*Nyheter*: what there is to write about, by tab, and the way from there into a draft."""

from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from newsletter_service.issues import blocks, shelf, suggest
from newsletter_service.models import NewsletterList, Role
from newsletter_service.news import desk, probe, sources
from newsletter_service.news import tabs as shown
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.i18n import local

blueprint = Blueprint("news", __name__, url_prefix="/desk/nyheter")

_TABS = {"nya": "new", "kommande": "coming", "anvanda": "used", "dolda": "hidden"}
_TABS["inskickade"] = "sent_in"
_MOST_PAGES = 400


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
        return redirect(url_for("news_item.page", item_id=item_id), 303)
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
    flash(_done(act, items), "good")
    return back


def _done(act: str, items: list[int]) -> str:
    """Do what the button says with the chosen items; what to tell about it."""
    many = len(items)
    if act == "let_in":
        desk.let_in(items)
        return str(ngettext("%(num)s item is news now.", "%(num)s items are news now.", many))
    desk.hide(items, now() if act == "hide" else None)
    if act == "hide":
        return str(ngettext("%(num)s item hidden.", "%(num)s items hidden.", many))
    return str(ngettext("%(num)s item shown again.", "%(num)s items shown again.", many))


@blueprint.post("/hamta")
@allow(Role.EDITOR)
def fetch() -> Response:
    """Have all feeds fetched now."""
    listed = words.chosen_list()
    if listed is not None and sources.refresh(listed.id, actor=actor(), now=now()):
        flash(_("The feeds are being fetched. Load the page again in a moment."), "good")
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
    asked = request.args
    number = max(1, asked.get("sida", 1, type=int))
    moment = now()
    wanted = shown.Wanted(
        _TABS[tab],
        moment,
        local(moment).date(),
        search=asked.get("sok", "").strip(),
        tag=asked.get("tagg", "").strip(),
        skip=(min(number, _MOST_PAGES) - 1) * shown.AT_ONCE,
    )
    draft = shelf.newest_draft(listed.id)
    return render_template(
        "desk/news/page.html",
        listed=listed,
        tab=tab,
        tabs=_tabs(listed, tab, wanted),
        rows=shown.rows(listed.id, wanted),
        search=wanted.search,
        tag=wanted.tag,
        tags=_tags(listed.id, tab, wanted),
        pages=_pages(listed.id, tab, wanted, number),
        health=sources.of_list(listed.id),
        draft=words.label(draft) if draft else "",
        written=written,
        errors=errors or {},
        today=wanted.today,
        moment=moment,
    )


def _tabs(listed: NewsletterList, here: str, wanted: shown.Wanted) -> list[dict[str, Any]]:
    """The tabs with their numbers; *Inskickade* where something was sent in and waits."""
    labels = {"nya": _("New"), "kommande": _("Coming up"), "anvanda": _("Used")}
    labels |= {"dolda": _("Hidden"), "inskickade": _("Sent in")}
    counted = shown.counts(listed.id, wanted.now, wanted.today)
    return [
        {
            "label": text,
            "url": url_for("news.page", flik=tab, sok=wanted.search or None),
            "active": tab == here,
            "count": counted[_TABS[tab]],
        }
        for tab, text in labels.items()
        if tab != "inskickade" or tab == here or counted["sent_in"]
    ]


def _tags(list_id: int, tab: str, wanted: shown.Wanted) -> list[dict[str, Any]]:
    """The tab's most common tags as links, the chosen one among them and its way back."""
    found = shown.tags(list_id, wanted)
    if wanted.tag and wanted.tag not in dict(found):
        found.append((wanted.tag, shown.number(list_id, wanted)))
    return [
        {
            "label": tag,
            "count": count,
            "active": tag == wanted.tag,
            "url": url_for("news.page", flik=tab, tagg=None if tag == wanted.tag else tag),
        }
        for tag, count in found
    ]


def _pages(list_id: int, tab: str, wanted: shown.Wanted, number: int) -> dict[str, Any]:
    """The ways to the pages before and after."""
    all_of_them = shown.number(list_id, wanted)

    def page_of(other: int) -> str:
        search, tag = wanted.search or None, wanted.tag or None
        return url_for("news.page", flik=tab, sida=other, sok=search, tagg=tag)

    last = wanted.skip + shown.AT_ONCE
    return {
        "first": wanted.skip + 1,
        "last": min(last, all_of_them),
        "number": all_of_them,
        "previous": page_of(number - 1) if number > 1 else None,
        "next": page_of(number + 1) if last < all_of_them and number < _MOST_PAGES else None,
    }


def _title_of(url: str) -> str:
    """A first headline out of an address: its last part, else its host."""
    parts = urlsplit(url)
    last = unquote(parts.path.rstrip("/").rsplit("/", 1)[-1])
    named = last.rsplit(".", 1)[0].replace("-", " ").replace("_", " ").strip()
    return (named[:1].upper() + named[1:]) or parts.netloc or url
