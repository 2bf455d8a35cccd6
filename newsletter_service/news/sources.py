"""The sources of a newsletter: adding a feed to it, taking one away, and how they are."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.extensions import db
from newsletter_service.models import Item, NewsletterList, Source, list_source, writing
from newsletter_service.news import folding
from newsletter_service.queue import nudge

SILENT_AFTER = 3
# A feed is quiet after so many times its usual pause, at least and at most so long.
QUIET_TIMES = 4
QUIET_AFTER, QUIET_AT_LAST = timedelta(days=45), timedelta(days=180)
MANUAL = "manual:"
# Kinds without an address to fetch: what editors type in, what companies of the house send in.
NOT_FETCHED = ("manual", "tenant")


@dataclass(frozen=True)
class NewSource:
    """A feed as it was found; the next fetch settles what is left empty."""

    url: str
    kind: str = "rss"
    title: str = ""
    site_url: str = ""


@dataclass(frozen=True)
class SourceHealth:
    """A source of a list, how many items it has given, and when they were published."""

    source: Source
    items: int
    newest: datetime | None = None
    oldest: datetime | None = None

    def quiet_since(self, now: datetime) -> datetime | None:
        """When its last item came, if it answers but has told nothing for unusually long."""
        if self.newest is None or self.oldest is None or self.source.failures:
            return None
        usual = (self.newest - self.oldest) / max(self.items - 1, 1)
        longest = max(QUIET_AFTER, min(usual * QUIET_TIMES, QUIET_AT_LAST))
        return self.newest if now - self.newest > longest else None

    @property
    def is_silent(self) -> bool:
        """Whether it has failed so often in a row that somebody should look."""
        return self.source.failures >= SILENT_AFTER


def add(list_id: int, new: NewSource, *, actor: str, now: datetime) -> Source:
    """Give a list a source, known already or not, and have it fetched."""
    with writing() as session:
        newsletter = session.get_one(NewsletterList, list_id)
        source = session.scalar(select(Source).where(Source.url == new.url))
        if source is None:
            source = _made(session, new, now)
        elif source.removed_at is not None:
            source.removed_at, source.failures, source.last_error = None, 0, ""
        source.due_at = now
        if newsletter not in source.lists:
            source.lists.append(newsletter)
        session.flush()
        audit.record(session, actor, "source.added", f"source:{source.id}", list_id=list_id)
        nudge("news.fetch", source.id)
    return source


def remove(list_id: int, source_id: int, *, actor: str, now: datetime) -> None:
    """Take a source from a list; fetched no more when no other list has it. Items stay."""
    with writing() as session:
        session.execute(
            delete(list_source).where(
                list_source.c.list_id == list_id, list_source.c.source_id == source_id
            )
        )
        source = session.get_one(Source, source_id)
        session.refresh(source)
        folding.release_followers(session, source_id)
        nudge("news.fold")
        if not source.lists:
            source.removed_at = now
        audit.record(session, actor, "source.removed", f"source:{source_id}", list_id=list_id)


def refresh(list_id: int, *, actor: str, now: datetime) -> int:
    """Have every source of a list fetched now; returns how many."""
    with writing() as session:
        ids = list(
            session.scalars(
                select(Source.id)
                .join(list_source, list_source.c.source_id == Source.id)
                .where(
                    list_source.c.list_id == list_id,
                    Source.removed_at.is_(None),
                    Source.kind.not_in(NOT_FETCHED),
                )
            )
        )
        session.execute(update(Source).where(Source.id.in_(ids)).values(due_at=now))
        audit.record(session, actor, "source.refreshed", f"list:{list_id}", sources=len(ids))
        for source_id in ids:
            nudge("news.fetch", source_id)
        return len(ids)


def of_list(list_id: int) -> list[SourceHealth]:
    """A list's sources with their health, oldest first."""
    counted = (
        select(
            Item.source_id,
            func.count(Item.id).label("n"),
            func.max(Item.published_at).label("newest"),
            func.min(Item.published_at).label("oldest"),
        )
        .group_by(Item.source_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Source, func.coalesce(counted.c.n, 0), counted.c.newest, counted.c.oldest)
        .join(list_source, list_source.c.source_id == Source.id)
        .outerjoin(counted, counted.c.source_id == Source.id)
        .where(
            list_source.c.list_id == list_id,
            Source.removed_at.is_(None),
            Source.kind.not_in(NOT_FETCHED),
        )
        .order_by(Source.id)
    )
    return [SourceHealth(*row) for row in rows]


def manual(session: Session, list_id: int, now: datetime) -> Source:
    """The list's source of what its editors type in, made when first needed."""
    url = f"{MANUAL}{list_id}"
    source = session.scalar(select(Source).where(Source.url == url))
    if source is None:
        source = _made(session, NewSource(url, kind="manual"), now)
        source.lists.append(session.get_one(NewsletterList, list_id))
        session.flush()
    return source


def _made(session: Session, new: NewSource, now: datetime) -> Source:
    source = Source(
        url=new.url,
        kind=new.kind,
        title=new.title[:300],
        site_url=new.site_url[:1000],
        due_at=now,
        created_at=now,
    )
    session.add(source)
    return source
