"""Times: missed ones ask, others are chosen, and the audience is what was looked at."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from newsletter_service.accounts import people
from newsletter_service.delivery import audience
from newsletter_service.extensions import db
from newsletter_service.issues import (
    approve,
    blocks,
    departure,
    late,
    recipients,
    release,
    selection,
)
from newsletter_service.models import (
    Delivery,
    Edition,
    IllegalMove,
    Issue,
    IssueState,
    Notice,
    Role,
    Subscriber,
    writing,
)
from newsletter_service.subscribers import segments
from tests.integration.issues.conftest import DAY, NOW
from tests.world import World

ANNA = "anna@park.test"
HOUR = timedelta(hours=1)
STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.fixture
def planned(draft: Issue) -> Issue:
    """An issue that leaves on the 24th at nine in Stockholm."""
    release.release(draft.id, actor=ANNA, now=NOW, at_local="2026-11-24T09:00")
    return draft


def test_r_9_14_what_was_missed_for_hours_asks_and_does_not_leave_at_night(
    planned: Issue,
) -> None:
    people.create(ANNA, "", [Role.EDITOR])
    night = planned.send_at + 14 * HOUR  # type: ignore[operator]

    assert departure.start_due(night) == []
    assert late.tell(night) == [planned.id]
    assert late.tell(night + HOUR) == []
    assert db.session.scalars(select(Notice.address)).all() == [ANNA]
    assert planned.state == IssueState.SCHEDULED

    release.reschedule(planned.id, actor=ANNA, now=night)
    assert departure.start_due(night + HOUR) == [planned.id]


def test_what_is_a_little_late_leaves(planned: Issue) -> None:
    a_little = planned.send_at + 2 * HOUR  # type: ignore[operator]
    assert late.tell(a_little) == []
    assert departure.start_due(a_little) == [planned.id]


def test_another_time_freezes_the_letter_with_its_new_day(planned: Issue) -> None:
    release.reschedule(planned.id, actor=ANNA, now=NOW, at_local="2026-12-03T09:00")

    edition = db.session.get_one(Edition, (planned.id, "sv"))
    assert "3 december 2026" in edition.text
    assert planned.send_at == datetime(2026, 12, 3, 8, tzinfo=UTC)
    assert (planned.send_at_local, planned.send_at_zone) == (
        "2026-12-03T09:00",
        "Europe/Stockholm",
    )


def test_a_draft_has_no_time_to_change(draft: Issue) -> None:
    with pytest.raises(IllegalMove):
        release.reschedule(draft.id, actor=ANNA, now=NOW)


def test_r_9_14_the_page_knows_the_nights_when_clocks_change() -> None:
    spring, autumn = datetime(2027, 3, 28, 2, 30), datetime(2027, 10, 31, 2, 30)  # noqa: DTZ001
    assert release.is_odd(spring, STOCKHOLM)
    assert release.is_odd(autumn, STOCKHOLM)
    assert not release.is_odd(autumn + 2 * HOUR, STOCKHOLM)
    assert f"{release.moment_of(spring, STOCKHOLM):%H.%M %z}" == "03.30 +0200"
    assert f"{release.moment_of(autumn, STOCKHOLM):%H.%M %z}" == "02.30 +0200"


def _english(desk: World, number: int) -> int:
    """A segment of those who read English, some of the readers."""
    with writing() as session:
        first = select(Subscriber.id).order_by(Subscriber.id).limit(number)
        session.execute(update(Subscriber).where(Subscriber.id.in_(first)).values(locale="en"))
    definition = {"all": [{"about": "language", "op": "is", "value": "en"}]}
    made = segments.save(desk.list_id, "Engelska", definition, actor=ANNA, now=NOW)
    return made.id


def _edit(issue: Issue) -> blocks.Edit:
    return blocks.Edit(db.session.get_one(Issue, issue.id).version, ANNA, NOW)


def test_a_segment_gets_it_as_it_was_when_it_was_released(desk: World, draft: Issue) -> None:
    english = _english(desk, 2)
    selection.choose(draft.id, english, _edit(draft))
    assert recipients.of_issue(db.session(), draft, NOW).reached == 2

    release.release(draft.id, actor=ANNA, now=NOW)
    everybody = {"any": [{"about": "language", "op": "is", "value": lo} for lo in ("sv", "en")]}
    segments.change(english, "Engelska", everybody, actor=ANNA, now=NOW)
    segments.remove(english, actor=ANNA, now=NOW)
    departure.start_due(NOW + HOUR)
    audience.expand(draft.id, NOW + HOUR)

    count = select(func.count()).where(Delivery.issue_id == draft.id)
    assert db.session.scalar(count) == 2
    assert selection.name(db.session(), draft) == "Engelska"


def test_a_segment_that_was_removed_before_the_release_stops_it(desk: World, draft: Issue) -> None:
    english = _english(desk, 2)
    selection.choose(draft.id, english, _edit(draft))
    segments.remove(english, actor=ANNA, now=NOW)

    with pytest.raises(release.Blocked) as stopped:
        release.release(draft.id, actor=ANNA, now=NOW)
    assert "no_recipients" in [one.rule for one in stopped.value.findings]


def test_choosing_others_voids_an_approval(desk: World, draft: Issue) -> None:
    approve.approve(draft.id, actor="erik@park.test", now=NOW)
    selection.choose(draft.id, _english(desk, 1), _edit(draft))
    assert draft.state == IssueState.DRAFT


def test_few_readers_get_no_first_wave(planned: Issue) -> None:
    release.undo(planned.id, actor=ANNA, now=NOW)
    release.release(planned.id, actor=ANNA, now=NOW + DAY, canary=True)
    assert planned.canary is False
