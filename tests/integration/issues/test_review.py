"""Approval: asked for, looked at, sent back or given, void after every change, late or in time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select

from newsletter_service.accounts import people
from newsletter_service.extensions import db
from newsletter_service.issues import approve, blocks, release, review
from newsletter_service.models import (
    IllegalMove,
    Issue,
    IssueState,
    NewsletterList,
    Notice,
    Role,
    Token,
    writing,
)
from tests.integration.issues.conftest import DAY, NOW
from tests.world import World

ANNA, ERIK = "anna@park.test", "erik@park.test"


@pytest.fixture
def asked(draft: Issue) -> Issue:
    """An issue of Anna's that she asked to have approved; Erik may."""
    people.create(ANNA, "", [Role.EDITOR])
    people.create(ERIK, "", [Role.APPROVER])
    with writing() as session:
        session.get_one(NewsletterList, draft.list_id).approval_required = True
        session.get_one(Issue, draft.id).created_by = ANNA
    assert review.ask(draft.id, actor=ANNA, now=NOW) == 1
    return draft


def _mails(address: str) -> list[str]:
    """The keys of what somebody was mailed, in order."""
    found = db.session.execute(
        select(Notice.kind, Notice.purpose_key).where(Notice.address == address).order_by(Notice.id)
    )
    return [kind if kind == "approval" else key.split(":")[0] for kind, key in found]


def _change(issue: Issue, text: str, actor: str = ANNA) -> None:
    edit = blocks.Edit(db.session.get_one(Issue, issue.id).version, actor, NOW)
    blocks.write(issue.id, "sv", {"introduction": text}, {}, edit)


def test_a_second_person_approves_and_not_the_writer(asked: Issue) -> None:
    with pytest.raises(approve.NotAllowed):
        approve.approve(asked.id, actor=ANNA, now=NOW)
    assert review.say_yes(asked.id, actor=ERIK, now=NOW, seen=_hash(asked)) is None
    release.release(asked.id, actor=ANNA, now=NOW + 2 * DAY)

    assert (asked.state, asked.approved_by) == (IssueState.SCHEDULED, ERIK)
    assert _mails(ANNA) == ["approved"]


def test_without_approval_nothing_is_released(asked: Issue) -> None:
    with pytest.raises(IllegalMove):
        release.release(asked.id, actor=ANNA, now=NOW)


def test_the_approver_gets_a_link_of_their_own_that_approves_nothing(asked: Issue) -> None:
    notice = db.session.scalars(select(Notice).where(Notice.kind == "approval")).one()
    token = db.session.scalars(select(Token)).one()

    assert (notice.address, notice.to_staff) == (ERIK, True)
    assert notice.values["path"] == f"/desk/utskick/{asked.id}/godkannande"
    assert token.subject_id == people.find(ERIK).id  # type: ignore[union-attr]
    assert asked.state == IssueState.IN_REVIEW


def test_what_was_sent_back_is_a_draft_and_its_writer_knows_why(asked: Issue) -> None:
    with pytest.raises(review.NoWord):
        review.send_back(asked.id, actor=ERIK, why="  ", now=NOW)
    review.send_back(asked.id, actor=ERIK, why="Fel datum", now=NOW)

    told = db.session.scalars(select(Notice).where(Notice.address == ANNA)).one()
    assert asked.state == IssueState.DRAFT
    assert "Fel datum" in told.values["what"]


def test_a_change_voids_the_approval_and_says_so(asked: Issue) -> None:
    approve.approve(asked.id, actor=ERIK, now=NOW)
    _change(asked, "Något annat.")

    assert (asked.state, asked.approved_hash) == (IssueState.DRAFT, "")
    assert review.steps(asked.id)[0].act == "voided"
    assert _mails(ERIK) == ["approval", "voided"]


def test_nobody_approves_what_they_did_not_see(asked: Issue) -> None:
    seen = _hash(asked)
    _change(asked, "Något annat.")
    review.ask(asked.id, actor=ANNA, now=NOW + timedelta(minutes=1))

    with pytest.raises(approve.Unseen):
        review.say_yes(asked.id, actor=ERIK, now=NOW, seen=seen)
    assert (asked.state, asked.approved_by) == (IssueState.IN_REVIEW, "")


def test_the_next_look_shows_what_has_changed_since(asked: Issue) -> None:
    assert review.changed_since(asked, ERIK) == (None, [])
    review.comment(asked.id, f"block:{asked.blocks[0].id}", "Vem?", actor=ERIK, now=NOW)
    _change(asked, "Hej! Här är vinterns nyheter.")

    seen, found = review.changed_since(asked, ERIK)
    assert seen is not None
    runs = [(run.mark, run.text) for run in found[0].lines[0][1]]
    assert ("-", "höstens") in runs
    assert ("+", "vinterns") in runs


