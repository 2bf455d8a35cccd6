"""A look at a site for *Kom igång* and *Källor*: a page asks, a worker looks, the page shows.

What is found is kept as plain values: `name`, `language`, `postal_address`, `email`, `logos` and
`accents` (the best first) and `feeds`, each with `url`, `kind`, `title`, `count`, `headlines`.
"""

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from newsletter_service import outward
from newsletter_service.extensions import db
from newsletter_service.models import Item, SiteProbe, writing
from newsletter_service.news import article, feeds
from newsletter_service.news import discover as pages
from newsletter_service.pictures import remote
from newsletter_service.queue import nudge
from newsletter_service.safe_http import FetchError, Response, SafeClient

log = logging.getLogger(__name__)

MOST_FEEDS = 4
MOST_STYLESHEETS = 3
PATIENCE_S = 60.0
_OVERDUE = timedelta(minutes=2)
_WORTH_WAITING = timedelta(seconds=20)
_GIVEN_UP = timedelta(hours=1)
_HEADLINES = 3
_FILLED = ("title", "summary", "image_url", "image_alt", "place", "starts_on", "last_day")
_PAGE = "text/html,application/xhtml+xml,application/rss+xml,application/atom+xml;q=0.9,*/*;q=0.5"


def ask(url: str, *, actor: str, now: datetime, item_id: int | None = None) -> int:
    """Have a worker look at an address; returns the probe's id.

    With an item it is the item's page, which fills in what nobody has written yet.
    """
    with writing() as session:
        probe = SiteProbe(url=url[:1000], asked_at=now, asked_by=actor, item_id=item_id)
        session.add(probe)
        session.flush()
        probe_id = probe.id
        nudge("site.discover", probe_id)
    return probe_id


def latest() -> SiteProbe | None:
    """The look at a site that was asked for last."""
    return db.session.scalar(
        select(SiteProbe).where(SiteProbe.item_id.is_(None)).order_by(SiteProbe.id.desc()).limit(1)
    )


def reads(item_id: int, now: datetime) -> bool:
    """Whether an item's page is just being read, so that it is worth waiting for."""
    waiting = select(SiteProbe.id).where(
        SiteProbe.item_id == item_id,
        SiteProbe.answered_at.is_(None),
        SiteProbe.asked_at > now - _WORTH_WAITING,
    )
    return db.session.scalar(waiting.limit(1)) is not None


def get(probe_id: int) -> SiteProbe | None:
    """One look, answered or not."""
    return db.session.get(SiteProbe, probe_id)


def overdue(now: datetime) -> list[int]:
    """Looks that nobody has answered, for the sweep."""
    return list(
        db.session.scalars(
            select(SiteProbe.id).where(
                SiteProbe.answered_at.is_(None),
                SiteProbe.asked_at < now - _OVERDUE,
                SiteProbe.asked_at > now - _GIVEN_UP,
            )
        )
    )


def discover(probe_id: int, now: datetime) -> None:
    """The work: look, then keep what was found. Looking twice does no harm."""
    probe = db.session.get(SiteProbe, probe_id)
    if probe is None or probe.answered_at is not None:
        return
    url, item_id = probe.url, probe.item_id
    db.session.rollback()  # no transaction stays open across the network (P7)
    if item_id is not None:
        _read_page(probe_id, item_id, url, now)
        return
    found, error = _look(url, now)
    with writing() as session:
        probe = session.get_one(SiteProbe, probe_id)
        probe.found, probe.error = found, error
        probe.answered_at = now
    log.info("site_probed", extra={"feeds": len(found.get("feeds", [])), "error": error})


