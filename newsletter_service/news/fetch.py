"""Fetching a source: asked only for what changed, read by pure parsers, stored once (P7).

The network is used between two short transactions, never inside one.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import outward
from newsletter_service.extensions import db
from newsletter_service.models import Item, Source, writing
from newsletter_service.news import feeds, sources
from newsletter_service.news.feed_item import Feed, FeedError, FeedItem
from newsletter_service.pictures import remote
from newsletter_service.queue import nudge
from newsletter_service.safe_http import FetchError, Response

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=30)
LONGEST_WAIT = timedelta(hours=24)
NOT_MODIFIED = 304


def fetch(source_id: int, now: datetime) -> int:
    """Fetch one source and store what is new; returns how many items are new or changed.

    What goes wrong is kept on the source in whole sentences, and the next try waits longer.
    """
    source = db.session.get(Source, source_id)
    if source is None or source.removed_at is not None or source.kind in sources.NOT_FETCHED:
        db.session.rollback()
        return 0
    url, etag, modified = source.url, source.etag, source.last_modified
    db.session.rollback()
    try:
        response = outward.client().get(url, etag=etag or None, last_modified=modified or None)
        feed = _read(response, now)
    except (FetchError, FeedError) as error:
        _failed(source_id, str(error), now)
        return 0
    return _store(source_id, response, feed, now)


def due(now: datetime) -> list[int]:
    """Sources whose time has come."""
    return list(
        db.session.scalars(
            select(Source.id).where(
                Source.due_at <= now,
                Source.removed_at.is_(None),
                Source.kind.not_in(sources.NOT_FETCHED),
            )
        )
    )


def _read(response: Response, now: datetime) -> Feed | None:
    if response.status == NOT_MODIFIED:
        return None
    if response.status != 200:
        raise FeedError("status", f"The server answered with status {response.status}.")
    kind = response.headers.get("content-type")
    return feeds.parse(response.body, kind, response.final_url, now=now)


def _failed(source_id: int, why: str, now: datetime) -> None:
    with writing() as session:
        source = session.get_one(Source, source_id)
        source.failures += 1
        source.fetched_at, source.last_error = now, why[:500]
        source.due_at = now + min(EVERY * 2 ** min(source.failures, 6), LONGEST_WAIT)
    log.warning("fetch_failed", extra={"source_id": source_id, "why": why})


def _store(source_id: int, response: Response, feed: Feed | None, now: datetime) -> int:
    with writing() as session:
        source = session.get_one(Source, source_id)
        source.fetched_at = source.succeeded_at = now
        source.failures, source.last_error = 0, ""
        source.due_at = now + EVERY
        source.etag = response.headers.get("etag", source.etag)[:300]
        source.last_modified = response.headers.get("last-modified", source.last_modified)[:100]
        if feed is None:
            return 0
        source.kind = feed.kind
        source.title = feed.title or source.title or urlsplit(source.url).hostname or ""
        source.site_url = feed.site_url or ""
        nudge("news.fold")
        remote.ask(session, [item.image_url for item in feed.items if item.image_url], now)
        return sum(_keep(session, source, item, feed, now) for item in feed.items)


def _keep(session: Session, source: Source, item: FeedItem, feed: Feed, now: datetime) -> bool:
    """Store an item once; a later change of its words updates it. Whether anything changed."""
    guid = _guid(item.guid)
    known = session.scalars(
        select(Item).where(Item.source_id == source.id, Item.guid == guid)
    ).one_or_none()
    values = {
        "url": (item.url or "")[:2000],
        "title": item.title or item.summary[:80],
        "summary": item.summary,
        "image_url": (item.image_url or "")[:2000],
        "image_alt": item.image_alt[:500],
        "tags": list(item.tags),
        "language": item.language or feed.language or "",
        "starts_on": item.starts_on,
        "ends_on": item.ends_on,
        "last_day": item.last_day,
        "place": (item.place or "")[:200],
    }
    if known is None:
        published = item.published_at or now
        session.add(
            Item(
                source_id=source.id,
                guid=guid,
                published_at=min(published, now),
                fetched_at=now,
                changed_at=now,
                **values,
            )
        )
        return True
    if all(getattr(known, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(known, name, value)
    known.changed_at = now
    return True


def _guid(guid: str) -> str:
    """A guid of any length as one that fits."""
    if len(guid) <= 1000:
        return guid
    return "sha256:" + hashlib.sha256(guid.encode()).hexdigest()
