"""Complaints: told at one in a thousand, paused at three, each once (R 1.8)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter_service.accounts import people
from newsletter_service.delivery import complaints, control
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    BounceEvent,
    BounceKind,
    Issue,
    IssueState,
    Notice,
    Role,
    writing,
)
from newsletter_service.operations import alarms
from tests.world import World, world

NOW = datetime.now(UTC)


@pytest.fixture
def sending(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as made:
        people.create("drift@park.test", "", [Role.OPERATOR])
        yield made


def _issue(made: World, accepted: int, complained: int) -> int:
    issue_id = made.issue(IssueState.SENDING)
    with writing() as session:
        session.add(Batch(issue_id=issue_id, first_n=1, last_n=accepted, accepted=accepted))
    _complain(issue_id, range(1, complained + 1))
    return issue_id


def _complain(issue_id: int, copies: range) -> None:
    with writing() as session:
        for n in copies:
            session.add(
                BounceEvent(
                    address_key=bytes([n]) * 32,
                    domain="reader.test",
                    issue_id=issue_id,
                    n=n,
                    source="arf",
                    at=NOW,
                    kind=BounceKind.COMPLAINT,
                    reason="feedback",
                    final=True,
                )
            )


def _state(issue_id: int) -> IssueState:
    db.session.rollback()
    return IssueState(db.session.get_one(Issue, issue_id).state)


@pytest.mark.parametrize(
    ("accepted", "complained", "state", "told"),
    [
        (10_000, 4, IssueState.SENDING, 0),
        (10_000, 10, IssueState.SENDING, 0),
        (10_000, 11, IssueState.SENDING, 1),
        (10_000, 30, IssueState.SENDING, 1),
        (10_000, 31, IssueState.PAUSED, 1),
        (100, 4, IssueState.SENDING, 0),
        (100, 5, IssueState.PAUSED, 1),
    ],
)
def test_r_1_8_complaints_are_told_then_pause_the_issue(
    sending: World, accepted: int, complained: int, state: IssueState, told: int
) -> None:
    issue_id = _issue(sending, accepted, complained)
    complaints.watch(NOW)
    complaints.watch(NOW)

    assert _state(issue_id) == state
    assert alarms.tell(NOW) == told
    assert alarms.tell(NOW) == 0
    assert db.session.query(Notice).count() == told


def test_what_somebody_let_go_on_is_not_paused_again(sending: World) -> None:
    issue_id = _issue(sending, 1000, 6)
    complaints.watch(NOW)
    control.resume(issue_id, "drift@park.test", NOW)
    _complain(issue_id, range(7, 12))
    complaints.watch(NOW)

    assert _state(issue_id) == IssueState.SENDING
