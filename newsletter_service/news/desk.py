"""The news desk: what there is to write about, what was used, what is hidden."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from newsletter_service.extensions import db
from newsletter_service.models import Block, Issue, IssueState, Item, Source, list_source, writing
from newsletter_service.news import clean, sources

TABS = ("new", "coming", "used", "hidden")


@dataclass(frozen=True)
class Row:
    """An item as the desk shows it; `used_in` are numbers of the list's issues that carry it."""

    item: Item
    source_title: str
    used_in: list[int] = field(default_factory=list)


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


class NotAWebAddress(ValueError):
    """What was typed as an address leads nowhere on the web; `field` names it."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"{field} must be an address that begins with https://.")


def rows(list_id: int, tab: str, today: date, *, search: str = "", limit: int = 200) -> list[Row]:
    """The items of a list's sources under one of `TABS`, newest first (coming: soonest first)."""
    query = _of_list(list_id).options(joinedload(Item.source))
    query = query.where(*_tab(list_id, tab, today))
    if search.strip():
        like = f"%{_escaped(search.strip())}%"
        query = query.where(
            or_(Item.title.ilike(like, escape="\\"), Item.summary.ilike(like, escape="\\"))
        )
    order = _first_day().asc() if tab == "coming" else Item.published_at.desc()
    found = list(db.session.scalars(query.order_by(order, Item.id.desc()).limit(limit)))
    used = _used_in(list_id, [item.id for item in found])
    return [Row(item, item.source.title, used.get(item.id, [])) for item in found]


def counts(list_id: int, today: date) -> dict[str, int]:
    """How many items stand under each tab."""
    return {
        tab: db.session.scalar(
            select(func.count(_of_list(list_id).where(*_tab(list_id, tab, today)).subquery().c.id))
        )
        or 0
        for tab in TABS
    }


def came_in(list_id: int, since: datetime) -> int:
    """How many items came in after a moment."""
    fetched = _of_list(list_id).where(Item.fetched_at > since, Item.hidden_at.is_(None))
    return db.session.scalar(select(func.count(fetched.subquery().c.id))) or 0


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
            **_cleaned(typed),
        )
        session.add(item)
        session.flush()
        return item.id


def change(item_id: int, typed: Typed, now: datetime) -> None:
    """Change an item that was typed in. Raises ValueError without a title, LookupError else."""
    if not clean.plain_text(typed.title, 300):
        raise ValueError("An item needs a headline.")
    with writing() as session:
        item = session.get(Item, item_id)
        if item is None or item.source.kind != "manual":
            raise LookupError(f"Item {item_id} was not typed in.")
        for name, value in _cleaned(typed).items():
            setattr(item, name, value)
        item.changed_at = now


def one(item_id: int) -> Item | None:
    """An item by its id."""
    return db.session.get(Item, item_id)


def hide(item_ids: list[int], now: datetime | None) -> None:
    """Hide items from the desk, or with None show them again."""
    with writing() as session:
        for item in session.scalars(select(Item).where(Item.id.in_(item_ids))):
            item.hidden_at = now


def unused(session: Session, list_id: int, since: datetime, today: date) -> list[Item]:
    """Recent items that no issue of the list carries and whose day has not passed, newest first."""
    query = _of_list(list_id).where(*_tab(list_id, "new", today), Item.published_at >= since)
    return list(session.scalars(query.order_by(Item.published_at.desc(), Item.id.desc())))


def _address(field: str, text: str) -> str:
    found = clean.web_url(text, "")
    if text.strip() and found is None:
        raise NotAWebAddress(field)
    return found or ""


def _cleaned(typed: Typed) -> dict[str, Any]:
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


def _of_list(list_id: int) -> Select[Item]:
    return (
        select(Item)
        .join(Source, Source.id == Item.source_id)
        .join(list_source, list_source.c.source_id == Source.id)
        .where(list_source.c.list_id == list_id)
    )


def _tab(list_id: int, tab: str, today: date) -> list[ColumnElement[bool]]:
    carried = (
        select(Block.id)
        .join(Issue, Issue.id == Block.issue_id)
        .where(
            Block.item_id == Item.id,
            Issue.list_id == list_id,
            Issue.state != IssueState.CANCELLED,
        )
        .exists()
    )
    passed = or_(
        func.coalesce(Item.ends_on, Item.starts_on) < today,
        Item.last_day < today,
    )
    shown = Item.hidden_at.is_(None)
    if tab == "hidden":
        return [Item.hidden_at.is_not(None)]
    if tab == "used":
        return [shown, carried]
    if tab == "coming":
        return [shown, or_(Item.starts_on >= today, Item.last_day >= today)]
    if tab == "new":
        return [shown, ~carried, func.coalesce(passed, False).is_(False)]
    raise ValueError(f"there is no tab {tab!r}")


def _first_day() -> ColumnElement[date | None]:
    return func.coalesce(Item.starts_on, Item.last_day)


def _used_in(list_id: int, item_ids: list[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    carried = db.session.execute(
        select(Block.item_id, Issue.number)
        .join(Issue, and_(Issue.id == Block.issue_id, Issue.list_id == list_id))
        .where(Block.item_id.in_(item_ids), Issue.state != IssueState.CANCELLED)
        .order_by(Issue.number)
    )
    for item_id, number in carried:
        found.setdefault(item_id or 0, []).append(number)
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
