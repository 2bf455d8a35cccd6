"""News that companies of the house send in: each has a signed link, and an editor lets it in.

The link needs no log-in and no cookie. It ends with its source; a new one is a new company.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy import func, select

from newsletter_service import audit, tokens
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.models import Item, NewsletterList, Source, list_source, writing
from newsletter_service.news import clean, desk
from newsletter_service.pictures import library

log = logging.getLogger(__name__)

TENANT = "tenant"
PICTURE_BYTES = library.MAX_BYTES
MOST_WAITING = 20
MOST_A_DAY = 30


class NoName(ValueError):
    """A company needs a name."""


class LinkEnded(Exception):
    """The link is none of ours, or its company was taken away."""


class EnoughWaits(Exception):
    """So much of this company waits for an editor that no more is taken."""


@dataclass(frozen=True)
class Company:
    """A company that may send in, with its link in a language, and how much it sent."""

    source: Source
    link: str
    items: int


def add(list_id: int, name: str, *, actor: str, now: datetime) -> int:
    """Let a company send in news; returns its source's id. Raises `NoName`."""
    title = clean.plain_text(name, 120)
    if not title:
        raise NoName
    with writing() as session:
        source = Source(
            url=f"{TENANT}:{token_hex(12)}", kind=TENANT, title=title, due_at=now, created_at=now
        )
        source.lists.append(session.get_one(NewsletterList, list_id))
        session.add(source)
        session.flush()
        audit.record(session, actor, "source.company_added", f"source:{source.id}", list_id=list_id)
        return source.id


def companies(list_id: int, locale: str) -> list[Company]:
    """The companies that may send in to a newsletter, by name."""
    counted = select(func.count(Item.id)).where(Item.source_id == Source.id).scalar_subquery()
    rows = db.session.execute(
        select(Source, counted)
        .join(list_source, list_source.c.source_id == Source.id)
        .where(list_source.c.list_id == list_id, Source.kind == TENANT, Source.removed_at.is_(None))
        .order_by(Source.title, Source.id)
    )
    return [Company(source, link(source.id, locale), items) for source, items in rows]


def link(source_id: int, locale: str) -> str:
    """The company's own address of the form."""
    settings = settings_module.current()
    token = tokens.submission_token(tokens.LinkKeys(settings.link_keys), source_id)
    return f"{settings.base_url}/{'skicka-in' if locale == 'sv' else 'send-in'}/{token}"


def company(token: str) -> tuple[Source, NewsletterList]:
    """Whose link this is, and of which newsletter. Raises `LinkEnded`."""
    try:
        keys = tokens.LinkKeys(settings_module.current().link_keys)
        source_id = tokens.read_submission(keys, token)
    except tokens.BadToken as error:
        raise LinkEnded from error
    source = db.session.get(Source, source_id)
    if source is None or source.kind != TENANT or source.removed_at is not None or not source.lists:
        raise LinkEnded
    return source, source.lists[0]


def send_in(token: str, typed: desk.Typed, picture: bytes, now: datetime) -> int:
    """Keep what a company sent until an editor lets it in; returns the item's id.

    Raises `LinkEnded`, `EnoughWaits`, `library.NotAFile`, `desk.NotAWebAddress`, and ValueError
    without a headline.
    """
    source, _newsletter = company(token)
    source_id = source.id
    if not clean.plain_text(typed.title, 300):
        raise ValueError("An item needs a headline.")
    db.session.rollback()
    made = library.prepared(library.Upload(picture)) if picture else None
    with writing() as session:
        source = session.get_one(Source, source_id, with_for_update=True)
        if _waiting(source_id) >= MOST_WAITING or _since(source_id, now) >= MOST_A_DAY:
            raise EnoughWaits
        if made is not None:
            kept = library.stored(session, made, now)
            kept.alt = kept.alt or clean.plain_text(typed.image_alt, 500)
            typed = replace(typed, image_url=library.address(kept))
        item = Item(
            source_id=source_id,
            guid=f"sent:{token_hex(12)}",
            published_at=now,
            fetched_at=now,
            changed_at=now,
            held_at=now,
            compared=True,
            **desk.cleaned(typed),
        )
        session.add(item)
        session.flush()
        source.succeeded_at = now
        log.info("news_sent_in", extra={"source_id": source_id, "item_id": item.id})
        return item.id


def waiting(list_id: int) -> int:
    """How many pieces of news sent in wait for an editor."""
    return (
        db.session.scalar(
            select(func.count(Item.id))
            .join(list_source, list_source.c.source_id == Item.source_id)
            .where(
                list_source.c.list_id == list_id,
                Item.held_at.is_not(None),
                Item.hidden_at.is_(None),
            )
        )
        or 0
    )


def _waiting(source_id: int) -> int:
    held = (Item.source_id == source_id, Item.held_at.is_not(None), Item.hidden_at.is_(None))
    return db.session.scalar(select(func.count(Item.id)).where(*held)) or 0


def _since(source_id: int, now: datetime) -> int:
    today = (Item.source_id == source_id, Item.fetched_at > now - timedelta(days=1))
    return db.session.scalar(select(func.count(Item.id)).where(*today)) or 0
