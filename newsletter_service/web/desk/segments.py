"""*Urval*: a list's segments, built out of rows, counted while they are built."""

import time
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.accounts import newsletters
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList, Role, Segment
from newsletter_service.subscribers import desk, fields, segment_tree, segments
from newsletter_service.subscribers.fields import Unfit
from newsletter_service.subscribers.segment_tree import NotASegment
from newsletter_service.web.access import allow, staff
from newsletter_service.web.desk import actor, now, said, segment_form, segment_words
from newsletter_service.web.desk.segment_form import Builder
from newsletter_service.web.desk.settings_pages import chosen_list, known_list

blueprint = Blueprint("segments", __name__, url_prefix="/desk/prenumeranter/urval")

COUNTED_FOR_S = 60.0
_COUNTS = "newsletter-segment-counts"


@blueprint.get("")
@staff
def everything() -> str | Response:
    """A list's segments, what they say and whom they fit."""
    listed = chosen_list()
    if listed is None:
        return redirect(url_for("start.here"))
    known = _subjects(listed)
    kept = segments.of_list(db.session(), listed.id)
    return render_template(
        "desk/subscribers/segments.html",
        listed=listed,
        lists=newsletters.everything(),
        segments=kept,
        sentences={each.id: segment_words.sentence(each.definition, known) for each in kept},
        counts={each.id: _counted(each) for each in kept},
        all_of_them=desk.counts(listed.id)["confirmed"],
        has_fields=segments.any_field(),
    )


@blueprint.get("/nytt/<int:list_id>")
@allow(Role.EDITOR)
def new(list_id: int) -> str:
    """An empty segment to build."""
    return _page(known_list(list_id), None, Builder(), {})


@blueprint.post("/nytt/<int:list_id>")
@allow(Role.EDITOR)
def make(list_id: int) -> Response | str | tuple[str, int]:
    """Change the form by one of its buttons, or keep the segment."""
    return _take(known_list(list_id), None)


@blueprint.get("/<int:segment_id>")
@staff
def one(segment_id: int) -> str:
    """A segment, to be changed."""
    segment = _known(segment_id)
    builder = segment_form.written(segment.name, segment.definition)
    return _page(known_list(segment.list_id), segment, builder, {})


@blueprint.post("/<int:segment_id>")
@allow(Role.EDITOR)
def change(segment_id: int) -> Response | str | tuple[str, int]:
    """Change the form by one of its buttons, or keep the segment anew."""
    segment = _known(segment_id)
    return _take(known_list(segment.list_id), segment)


@blueprint.post("/nytt/<int:list_id>/antal")
@allow(Role.EDITOR)
def count(list_id: int) -> str:
    """How many the form fits as it stands, for htmx."""
    listed = known_list(list_id)
    return render_template("desk/subscribers/_matching.html", **_matching(listed, _read()))


@blueprint.post("/<int:segment_id>/ta-bort")
@allow(Role.EDITOR)
def remove(segment_id: int) -> Response:
    """Take a segment out of use."""
    segment = _known(segment_id)
    segments.remove(segment_id, actor=actor(), now=now())
    flash(_("The segment is gone. What was sent to it stays as it was."), "good")
    return redirect(url_for("segments.everything", list=segment.list_id), 303)


def _take(listed: NewsletterList, segment: Segment | None) -> Response | str | tuple[str, int]:
    builder, do = _read(), request.form.get("do", "save")
    if do != "save":
        builder.act(do, request.form)
        return _page(listed, segment, builder, {})
    try:
        if segment is None:
            segments.save(listed.id, builder.name, builder.definition(), actor=actor(), now=now())
        else:
            segments.change(
                segment.id, builder.name, builder.definition(), actor=actor(), now=now()
            )
    except Unfit as unfit:
        words = {"taken": _("A segment of this name is there already. Choose another name.")}
        errors = said({name: words.get(code, code) for name, code in unfit.faults.items()})
        return _page(listed, segment, builder, errors), 422
    except NotASegment as fault:
        return _page(listed, segment, builder, _faults(fault)), 422
    flash(_("Saved. The segment follows your readers by itself."), "good")
    return redirect(url_for("segments.everything", list=listed.id), 303)


def _read() -> Builder:
    return segment_form.read(request.form)


def _known(segment_id: int) -> Segment:
    try:
        segment = segments.get(db.session(), segment_id)
    except segments.NoSuchSegment:
        abort(404)
    known_list(segment.list_id)
    return segment


def _subjects(listed: NewsletterList) -> dict[str, segment_words.Subject]:
    others = [each for each in newsletters.everything() if each.id != listed.id]
    of_list = fields.of_list(db.session(), listed.id)
    return segment_words.subjects(of_list, others, listed.locales)


def _faults(fault: NotASegment) -> dict[str, str]:
    words = segment_words.faults()
    return {
        f"c-{where}" if where else "builder": words[code] for where, code in fault.faults.items()
    }


def _matching(listed: NewsletterList, builder: Builder) -> dict[str, Any]:
    """How many the form fits; none said while it is not ready to be counted."""
    matching = None
    try:
        known = segments.known(db.session(), listed.id)
        tree = segment_tree.checked(builder.definition(), known)
        matching = segments.count(db.session(), listed.id, tree, now())
    except NotASegment:
        pass
    return {"matching": matching, "all_of_them": desk.counts(listed.id)["confirmed"]}


def _page(
    listed: NewsletterList, segment: Segment | None, builder: Builder, errors: dict[str, str]
) -> str:
    return render_template(
        "desk/subscribers/segment.html",
        listed=listed,
        segment=segment,
        builder=builder,
        subjects=_subjects(listed),
        errors=errors,
        **_matching(listed, builder),
    )


def _counted(segment: Segment) -> int:
    """How many a segment fits; up to a minute old, since a page may show many."""
    kept: dict[tuple[int, object], tuple[float, int]]
    kept = current_app.extensions.setdefault(_COUNTS, {})
    key = (segment.id, segment.changed_at)
    at, found = kept.get(key, (float("-inf"), 0))
    if time.monotonic() - at > COUNTED_FOR_S:
        found = segments.count(db.session(), segment.list_id, segment.definition, now())
        kept[key] = (time.monotonic(), found)
    return found