def _read_page(probe_id: int, item_id: int, url: str, now: datetime) -> None:
    """Fill an item in from its page; what somebody wrote meanwhile stays."""
    try:
        page = outward.client().get(url, accept=_PAGE)
    except FetchError as fault:
        found, error = article.Article(), fault.code
    else:
        error = "" if page.status < 400 else f"status_{page.status}"
        found = article.Article() if error else article.read(page.body, page.final_url, now.date())
    with writing() as session:
        probe = session.get_one(SiteProbe, probe_id)
        item = session.get(Item, item_id)
        if item is not None and item.changed_at == item.published_at:
            for name in _FILLED:
                setattr(item, name, getattr(found, name) or getattr(item, name))
            item.changed_at = now
            remote.ask(session, [item.image_url], now)
        probe.error, probe.answered_at = error, now
    log.info("page_read", extra={"error": error})


def _look(url: str, now: datetime) -> tuple[dict[str, Any], str]:
    """What a site's address leads to, and a code for what stood in the way."""
    http = outward.client()
    deadline = time.monotonic() + PATIENCE_S
    try:
        front = http.get(url, accept=_PAGE)
    except FetchError as error:
        return {}, error.code
    if front.status >= 400:
        return {}, f"status_{front.status}"
    own = _feed(front, now)
    if own is not None:
        return _from_feed(http, own, now), ""
    profile = _profile(http, front)
    candidates = [link.url for link in profile.feeds[: MOST_FEEDS + 2]]
    found = _read_all(http, candidates, now, deadline)
    if not found:
        guesses = pages.common_feeds(front.final_url)
        found = _read_all(http, guesses, now, deadline, enough=1)
    return _told(profile) | {"feeds": found}, ""


def _profile(http: SafeClient, front: Response) -> pages.SiteProfile:
    profile = pages.site_profile(front.body, front.final_url, [])
    sheets = []
    for url in profile.stylesheets[:MOST_STYLESHEETS]:
        try:
            answer = http.get(url, accept="text/css,*/*;q=0.1")
        except FetchError:
            continue
        if answer.status == 200:
            sheets.append(answer.body)
    return pages.site_profile(front.body, front.final_url, sheets) if sheets else profile


def _read_all(
    http: SafeClient,
    urls: Iterable[str],
    now: datetime,
    deadline: float,
    enough: int = MOST_FEEDS,
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for url in urls:
        if len(found) >= enough or time.monotonic() > deadline:
            break
        try:
            answer = http.get(url)
        except FetchError:
            continue
        feed = _feed(answer, now) if answer.status == 200 else None
        if feed is not None and not any(_same_news(feed, one) for one in found):
            found.append(feed)
    return found


def _same_news(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Sites offer the same news as RSS, Atom and JSON; one of them is enough to choose from."""
    alike = one["headlines"] == other["headlines"] and one["count"] == other["count"]
    return bool(one["url"] == other["url"] or (alike and one["count"] > 0))


def _feed(answer: Response, now: datetime) -> dict[str, Any] | None:
    content_type = answer.headers.get("content-type")
    try:
        feed = feeds.parse(answer.body, content_type, answer.final_url, now=now)
    except feeds.FeedError:
        return None
    if feed.kind == "wordpress" and not feed.items:
        return None  # an empty list may be anything
    return {
        "url": answer.final_url,
        "kind": feed.kind,
        "title": feed.title,
        "site_url": feed.site_url or "",
        "language": feed.language or "",
        "count": len(feed.items),
        "headlines": [item.title for item in feed.items[:_HEADLINES]],
    }


def _from_feed(http: SafeClient, feed: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A feed's own address was given: its site may still tell name, logo and colour."""
    told: dict[str, Any] = {"name": feed["title"], "language": feed["language"]}
    if feed["site_url"]:
        try:
            front = http.get(feed["site_url"], accept=_PAGE)
        except FetchError:
            return told | {"logos": [], "accents": [], "feeds": [feed]}
        if front.status == 200 and _feed(front, now) is None:
            told |= {k: v for k, v in _told(_profile(http, front)).items() if v}
    return {"logos": [], "accents": []} | told | {"feeds": [feed]}


def _told(profile: pages.SiteProfile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "language": profile.language or "",
        "postal_address": profile.postal_address or "",
        "email": profile.email or "",
        "logos": [logo.value for logo in profile.logos],
        "accents": [accent.value for accent in profile.accents],
    }
