"""Suggestions that come by themselves, once each, and leave by themselves only if told to."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter_service.accounts import people
from newsletter_service.extensions import db
from newsletter_service.issues import proposals
from newsletter_service.issues.rhythm import Rhythm
from newsletter_service.models import (
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

SET_AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
THURSDAY_NINE = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


@pytest.fixture
def made(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as made:
        people.create("anna@example.org", "Anna Ek", [str(Role.EDITOR)])
        people.create("olle@example.org", "Olle Alm", [str(Role.OPERATOR)])
        yield made


def news(made: World, *titles: str, now: datetime = SET_AT) -> None:
    with writing() as session:
        source = session.scalars(select(Source)).first()
        if source is None:
            source = Source(
                url="https://park.example.org/feed",
                kind="rss",
                due_at=now,
                created_at=now,
                lists=[session.get_one(NewsletterList, made.list_id)],
            )
            session.add(source)
            session.flush()
        for title in titles:
            session.add(
                Item(
                    source_id=source.id,
                    guid=title,
                    url=f"https://park.example.org/{len(title)}-{title.split()[0]}",
                    title=title,
                    summary=f"{title}. Mer om det i veckan.",
                    published_at=now,
                    fetched_at=now,
                    changed_at=now,
                )
            )


def keep_rhythm(made: World, least_news: int = 0) -> None:
    kept = Rhythm(date(2026, 11, 26), 2, time(9, 0), least_news)
    proposals.set_rhythm(made.list_id, kept, actor="anna", now=SET_AT)


def test_a_draft_comes_at_its_time_and_only_once(made: World) -> None:
    news(made, "Nytt labb", "Ny styrelse")
    keep_rhythm(made)
    assert proposals.propose_due(THURSDAY_NINE - timedelta(minutes=1)) == []
    (issue_id,) = proposals.propose_due(THURSDAY_NINE)
    assert proposals.propose_due(THURSDAY_NINE + timedelta(seconds=30)) == []
    assert db.session.get_one(Issue, issue_id).state == IssueState.DRAFT


def test_the_editors_and_nobody_else_are_told_in_their_language(made: World) -> None:
    news(made, "Nytt labb")
    keep_rhythm(made)
    (issue_id,) = proposals.propose_due(THURSDAY_NINE)
    notice = db.session.scalars(select(Notice)).one()
    assert notice.address == "anna@example.org"
    assert notice.values["title"] == "Ett förslag till nr 1 är klart"
    assert [part["title"] for part in notice.values["contents"]] == ["Nytt labb"]
    assert notice.values["contents"][0]["why"] == "Den enda nyheten."
    assert "skicka ett test" in notice.values["left"][-1]
    assert notice.values["url"].endswith(f"/desk/utskick/{issue_id}")


def test_nothing_new_and_a_waiting_draft_make_no_draft(made: World) -> None:
    keep_rhythm(made)
    assert proposals.propose_due(THURSDAY_NINE) == []
    news(made, "Nytt labb")
    (told,) = db.session.scalars(select(Notice))
    assert "Inget förslag" in told.values["title"]
    assert "ingen nyhet" in told.values["what"]
    fortnight = timedelta(weeks=2)
    assert len(proposals.propose_due(THURSDAY_NINE + fortnight)) == 1
    news(made, "Ny styrelse", now=THURSDAY_NINE + fortnight)
    assert proposals.propose_due(THURSDAY_NINE + 2 * fortnight) == []
    newsletter = db.session.get_one(NewsletterList, made.list_id)
    outcome = proposals.outcome_of(newsletter)
    assert outcome is not None
    assert (outcome.why, outcome.told) == ("draft_waits", True)
    assert db.session.scalar(select(func.count()).select_from(Notice)) == 3


def test_an_occasion_before_the_rhythm_began_is_not_made_up_for(made: World) -> None:
    news(made, "Nytt labb")
    proposals.set_rhythm(
        made.list_id, Rhythm(date(2026, 11, 23), 1, time(9, 0)), actor="anna", now=SET_AT
    )
    assert proposals.propose_due(SET_AT) == []


def test_it_leaves_by_itself_only_with_enough_news_a_clean_check_and_in_time(made: World) -> None:
    made.readers(3)
    news(made, "Nytt labb", "Ny styrelse", "Ny park")
    keep_rhythm(made, least_news=4)
    (few,) = proposals.propose_due(THURSDAY_NINE)
    assert db.session.get_one(Issue, few).state == IssueState.DRAFT


def test_a_late_scheduler_makes_the_draft_and_sends_nothing(made: World) -> None:
    made.readers(3)
    news(made, "Nytt labb", "Ny styrelse", "Ny park")
    keep_rhythm(made, least_news=1)
    (late,) = proposals.propose_due(THURSDAY_NINE + timedelta(days=1))
    assert db.session.get_one(Issue, late).state == IssueState.DRAFT


def test_where_it_may_it_is_scheduled_with_time_to_undo(made: World) -> None:
    made.readers(3)
    news(made, "Nytt labb i ljushuset", "Ny styrelse vald", "Park för alla")
    keep_rhythm(made, least_news=3)
    (issue_id,) = proposals.propose_due(THURSDAY_NINE)
    issue = db.session.get_one(Issue, issue_id)
    assert issue.state == IssueState.SCHEDULED
    assert issue.send_at is not None
    assert issue.send_at > THURSDAY_NINE
    assert "går iväg" in db.session.scalars(select(Notice)).one().values["title"]


def test_a_rhythm_that_ended_suggests_nothing(made: World) -> None:
    news(made, "Nytt labb")
    keep_rhythm(made)
    proposals.set_rhythm(made.list_id, None, actor="anna", now=SET_AT)
    assert proposals.propose_due(THURSDAY_NINE) == []
    assert proposals.of_list(db.session.get_one(NewsletterList, made.list_id)) is None
