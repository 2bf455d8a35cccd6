"""From approval to the frozen letter, and back while there is time."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter_service.address import InvalidAddress
from newsletter_service.extensions import db
from newsletter_service.issues import approve, blocks, release, trial
from newsletter_service.models import (
    Edition,
    IllegalMove,
    Issue,
    IssueState,
    NewsletterList,
    Notice,
    writing,
)
from newsletter_service.settings import current
from tests.integration.issues.conftest import NOW
from tests.world import World


def test_a_release_freezes_the_letter_with_its_day_and_leaves_time_to_undo(draft: Issue) -> None:
    leaves = release.release(draft.id, actor="anna@park.test", now=NOW)

    edition = db.session.get_one(Edition, (draft.id, "sv"))
    assert leaves - NOW == timedelta(seconds=current().undo_seconds)
    assert draft.state == IssueState.SCHEDULED
    assert "23 november 2026" in edition.text

    release.undo(draft.id, actor="anna@park.test", now=NOW)
    assert draft.state == IssueState.DRAFT
    assert db.session.scalars(select(Edition).where(Edition.issue_id == draft.id)).all() == []


def test_a_release_that_began_cannot_be_undone(desk: World) -> None:
    sending = desk.issue(IssueState.SENDING)

    with pytest.raises(IllegalMove):
        release.undo(sending, actor="anna@park.test", now=NOW)


def test_what_must_be_mended_stops_the_release_and_leaves_a_draft(draft: Issue) -> None:
    edit = blocks.Edit(draft.version, "anna@park.test", NOW)
    blocks.write(draft.id, "sv", {"introduction": "[Läs]()"}, {}, edit)

    with pytest.raises(release.Blocked) as stopped:
        release.release(draft.id, actor="anna@park.test", now=NOW)

    assert [finding.rule for finding in stopped.value.findings] == ["link_empty"]
    assert (draft.state, draft.approved_hash) == (IssueState.DRAFT, "")


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-12-03T09:00", datetime(2026, 12, 3, 8, 0, tzinfo=UTC)),
        ("2027-06-03T09:00", datetime(2027, 6, 3, 7, 0, tzinfo=UTC)),
        # the clocks skip from two to three: the hour that is missing is waited for
        ("2027-03-28T02:30", datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        # the hour that comes twice: the first of the two
        ("2027-10-31T02:30", datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
    ],
)
@pytest.mark.usefixtures("desk")
def test_r_9_14_a_local_time_becomes_utc_across_the_changes_of_clocks(
    local: str, utc: datetime
) -> None:
    assert release.local_time(local, current(), NOW) == utc


@pytest.mark.parametrize(
    ("local", "code"),
    [
        ("2026-11-23T09:59", "past"),
        ("2028-11-23T09:00", "too_far"),
        ("i morgon", "unreadable"),
        ("2026-12-03T09:00+05:00", "unreadable"),
        ("2026-12-03", "unreadable"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_a_time_that_cannot_be_used_says_why(local: str, code: str) -> None:
    with pytest.raises(release.BadTime) as refused:
        release.local_time(local, current(), NOW)
    assert refused.value.code == code


def test_another_letter_than_the_approved_one_is_not_sent(draft: Issue) -> None:
    approve.approve(draft.id, actor="erik@park.test", now=NOW)
    with writing() as session:
        session.get_one(NewsletterList, draft.list_id).name = "Ett annat namn"

    with pytest.raises(release.NotApproved):
        release.release(draft.id, actor="anna@park.test", now=NOW)
    assert draft.state == IssueState.APPROVED


def test_a_test_is_asked_for_each_time_and_marks_the_version(draft: Issue) -> None:
    for minute in range(2):
        moment = NOW + timedelta(minutes=minute)
        trial.send_test(draft.id, "Anna@park.test", "sv", actor="anna@park.test", now=moment)

    asked = db.session.scalars(select(Notice).where(Notice.kind == "test")).all()
    assert [notice.values["issue_id"] for notice in asked] == [draft.id, draft.id]
    assert draft.tested_version == draft.version


def test_a_test_to_no_address_is_refused(draft: Issue) -> None:
    with pytest.raises(InvalidAddress):
        trial.send_test(draft.id, "anna@", "sv", actor="anna@park.test", now=NOW)


def test_many_more_readers_leave_only_with_their_number(desk: World, draft: Issue) -> None:
    earlier = db.session.get_one(Issue, desk.issue(IssueState.SENT))
    with writing():
        earlier.audience, earlier.sent_at = 20, NOW - timedelta(days=14)
    desk.readers(30, first=100)

    with pytest.raises(release.Blocked) as stopped:
        release.release(draft.id, actor="anna@park.test", now=NOW, typed=20)
    assert [one.rule for one in stopped.value.findings] == ["many_more"]

    release.release(draft.id, actor="anna@park.test", now=NOW, typed=33)
    assert db.session.get_one(Issue, draft.id).state == IssueState.SCHEDULED
