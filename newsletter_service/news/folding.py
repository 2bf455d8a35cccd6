"""News that several sources tell is shown once: the first to come stands for the rest.

Folded where every newsletter of the later source also reads the earlier one, so that no desk
loses an item. What an editor took apart stays so. Done anew it changes nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from newsletter_service.extensions import db
from newsletter_service.models import Item, NewsletterList, Source, list_source, writing
from newsletter_service.news.alike import Known, Told, canonical

log = logging.getLogger(__name__)

# How far apart two sites tell the same.
WITHIN = timedelta(days=21)
AT_ONCE = 500


def fold(now: datetime) -> int:
    """Compare what came in with what was there; returns how many items were folded."""
    folded = 0
    while True:
        with writing() as session:
            # one at a time: two that compared at once would each miss what the other stored
            session.execute(select(NewsletterList.id).order_by(NewsletterList.id).with_for_update())
            new = _uncompared(session)
            if new:
                folded += _compare(session, new)
        if len(new) < AT_ONCE:
            break
    if folded:
        log.info("news_folded", extra={"items": folded})
    return folded


def is_due() -> bool:
    """Whether something came in that was not compared yet, for the sweep."""
    return db.session.scalar(select(Item.id).where(Item.compared.is_(False)).limit(1)) is not None


def take_apart(item_id: int, now: datetime) -> int | None:
    """Show a folded item by itself, for good; returns the id of the one that stood for it."""
    with writing() as session:
        item = session.get_one(Item, item_id)
        leader, item.folded_into_id = item.folded_into_id, None
        item.stands_alone, item.changed_at = True, now
        return leader


def folded_into(item_ids: Sequence[int]) -> dict[int, list[Item]]:
    """The items that each of these stands for."""
    found: dict[int, list[Item]] = defaultdict(list)
    followers = select(Item).where(Item.folded_into_id.in_(item_ids)).order_by(Item.id)
    for item in db.session.scalars(followers):
        found[item.folded_into_id or 0].append(item)
    return found


def release_followers(session: Session, source_id: int) -> None:
    """Inside a verb: what the items of a source stood for is shown by itself, and compared anew."""
    leaders = select(Item.id).where(Item.source_id == source_id)
    session.execute(
        update(Item)
        .where(Item.folded_into_id.in_(leaders), Item.source_id != source_id)
        .values(folded_into_id=None, compared=False)
        .execution_options(synchronize_session=False)
    )


def _uncompared(session: Session) -> list[Item]:
    return list(
        session.scalars(
            select(Item).where(Item.compared.is_(False)).order_by(Item.id).limit(AT_ONCE)
        )
    )


def _compare(session: Session, new: list[Item]) -> int:
    standing = _Standing(session, new)
    folded = 0
    for item in new:
        item.compared = True
        if item.stands_alone or item.folded_into_id is not None:
            continue
        leader = standing.leader(item)
        if leader is not None:
            item.folded_into_id = leader
            folded += 1
    return folded


class _Standing:
    """What stands on the desks already, with the newsletters that read it."""

    def __init__(self, session: Session, new: list[Item]) -> None:
        self._readers: dict[int, set[int]] = defaultdict(set)
        for list_id, source_id in session.execute(
            select(list_source.c.list_id, list_source.c.source_id)
        ):
            self._readers[source_id].add(list_id)
        since = min(item.published_at for item in new) - WITHIN
        self._rows = {row.id: row for row in _standing(session, since)}
        self._known = Known([_told(row) for row in self._rows.values()])

    def leader(self, item: Item) -> int | None:
        """The item that stands for this one, if any; this one then stands for nothing itself."""
        words = Told(item.id, item.title, item.summary, item.url, item.starts_on)
        for told in self._known.alike(words):
            if told.id in self._rows and self._may_lead(self._rows[told.id], item, words):
                self._rows.pop(item.id, None)
                return told.id
        return None

    def _may_lead(self, row: Row[tuple[int, ...]], item: Item, words: Told) -> bool:
        if row.id >= item.id or abs(row.published_at - item.published_at) > WITHIN:
            return False
        if row.source_id == item.source_id:  # a site's own series look alike: by address only
            return bool(words.address) and canonical(row.url) == words.address
        return self._readers[item.source_id] <= self._readers[row.source_id]


def _standing(session: Session, since: datetime) -> Sequence[Row[tuple[int, ...]]]:
    columns = (Item.id, Item.source_id, Item.published_at, Item.title, Item.url, Item.starts_on)
    return session.execute(
        select(*columns, func.substr(Item.summary, 1, 600).label("summary"))
        .join(Source, Source.id == Item.source_id)
        .where(Item.published_at >= since, Item.folded_into_id.is_(None), Item.held_at.is_(None))
        .order_by(Item.id)
    ).all()


def _told(row: Row[tuple[int, ...]]) -> Told:
    return Told(row.id, row.title, row.summary, row.url, row.starts_on)
