"""News that an earlier issue told under another name: from another site, or published anew."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.models import Block, Issue, IssueState, Item
from newsletter_service.news.alike import Known, Told, canonical

WITHIN = timedelta(days=180)


def without(session: Session, list_id: int, items: list[Item], now: datetime) -> list[Item]:
    """The items that no issue of the list told in the last half-year, in their order."""
    carried = _carried(session, list_id, now - WITHIN)
    if not carried:
        return items
    known = Known([told for told, _source in carried])
    sources = {told.id: source for told, source in carried}
    return [item for item in items if not _is_told(known, sources, item)]


def _is_told(known: Known, sources: dict[int, int], item: Item) -> bool:
    """One site's series look alike: of the same source only the address says that it is one."""
    new = Told(item.id, item.title, item.summary, item.url, item.starts_on)
    return any(
        sources[old.id] != item.source_id or canonical(old.url) == new.address
        for old in known.alike(new)
    )


def _carried(session: Session, list_id: int, since: datetime) -> list[tuple[Told, int]]:
    rows = session.execute(
        select(Item.id, Item.title, Item.summary, Item.url, Item.starts_on, Item.source_id)
        .join(Block, Block.item_id == Item.id)
        .join(Issue, Issue.id == Block.issue_id)
        .where(
            Issue.list_id == list_id,
            Issue.state != IssueState.CANCELLED,
            Issue.created_at >= since,
        )
        .distinct()
    )
    return [
        (Told(row.id, row.title, row.summary[:600], row.url, row.starts_on), row.source_id)
        for row in rows
    ]