def test_a_comment_stays_until_it_is_dealt_with(asked: Issue) -> None:
    made = review.comment(asked.id, "text", "Kortare?", actor=ERIK, now=NOW)
    assert [one.text for one in review.comments(asked.id)] == ["Kortare?"]

    review.settle_comment(made, actor=ANNA, now=NOW)
    assert review.comments(asked.id) == []


def test_approved_in_time_it_leaves_when_it_was_wanted_to(asked: Issue) -> None:
    review.take_back(asked.id, actor=ANNA, now=NOW)
    review.ask(asked.id, actor=ANNA, now=NOW, at_local="2026-12-03T09:00")
    leaves = review.say_yes(asked.id, actor=ERIK, now=NOW, seen=_hash(asked))

    assert leaves is not None
    assert f"{leaves:%Y-%m-%d %H:%M}" == "2026-12-03 08:00"
    assert (asked.state, asked.released_by) == (IssueState.SCHEDULED, ANNA)
    assert asked.send_at_zone == "Europe/Stockholm"


def test_not_approved_in_time_it_waits_and_both_are_told_once(asked: Issue) -> None:
    review.take_back(asked.id, actor=ANNA, now=NOW)
    review.ask(asked.id, actor=ANNA, now=NOW, at_local="2026-11-24T09:00")

    assert review.tell_late(NOW + timedelta(hours=1)) == []
    assert review.tell_late(NOW + 2 * DAY) == [asked.id]
    assert review.tell_late(NOW + 2 * DAY) == []
    assert asked.state == IssueState.IN_REVIEW
    assert (_mails(ANNA), _mails(ERIK)[-1]) == (["late"], "late")

    assert review.say_yes(asked.id, actor=ERIK, now=NOW + 3 * DAY, seen=_hash(asked)) is None
    assert asked.state == IssueState.APPROVED


def test_what_died_between_approving_and_planning_is_planned_by_the_scheduler(
    asked: Issue,
) -> None:
    review.take_back(asked.id, actor=ANNA, now=NOW)
    review.ask(asked.id, actor=ANNA, now=NOW, at_local="2026-12-03T09:00")
    approve.approve(asked.id, actor=ERIK, now=NOW)

    assert review.plan_approved(NOW) == [asked.id]
    assert review.plan_approved(NOW) == []
    assert asked.state == IssueState.SCHEDULED


def test_what_was_approved_too_late_to_be_planned_waits_and_its_writer_knows(
    asked: Issue,
) -> None:
    review.take_back(asked.id, actor=ANNA, now=NOW)
    review.ask(asked.id, actor=ANNA, now=NOW, at_local="2026-11-24T09:00")
    assert review.say_yes(asked.id, actor=ERIK, now=NOW + 2 * DAY, seen=_hash(asked)) is None

    assert (asked.state, asked.send_at) == (IssueState.APPROVED, None)
    assert _mails(ANNA)[-1] == "unplanned"


def test_approvals_raced_against_edits_never_hold_for_another_letter(
    desk: World, asked: Issue
) -> None:
    """Two people press at once, again and again: what is approved is what stands there."""
    issue_id, chance, held = asked.id, Random(6), []
    db.session.remove()

    def in_thread(act: Callable[[], object], faults: list[BaseException]) -> threading.Thread:
        def run() -> None:
            with desk.app.app_context():
                try:
                    act()
                except (approve.Unseen, approve.NotAllowed, IllegalMove, blocks.Changed):
                    pass  # the other one was first
                except BaseException as error:
                    faults.append(error)

        return threading.Thread(target=run)

    for turn in range(12):
        issue = db.session.get_one(Issue, issue_id)
        seen, version = _hash(issue), issue.version
        db.session.remove()
        edit = blocks.Edit(version, ANNA, NOW)
        faults: list[BaseException] = []
        threads = [
            in_thread(
                lambda t=turn, e=edit: blocks.write(  # type: ignore[misc]
                    issue_id, "sv", {"introduction": f"Ny text {t}."}, {}, e
                ),
                faults,
            ),
            in_thread(
                lambda s=seen: approve.approve(issue_id, actor=ERIK, now=NOW, seen=s),  # type: ignore[misc]
                faults,
            ),
        ]
        chance.shuffle(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults
        issue = db.session.get_one(Issue, issue_id)
        held.append(issue.state)
        # The edit always comes through, so no approval of the text before it may be left.
        assert issue.text("sv").introduction == f"Ny text {turn}."
        assert (issue.state, issue.approved_hash) == (IssueState.DRAFT, "")
        review.ask(issue_id, actor=ANNA, now=NOW + timedelta(minutes=turn + 1))
    assert held


def _hash(issue: Issue) -> str:
    return approve.hash_of(db.session(), db.session.get_one(Issue, issue.id))
