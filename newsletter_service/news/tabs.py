"""What stands under each tab of the news desk. Queries only; each is shown once, folds inside."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, String, and_, cast, false, func, or_, select
from sqlalchemy.orm import Session, joinedload

from newsletter_service.extensions import db
from newsletter_service.models import Block, Issue, IssueState, Item, Source, list_source
from newsletter_service.news import folding, tagging
from newsletter_service.pictures import remote

TABS = ("new", "coming", "used", "hidden", "sent_in")
AT_ONCE = 50


@dataclass(frozen=True)
class Row:
    """An item as the desk shows it.

    `used_in` are numbers of the list's issues that carry it, `also` the items folded into it,
    `picture` the address of our own small one.
    """

    item: Item
    source_title: str
    used_in: list[int] = field(default_factory=list)
    also: list[Item] = field(default_factory=list)
    picture: str = ""


@dataclass(frozen=True)
class Wanted:
    """What to show: one of `TABS`, of those with these words, with this tag, from the nth on."""

    tab: str
    now: datetime
    today: date
    search: str = ""
    tag: str = ""
    skip: int = 0
    limit: int = AT_ONCE


def rows(list_id: int, wanted: Wanted) -> list[Row]:
    """The items of a list's sources, newest first (coming: soonest first)."""
    query = _wanted(list_id, wanted).options(joinedload(Item.source))
    order = _first_day().asc() if wanted.tab == "coming" else Item.published_at.desc()
    query = query.order_by(order, Item.id.desc()).offset(wanted.skip).limit(wanted.limit)
    found = list(db.session.scalars(query))
    ids = [item.id for item in found]
    also = folding.folded_into(ids)
    used = _used_in(list_id, {one.id: item.id for item in found for one in (item, *also[item.id])})
    pictures = remote.thumbs(db.session(), [item.image_url for item in found])
    return [
        Row(
            item,
            item.source.title,
            used.get(item.id, []),
            also[item.id],
            pictures.get(item.image_url, ""),
        )
        for item in found
    ]


def number(list_id: int, wanted: Wanted) -> int:
    """How many there are in all."""
    return _number(_wanted(list_id, wanted))


def counts(list_id: int, now: datetime, today: date) -> dict[str, int]:
    """How many items stand under each tab."""
    return {tab: number(list_id, Wanted(tab, now, today)) for tab in TABS}


def tags(list_id: int, wanted: Wanted, most: int = 12) -> list[tuple[str, int]]:
    """The tags that most of a tab's items have, with their numbers."""
    found: Counter[str] = Counter()
    query = _of_list(list_id).where(*_tab(list_id, wanted)).order_by(Item.id.desc()).limit(1000)
    for own, given in db.session.execute(query.with_only_columns(Item.own_tags, Item.tags)):
        found.update(dict.fromkeys([*own, *given], 1))
    return sorted(found.most_common(most), key=lambda one: (-one[1], one[0]))


def came_in(list_id: int, since: datetime) -> int:
    """How many items came in after a moment."""
    shown = (Item.hidden_at.is_(None), Item.held_at.is_(None), Item.folded_into_id.is_(None))
    return _number(_of_list(list_id).where(Item.fetched_at > since, *shown))


def unused(
    session: Session, list_id: int, since: datetime, now: datetime, today: date
) -> list[Item]:
    """What a new issue may carry, newest first: not used, not passed, not under embargo."""
    new = _tab(list_id, Wanted("new", now, today))
    query = _of_list(list_id).where(*new, Item.published_at >= since)
    order = (Item.published_at.desc(), Item.id.desc())
    return list(session.scalars(query.options(joinedload(Item.source)).order_by(*order)))


def _wanted(list_id: int, wanted: Wanted) -> Select[Item]:
    query = _of_list(list_id).where(*_tab(list_id, wanted))
    if wanted.search.strip():
        like = f"%{_escaped(wanted.search.strip())}%"
        words = (Item.title, Item.summary, Source.title)
        query = query.where(or_(*(column.ilike(like, escape="\\") for column in words)))
    if wanted.tag:
        like = f"%{_escaped(tagging.as_stored(wanted.tag))}%"
        columns = (cast(Item.own_tags, String), cast(Item.tags, String))
        query = query.where(or_(*(column.like(like, escape="\\") for column in columns)))
    return query


def _of_list(list_id: int) -> Select[Item]:
    return (
        select(Item)
        .join(Source, Source.id == Item.source_id)
        .join(list_source, list_source.c.source_id == Source.id)
        .where(list_source.c.list_id == list_id)
    )


def _tab(list_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    tab, today = wanted.tab, wanted.today
    carried = Item.id.in_(_carried(list_id))
    passed = or_(func.coalesce(Item.ends_on, Item.starts_on) < today, Item.last_day < today)
    waits = func.coalesce(Item.embargo_until > wanted.now, false())
    desk = [Item.folded_into_id.is_(None), Item.held_at.is_(None)]
    shown = [*desk, Item.hidden_at.is_(None)]
    if tab == "sent_in":
        return [Item.held_at.is_not(None), Item.hidden_at.is_(None)]
    if tab == "hidden":
        return [Item.folded_into_id.is_(None), Item.hidden_at.is_not(None)]
    if tab == "used":
        return [*shown, carried]
    if tab == "coming":
        return [*shown, or_(Item.starts_on >= today, Item.last_day >= today, waits)]
    if tab == "new":
        return [*shown, ~carried, ~waits, ~func.coalesce(passed, false())]
    raise ValueError(f"there is no tab {tab!r}")


def _carried(list_id: int) -> Select[int | None]:
    """What the list's issues carry; where they carry a folded item, the one that stands for it."""
    return (
        select(func.coalesce(Item.folded_into_id, Item.id))
        .join(Block, Block.item_id == Item.id)
        .join(Issue, Issue.id == Block.issue_id)
        .where(Issue.list_id == list_id, Issue.state != IssueState.CANCELLED)
        .correlate(None)
    )


def _first_day() -> ColumnElement[date | None]:
    return func.coalesce(Item.starts_on, Item.last_day, func.date(Item.embargo_until))


def _used_in(list_id: int, stands_for: dict[int, int]) -> dict[int, list[int]]:
    """The numbers of the issues that carry each item or one folded into it."""
    found: dict[int, list[int]] = {}
    carried = db.session.execute(
        select(Block.item_id, Issue.number)
        .join(Issue, and_(Issue.id == Block.issue_id, Issue.list_id == list_id))
        .where(Block.item_id.in_(stands_for), Issue.state != IssueState.CANCELLED)
        .order_by(Issue.number)
    )
    for item_id, issue_number in carried:
        numbers = found.setdefault(stands_for[item_id or 0], [])
        if issue_number not in numbers:
            numbers.append(issue_number)
    return found


def _number(query: Select[Item]) -> int:
    counted = query.with_only_columns(func.count(Item.id)).order_by(None)
    return db.session.scalar(counted) or 0


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
