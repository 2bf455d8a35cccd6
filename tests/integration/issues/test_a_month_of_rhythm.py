"""A month of suggestions, with the scheduler killed at random: each occasion once, all told.

A scheduler is killed by an exception that nothing catches, before the nth statement it sends or
at a commit. For the database that is what SIGKILL is: the connection ends, and what was not
committed is rolled back.
"""

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from newsletter_service.accounts import people
from newsletter_service.extensions import db
from newsletter_service.issues import proposals
from newsletter_service.issues.rhythm import Rhythm
from newsletter_service.models import (
    AuditEvent,
    Issue,
    IssueState,
    Item,
    NewsletterList,
    Notice,
    Role,
    Source,
    writing,
)
from tests.world import World, world

START = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)  # summer time ends on the 25th
WEEKS = 5


class Killed(BaseException):
    """The scheduler is no more."""


@pytest.fixture
def made(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as made:
        people.create("anna@example.org", "Anna Ek", [str(Role.EDITOR)])
        people.create("olle@example.org", "Olle Alm", [str(Role.EDITOR)])
        made.readers(3)
        yield made


@contextmanager
def killed_at(number: int) -> Iterator[list[int]]:
    """Die at the nth statement or commit from here on; 0 never does."""
    seen = [0]

    def count(*_details: Any) -> None:
        seen[0] += 1
        if seen[0] == number:
            raise Killed

    hooks = ("before_cursor_execute", "commit")
    for hook in hooks:
        event.listen(db.engine, hook, count)
    try:
        yield seen
    finally:
        for hook in hooks:
            event.remove(db.engine, hook, count)


def tick(now: datetime, kill: int) -> bool:
    """One tick of the scheduler, perhaps its last; whether it lived."""
    lived = True
    try:
        with killed_at(kill):
            proposals.propose_due(now)
    except Killed:
        lived = False
    if not lived:  # outside the handler: a dead process holds no lock, a traceback's cursor does
        db.session.remove()
        db.engine.dispose()
        gc.collect()
    return lived


def news(made: World, week: int, now: datetime) -> None:
    with writing() as session:
        source = session.scalars(select(Source)).first() or Source(
            url="https://park.test/feed",
            kind="rss",
            due_at=now,
            created_at=now,
            lists=[session.get_one(NewsletterList, made.list_id)],
        )
        session.add(source)
        session.flush()
        for n, words in enumerate(("Nytt labb öppnar", "Styrelsen vald", "Bolag anställer")):
            title = f"{words} i hus {week}{n}"
            item = Item(
                source_id=source.id, guid=title, title=title, summary=f"{title}. Mer snart."
            )
            item.url = f"https://park.test/{week}/{n}"
            item.published_at = item.fetched_at = item.changed_at = now
            session.add(item)


@pytest.mark.parametrize("seed", range(3))
def test_a_month_with_kills_makes_each_draft_once_and_tells_everybody_once(
    made: World, seed: int
) -> None:
    dice = random.Random(seed)
    first = START.date() + timedelta(days=3)
    with_news = [week for week in range(WEEKS) if week != 2]
    kept = Rhythm(first, 1, time(9, 0), least_news=3)
    proposals.set_rhythm(made.list_id, kept, actor="anna", now=START)
    kills = 0
    for week in range(WEEKS):
        monday = START + timedelta(weeks=week)
        if week in with_news:
            news(made, week, monday)
        for hour in range(72, 78):  # Thursday from 06 to 12 UTC, a tick every ten minutes
            for minute in range(0, 60, 10):
                now = monday + timedelta(hours=hour, minutes=minute)
                kill = dice.randrange(1, 90) if dice.random() < 0.8 and hour < 77 else 0
                kills += not tick(now, kill)
        _settle(monday + timedelta(days=5))

    issues = db.session.scalars(select(Issue).order_by(Issue.number)).all()
    assert kills >= 5
    assert [issue.number for issue in issues] == list(range(1, len(with_news) + 1))
    for issue in issues:
        titles = [block.values("sv")["title"] for block in issue.blocks if block.item_id]
        assert len(titles) == len(set(titles)) == 3
    everything = [block.item_id for issue in issues for block in issue.blocks if block.item_id]
    assert len(everything) == len(set(everything))
    _check_mails(len(with_news), WEEKS)


def _settle(now: datetime) -> None:
    """The issue of the week has gone, whether by itself or by hand."""
    with writing() as session:
        for issue in session.scalars(select(Issue).where(Issue.state != IssueState.SENT)):
            issue.state = IssueState.SENT
            issue.sent_at = now


def _check_mails(drafts: int, weeks: int) -> None:
    notices = db.session.scalars(select(Notice)).all()
    assert len(notices) == 2 * weeks  # both editors, every week, once
    none = [notice for notice in notices if not notice.values["contents"]]
    assert len(none) == 2 * (weeks - drafts)
    released = select(func.count()).where(AuditEvent.act == "issue.released")
    leaving = [notice for notice in notices if "går iväg" in notice.values["title"]]
    assert len(leaving) == 2 * (db.session.scalar(released) or 0)
