"""One piece of news: what it tells, where else it was told, and what editors add to it."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.extensions import db
from newsletter_service.models import Item, Role
from newsletter_service.news import desk, folding, probe
from newsletter_service.pictures import remote
from newsletter_service.settings import current
from newsletter_service.web.access import allow
from newsletter_service.web.desk import now, said
from newsletter_service.web.i18n import local

blueprint = Blueprint("news_item", __name__, url_prefix="/desk/nyheter/<int:item_id>")

_TYPED = ("title", "summary", "url", "image_url", "image_alt", "place", "starts_on", "last_day")


@blueprint.get("")
@allow(Role.EDITOR)
def page(item_id: int) -> str:
    """What it tells; its words can be changed here if they were written here."""
    return _page(_known(item_id))


@blueprint.post("")
@allow(Role.EDITOR)
def save(item_id: int) -> Response | tuple[str, int]:
    """Keep a change of its words, its tags and until when it is kept back."""
    known = _known(item_id)
    try:
        care = desk.Care(request.form.get("tags", ""), _moment(request.form.get("embargo", "")))
    except ValueError:
        wrong = {"embargo": _("Write a day and a time.")}
        return _page(known, values=request.form, errors=wrong), 422
    if is_ours(known):
        try:
            desk.change(item_id, _typed(), now())
        except desk.NotAWebAddress as fault:
            wrong = said({fault.field: "url"})
            return _page(known, values=request.form, errors=wrong), 422
        except ValueError:
            wrong = {"title": _("Write a headline.")}
            return _page(known, values=request.form, errors=wrong), 422
    desk.care(item_id, care)
    flash(_("Saved."), "good")
    return redirect(url_for("news.page"), 303)


@blueprint.post("/isar")
@allow(Role.EDITOR)
def take_apart(item_id: int) -> Response:
    """Show an item by itself that was folded into another."""
    leader = folding.take_apart(_known(item_id).id, now())
    flash(_("It stands by itself now."), "good")
    return redirect(url_for("news_item.page", item_id=leader or item_id), 303)


def is_ours(item: Item) -> bool:
    """Whether its words are written here, or were sent in, and so may be changed here."""
    return item.source.kind in desk.WRITTEN_HERE


def _typed() -> desk.Typed:
    written = request.form
    return desk.Typed(
        title=written.get("title", ""),
        summary=written.get("summary", ""),
        url=written.get("url", ""),
        image_url=written.get("image_url", ""),
        image_alt=written.get("image_alt", ""),
        starts_on=_day(written.get("starts_on", "")),
        last_day=_day(written.get("last_day", "")),
        place=written.get("place", ""),
    )


def _page(known: Item, *, values: Any = None, errors: dict[str, str] | None = None) -> str:
    stored = {name: getattr(known, name) or "" for name in _TYPED}
    stored["tags"] = ", ".join(known.own_tags)
    stored["embargo"] = (
        local(known.embargo_until).strftime("%Y-%m-%dT%H:%M") if known.embargo_until else ""
    )
    leader = desk.one(known.folded_into_id) if known.folded_into_id else None
    return render_template(
        "desk/news/item.html",
        item=known,
        is_typed=is_ours(known),
        leader=leader,
        picture=remote.thumbs(db.session(), [known.image_url]).get(known.image_url, ""),
        is_refused=remote.is_refused(db.session(), known.image_url),
        also=folding.folded_into([known.id])[known.id],
        waiting=values is None and probe.reads(known.id, now()),
        values=values if values is not None else stored,
        errors=errors or {},
    )


def _known(item_id: int) -> Item:
    found = desk.one(item_id)
    if found is None:
        abort(404)
    return found


def _day(written: str) -> date | None:
    try:
        return datetime.strptime(written.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _moment(written: str) -> datetime | None:
    """A local day and time as UTC; None if nothing is written. Raises ValueError."""
    if not written.strip():
        return None
    there = datetime.fromisoformat(written.strip())
    if there.tzinfo is not None or there.year > 9000:
        raise ValueError("not a local time")
    return there.replace(tzinfo=ZoneInfo(current().timezone)).astimezone(UTC)
