"""What editors do with news: type it in, hide it, tag it, keep it until its day, let it in."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from newsletter_service.extensions import db
from newsletter_service.models import Item, writing
from newsletter_service.news import clean, sources, tagging
from newsletter_service.pictures import remote
from newsletter_service.queue import nudge

# Kinds of source whose words are ours to change.
WRITTEN_HERE = ("manual", "tenant")


@dataclass(frozen=True)
class Typed:
    """An item typed in by hand."""

    title: str
    summary: str = ""
    url: str = ""
    image_url: str = ""
    image_alt: str = ""
    starts_on: date | None = None
    last_day: date | None = None
    place: str = ""


@dataclass(frozen=True)
class Care:
    """What editors add to any item, wherever it came from."""

    tags: str = ""
    embargo_until: datetime | None = None


class NotAWebAddress(ValueError):
    """What was typed as an address leads nowhere on the web; `field` names it."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"{field} must be an address that begins with https://.")


def type_in(list_id: int, typed: Typed, now: datetime) -> int:
    """Keep an item of the editors' own; returns its id.

    Raises ValueError without a title, and `NotAWebAddress`.
    """
    if not clean.plain_text(typed.title, 300):
        raise ValueError("An item needs a headline.")
    with writing() as session:
        source = sources.manual(session, list_id, now)
        number = session.scalar(select(func.count()).where(Item.source_id == source.id)) or 0
        item = Item(
            source_id=source.id,
            guid=f"typed:{now.timestamp()}:{number}",
            published_at=now,
            fetched_at=now,
            changed_at=now,
            compared=False,
            **cleaned(typed),
        )
        session.add(item)
        session.flush()
        remote.ask(session, [item.image_url], now)
        nudge("news.fold")
        return item.id


def change(item_id: int, typed: Typed, now: datetime) -> None:
    """Change an item typed or sent in. Raises ValueError without a title, else LookupError."""
    if not clean.plain_text(typed.title, 300):
        raise ValueError("An item needs a headline.")
    with writing() as session:
        item = session.get(Item, item_id)
        if item is None or item.source.kind not in WRITTEN_HERE:
            raise LookupError(f"Item {item_id} was not typed in.")
        for name, value in cleaned(typed).items():
            setattr(item, name, value)
        item.changed_at = now
        remote.ask(session, [item.image_url], now)


def one(item_id: int) -> Item | None:
    """An item by its id."""
    return db.session.get(Item, item_id)


def care(item_id: int, wanted: Care) -> None:
    """Tag an item by hand and keep it back until a moment."""
    with writing() as session:
        item = session.get_one(Item, item_id)
        item.own_tags = tagging.read(wanted.tags)
        item.embargo_until = wanted.embargo_until


def let_in(item_ids: list[int]) -> None:
    """Let what was sent in stand among the news."""
    with writing() as session:
        for item in session.scalars(select(Item).where(Item.id.in_(item_ids))):
            item.held_at, item.compared = None, False
        nudge("news.fold")


def hide(item_ids: list[int], now: datetime | None) -> None:
    """Hide items from the desk, or with None show them again."""
    with writing() as session:
        for item in session.scalars(select(Item).where(Item.id.in_(item_ids))):
            item.hidden_at = now


def _address(field: str, text: str) -> str:
    found = clean.web_url(text, "")
    if text.strip() and found is None:
        raise NotAWebAddress(field)
    return found or ""


def cleaned(typed: Typed) -> dict[str, Any]:
    """What was typed as an item's values. Raises `NotAWebAddress`."""
    return {
        "url": _address("url", typed.url),
        "title": clean.plain_text(typed.title, 300),
        "summary": clean.plain_text(typed.summary, 2000),
        "image_url": _address("image_url", typed.image_url),
        "image_alt": clean.plain_text(typed.image_alt, 500),
        "starts_on": typed.starts_on,
        "last_day": typed.last_day,
        "place": clean.plain_text(typed.place, 200),
    }
