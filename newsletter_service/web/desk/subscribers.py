"""*Prenumeranter*: search first, then counts and the newest; a person with the whole story.

An address is never part of a URL: searching is a POST, a person has a number.
"""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.address import InvalidAddress
from newsletter_service.extensions import db
from newsletter_service.models import (
    NewsletterList,
    Role,
    Subscriber,
    SubscriptionState,
    SuppressionReason,
    ms_of,
    utc_of_ms,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.operations import trace, trace_words
from newsletter_service.subscribers import desk, segments
from newsletter_service.subscribers.readers import open_lists
from newsletter_service.web.access import allow, staff
from newsletter_service.web.desk import actor, now
from newsletter_service.web.i18n import moment

blueprint = Blueprint("subscribers", __name__, url_prefix="/desk/prenumeranter")

ANSWERS_SHOWN = 6
LATEST = 12
# What staff may lift by hand; the owner's own wish and an erasure only the person takes back.
LIFTED_BY_STAFF = frozenset(
    {
        SuppressionReason.HARD_BOUNCE,
        SuppressionReason.SOFT_BOUNCES,
        SuppressionReason.MANUAL,
        SuppressionReason.COMPLAINT,
    }
)


@blueprint.get("")
@staff
def home() -> str:
    """The search field, the counts and the newest readers."""
    lists = open_lists(db.session())
    newest, _more = desk.page(desk.Filter(), limit=LATEST)
    counts = {each.id: desk.counts(each.id) for each in lists}
    return render_template(
        "desk/subscribers/home.html",
        lists=lists,
        counts=counts,
        newest=newest,
        has_fields=segments.any_field(),
        **_words(),
    )


@blueprint.post("")
@staff
def search() -> Response | str:
    """Go to the one reader that fits, or show those that do."""
    text = request.form.get("q", "").strip()[:254]
    if not text:
        return redirect(url_for("subscribers.home"), 303)
    found = desk.find(text)
    if len(found) == 1:
        return redirect(url_for("subscribers.person", subscriber_id=found[0].id), 303)
    return render_template(
        "desk/subscribers/found.html",
        text=text,
        found=found,
        at_most=desk.FOUND_AT_MOST,
        entries=[] if found else _remembered(text),
        **_words(),
    )


@blueprint.get("/alla")
@staff
def everybody() -> str:
    """All subscriptions of a list or a state, page by page."""
    state, segment_id = _state(request.args.get("lage", "")), request.args.get("urval", type=int)
    wanted = desk.Filter(request.args.get("lista", type=int), state, segment_id)
    try:
        found, following = desk.page(wanted, request.args.get("fore", type=int))
        segment = segments.get(db.session(), segment_id) if segment_id is not None else None
    except segments.NoSuchSegment:
        abort(404)
    return render_template(
        "desk/subscribers/everybody.html",
        found=found,
        following=following,
        wanted=wanted,
        lists=open_lists(db.session()),
        segment=segment,
        tabs=_state_tabs(wanted),
        **_words(),
    )


@blueprint.get("/<int:subscriber_id>")
@staff
def person(subscriber_id: int) -> str:
    """A reader: standing, why an issue came or did not, and everything in order."""
    reader = _known(subscriber_id)
    story = trace.by_id(subscriber_id)
    assert story is not None
    return render_template(
        "desk/subscribers/person.html",
        reader=reader,
        paused={
            each.id: utc_of_ms(each.paused_until_ms)
            for each in reader.subscriptions
            if each.paused_until_ms is not None and each.paused_until_ms > ms_of(now())
        },
        answers=[(each, trace_words.sentence(each)) for each in story.answers[:ANSWERS_SHOWN]],
        more=len(story.answers) - ANSWERS_SHOWN,
        entries=_timeline(story),
        suppressions=desk.suppressions_of(reader.address_key),
        liftable=LIFTED_BY_STAFF,
        **_words(),
    )


@blueprint.post("/<int:subscriber_id>/avsluta/<int:subscription_id>")
@allow(Role.EDITOR, Role.OPERATOR)
def end(subscriber_id: int, subscription_id: int) -> Response:
    """End one subscription, on the reader's word."""
    reader = _known(subscriber_id)
    if subscription_id not in {each.id for each in reader.subscriptions}:
        abort(404)
    if desk.end(subscription_id, actor(), now()):
        flash(_("The subscription is ended. The reader gets no more issues of it."), "good")
    return _to(subscriber_id)


@blueprint.post("/<int:subscriber_id>/sparra")
@allow(Role.EDITOR, Role.OPERATOR)
def suppress(subscriber_id: int) -> Response:
    """Write no more to the address, for a reason given."""
    _known(subscriber_id)
    why = request.form.get("why", "").strip()
    if not why:
        flash(_("Say why, so that your colleagues understand it later."), "bad")
    else:
        desk.suppress(subscriber_id, actor(), why, now())
        flash(_("The address is suppressed. Nothing more is sent to it."), "good")
    return _to(subscriber_id)


@blueprint.post("/<int:subscriber_id>/hav")
@allow(Role.EDITOR, Role.OPERATOR)
def release(subscriber_id: int) -> Response:
    """Lift a suppression, for a reason given."""
    reader = _known(subscriber_id)
    scope = request.form.get("scope", WHOLE_ORGANISATION, type=int)
    why = request.form.get("why", "").strip()
    barred = {each.scope: each.reason for each in desk.suppressions_of(reader.address_key)}
    if barred.get(scope) not in LIFTED_BY_STAFF:
        abort(404)
    if not why:
        flash(_("Say why, so that your colleagues understand it later."), "bad")
    elif desk.release(subscriber_id, scope, actor(), why, now()):
        flash(_("The address may be written to again."), "good")
    return _to(subscriber_id)


def _known(subscriber_id: int) -> Subscriber:
    found = db.session.get(Subscriber, subscriber_id)
    if found is None:
        abort(404)
    return found


def _remembered(text: str) -> list[dict[str, Any]]:
    """What is still known of an address that belongs to no reader."""
    try:
        return _timeline(trace.by_address(text))
    except InvalidAddress:
        return []


def _timeline(story: trace.Story) -> list[dict[str, Any]]:
    return [
        {
            "time": moment(entry.at),
            "datetime": entry.at.isoformat(),
            "title": trace_words.title(entry),
            "text": trace_words.detail(entry),
            "kind": entry.kind,
        }
        for entry in reversed(story.entries)
    ]


def _words() -> dict[str, Any]:
    return {
        "states": {
            SubscriptionState.CONFIRMED: (_("Subscribes"), "good"),
            SubscriptionState.PENDING: (_("Has not confirmed"), "wait"),
            SubscriptionState.UNSUBSCRIBED: (_("Ended"), "neutral"),
        },
        "outcomes": {
            "good": _("Sent"),
            "wait": _("Not settled"),
            "bad": _("No"),
            "neutral": _("Not meant to"),
        },
        "reason": trace_words.reason,
        "list_names": {each.id: each.name for each in db.session.query(NewsletterList)},
    }


def _state(text: str) -> SubscriptionState | None:
    return SubscriptionState(text) if text in set(SubscriptionState) else None


def _state_tabs(wanted: desk.Filter) -> list[dict[str, Any]]:
    names = [
        (None, _("All")),
        (SubscriptionState.CONFIRMED, _("Subscribers")),
        (SubscriptionState.PENDING, _("Have not confirmed")),
        (SubscriptionState.UNSUBSCRIBED, _("Have ended")),
    ]
    return [
        {
            "label": label,
            "url": url_for(
                "subscribers.everybody", lista=wanted.list_id, lage=state, urval=wanted.segment_id
            ),
            "active": state == wanted.state,
        }
        for state, label in names
    ]


def _to(subscriber_id: int) -> Response:
    return redirect(url_for("subscribers.person", subscriber_id=subscriber_id), 303)
