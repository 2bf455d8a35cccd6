"""Departure: what is planned is checked once more at its time, and held if it must be mended."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from newsletter_service.accounts import people
from newsletter_service.extensions import db
from newsletter_service.issues import dead_links, departure, late, let_stand, release
from newsletter_service.issues.checks.case import link_key
from newsletter_service.models import (
    AuditEvent,
    Edition,
    Issue,
    IssueState,
    LinkCheck,
    LinkOutcome,
    Notice,
    Organisation,
    Role,
    writing,
)
from tests.integration.issues.conftest import NOW
from tests.world import World

ANNA = "anna@park.test"
URL = "https://park.se/kryo"
TIME = NOW + timedelta(hours=23)
A_LITTLE = timedelta(minutes=1)


@pytest.fixture
def planned(draft: Issue) -> Issue:
    """An issue that leaves on the 24th at nine in Stockholm."""
    for name, role in (("anna", Role.EDITOR), ("otto", Role.OPERATOR), ("vera", Role.APPROVER)):
        people.create(f"{name}@park.test", name, [role])
    release.release(draft.id, actor=ANNA, now=NOW, at_local="2026-11-24T09:00")
    return draft


def _answers(outcome: LinkOutcome) -> None:
    """The page that the issue leads to answers so from now on."""
    with writing() as session:
        session.execute(delete(LinkCheck))
        row = LinkCheck(url_key=link_key(URL), url=URL, tried_at=TIME, outcome=outcome, status=404)
        session.add(row)


def _told() -> list[str]:
    db.session.rollback()
    rows = db.session.scalars(select(Notice).where(Notice.kind == "alert"))
    return sorted(f"{row.address.partition('@')[0]} {row.values['title']}" for row in rows)


def test_a_link_that_died_since_holds_the_issue_and_both_are_told_once(planned: Issue) -> None:
    _answers(LinkOutcome.GONE)

    for tick in range(3):
        assert departure.start_due(TIME + tick * A_LITTLE) == []

    title = "Nr 1 hålls kvar, inget har skickats"
    assert _told() == [f"anna {title}", f"otto {title}"]
    assert (planned.state, planned.held_at) == (IssueState.SCHEDULED, TIME)
    assert dead_links.found(db.session(), planned, TIME) == []  # the page says it once
    (event,) = db.session.scalars(select(AuditEvent).where(AuditEvent.act == "issue.held"))
    assert event.detail == {"rules": ["link_gone"]}
    night = TIME + timedelta(hours=9)
    assert late.tell(night) == []
    assert departure.start_due(night) == []


def test_a_held_issue_never_leaves_by_itself_though_the_page_is_back(planned: Issue) -> None:
    _answers(LinkOutcome.GONE)
    departure.start_due(TIME)
    _answers(LinkOutcome.OK)
    assert departure.found(db.session(), planned, TIME) == []
    db.session.rollback()
    assert departure.start_due(TIME + A_LITTLE) == []

    release.reschedule(planned.id, actor=ANNA, now=TIME + A_LITTLE)
    assert planned.held_at is None
    assert departure.start_due(TIME + timedelta(minutes=10)) == [planned.id]


def test_while_it_must_be_mended_nobody_sends_it_but_an_administrator_may_let_it_stand(
    planned: Issue,
) -> None:
    _answers(LinkOutcome.GONE)
    departure.start_due(TIME)
    with pytest.raises(release.Blocked):
        release.reschedule(planned.id, actor=ANNA, now=TIME + A_LITTLE)

    place = f"block:{planned.blocks[0].id}"
    let_stand.let_stand(
        planned.id, "link_gone", place, "Den öppnar i kväll", actor=ANNA, now=TIME, may_all=True
    )
    release.reschedule(planned.id, actor=ANNA, now=TIME + A_LITTLE)
    assert departure.start_due(TIME + timedelta(minutes=10)) == [planned.id]


def test_an_audience_that_grew_by_half_since_holds_until_somebody_writes_its_number(
    desk: World, planned: Issue
) -> None:
    desk.readers(40, first=100)
    assert departure.start_due(TIME) == []
    assert [one.rule for one in departure.found(db.session(), planned, TIME)] == ["grown"]
    (what,) = {row.values["what"] for row in db.session.scalars(select(Notice))}
    assert "tisdag 24 november kl. 09.00, men nu skulle många fler få det" in what

    db.session.rollback()
    with pytest.raises(release.Blocked):
        release.reschedule(planned.id, actor=ANNA, now=TIME + A_LITTLE)
    release.reschedule(planned.id, actor=ANNA, now=TIME + A_LITTLE, typed=43)
    assert departure.start_due(TIME + timedelta(minutes=10)) == [planned.id]


def test_what_is_checked_is_the_letter_that_will_be_sent(planned: Issue) -> None:
    with writing() as session:
        edition = session.get_one(Edition, (planned.id, "sv"))
        edition.html = edition.html.replace("unsubscribe_url", "nothing")
        session.get_one(Organisation, 1).contact_email = "nya@park.test"

    assert departure.start_due(TIME) == []
    rules = {one.rule for one in departure.found(db.session(), planned, TIME)}
    assert "footer_missing" in rules


def test_a_held_issue_that_is_taken_back_is_a_draft_like_any_other(planned: Issue) -> None:
    _answers(LinkOutcome.GONE)
    departure.start_due(TIME)
    release.undo(planned.id, actor=ANNA, now=TIME)
    assert (planned.state, planned.held_at, planned.send_at) == (IssueState.DRAFT, None, None)


def test_a_letter_that_cannot_be_looked_at_holds_and_stops_no_other(planned: Issue) -> None:
    with writing() as session:
        session.get_one(Edition, (planned.id, "sv")).html = ""

    assert departure.start_due(TIME) == []
    assert planned.held_at == TIME
