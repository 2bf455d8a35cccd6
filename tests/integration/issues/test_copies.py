"""An issue once more: as a copy, and as a correction to those who got it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from newsletter_service.delivery import audience
from newsletter_service.extensions import db
from newsletter_service.issues import copies, editions, recipients
from newsletter_service.models import Delivery, DeliveryState, Issue, IssueState, writing
from tests.world import World, world

NOW = datetime.now(UTC)
_D = DeliveryState


@pytest.fixture
def made(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as made:
        yield made


def sent_to(issue_id: int, states: dict[int, DeliveryState]) -> None:
    with writing() as session:
        session.execute(
            insert(Delivery),
            [
                {
                    "issue_id": issue_id,
                    "n": n,
                    "subscriber_id": subscriber_id,
                    "state": state,
                    "locale": "sv",
                }
                for n, (subscriber_id, state) in enumerate(states.items(), 1)
            ],
        )


def test_a_copy_has_the_same_words_and_goes_to_everybody(made: World) -> None:
    made.readers(3)
    first = made.issue(IssueState.SENT)
    second = db.session.get_one(Issue, copies.copy(first, actor="anna", now=NOW))
    assert (second.state, second.number) == (IssueState.DRAFT, 2)
    assert second.text("sv").subject == "Nytt labb på Fjällängen"
    assert [block.values("sv")["title"] for block in second.blocks] == ["Kryomikroskop för alla"]
    assert recipients.of_issue(db.session(), second, NOW).confirmed == 3


def test_a_correction_goes_to_those_who_have_or_may_have_the_issue(made: World) -> None:
    accepted, doubted, refused, skipped, newcomer = made.readers(5)
    first = made.issue(IssueState.SENT)
    sent_to(
        first,
        {
            accepted: _D.ACCEPTED,
            doubted: _D.IN_DOUBT,
            refused: _D.REFUSED,
            skipped: _D.SKIPPED,
        },
    )
    second = copies.correct(first, actor="anna", now=NOW)
    issue = db.session.get_one(Issue, second)
    assert issue.text("sv").subject == "Rättelse: Nytt labb på Fjällängen"
    assert recipients.of_issue(db.session(), issue, NOW).confirmed == 2
    with writing() as session:
        issue = session.get_one(Issue, second)
        issue.state, issue.released_at = IssueState.SENDING, NOW + timedelta(seconds=1)
        editions.freeze(session, issue, NOW)
    audience.expand(second, NOW)
    got = set(db.session.scalars(select(Delivery.subscriber_id).where(Delivery.issue_id == second)))
    assert got == {accepted, doubted}
    assert newcomer not in got


def test_a_draft_is_changed_and_not_corrected(made: World) -> None:
    draft = made.issue(IssueState.DRAFT)
    with pytest.raises(copies.NothingToCorrect):
        copies.correct(draft, actor="anna", now=NOW)
