"""What a machine puts right, and what somebody lets stand with a reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, let_stand, mend, preflight, release
from newsletter_service.issues.checks.case import link_key
from newsletter_service.models import (
    AuditEvent,
    Block,
    BlockKind,
    Issue,
    IssueState,
    LinkCheck,
    NewsletterList,
    writing,
)
from tests.integration.issues.conftest import NOW
from tests.world import World, world

ANNA = "anna@park.test"
PICTURE = "https://park.se/bilder/labb.jpg"


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A newsletter with three readers."""
    with world(sqlite_url, tmp_path) as made:
        made.readers(3)
        yield made


@pytest.fixture
def draft(desk: World) -> Issue:
    """A draft with a text of its own."""
    issue = db.session.get_one(Issue, desk.issue(IssueState.DRAFT))
    with writing() as session:
        session.refresh(issue)
        data = {"sv": {"markdown": "Vi ses [här på labbet](www.park.se/nytt labb)."}}
        issue.blocks.append(Block(kind=BlockKind.TEXT, position=2, data=data))
        issue.blocks[0].data = {"sv": issue.blocks[0].data["sv"] | {"url": "https://park.se/kryo"}}
        issue.version = issue.tested_version = 2
    return issue


def _edit(issue: Issue) -> blocks.Edit:
    db.session.refresh(issue)
    return blocks.Edit(issue.version, ANNA, NOW)


def _rules(issue: Issue) -> set[str]:
    db.session.expire_all()
    report = preflight.examine(db.session(), issue, NOW)
    return {one.rule for one in (*report.must, *report.should)}


def _write(issue: Issue, **words: str) -> None:
    blocks.write(issue.id, "sv", words, {}, _edit(issue))


def test_an_address_is_put_right_where_it_stands(draft: Issue) -> None:
    place = f"block:{draft.blocks[1].id}"
    mend.mend(draft.id, "link_broken", place, _edit(draft))

    db.session.refresh(draft)
    text = draft.blocks[1].values("sv")["markdown"]
    assert text == "Vi ses [här på labbet](https://www.park.se/nytt%20labb)."
    assert draft.version == 3
    assert db.session.scalars(select(AuditEvent.act)).all()[-2:] == [
        "issue.mended",
        "issue.changed",
    ]


@pytest.mark.parametrize(
    ("words", "field", "mended"),
    [
        ({"subject": "NYTT LABB!!"}, "subject", "Nytt labb"),
        ({"preheader": ""}, "preheader", "Hej! Här är höstens nyheter."),
        ({"introduction": "Torsdagen den 4 december."}, "introduction", "Fredagen den 4 december."),
        ({"introduction": "### Nytt\n\nHej."}, "introduction", "## Nytt\n\nHej."),
    ],
)
def test_words_are_put_right_in_one_go(
    draft: Issue, words: dict[str, str], field: str, mended: str
) -> None:
    _write(draft, **words)
    mend.mend_all(draft.id, _edit(draft))

    db.session.refresh(draft)
    assert getattr(draft.text("sv"), field) == mended
    assert _rules(draft) == {"untested"}


def test_several_faults_in_one_text_are_all_put_right(draft: Issue) -> None:
    _write(draft, introduction="[ett](www.park.se/ett) och [två](www.park.se/två)")
    mend.mend_all(draft.id, _edit(draft))

    db.session.refresh(draft)
    assert draft.text("sv").introduction == (
        "[ett](https://www.park.se/ett) och [två](https://www.park.se/tv%C3%A5)"
    )


def test_a_picture_gets_the_size_it_had(draft: Issue) -> None:
    with writing() as session:
        session.add(
            LinkCheck(
                url_key=link_key(PICTURE), url=PICTURE, tried_at=NOW, outcome="ok", width=1200,
                height=900, kind="image/jpeg",
            )
        )  # fmt: skip
    blocks.write(draft.id, "sv", {}, {draft.blocks[0].id: {"image_url": PICTURE}}, _edit(draft))
    assert "picture_unsized" in _rules(draft)

    mend.mend_all(draft.id, _edit(draft))
    db.session.refresh(draft)
    assert draft.blocks[0].values("sv")["image_height"] == 450


def test_a_part_is_taken_out_only_by_itself(draft: Issue) -> None:
    blocks.copy(draft.blocks[0].id, _edit(draft))
    db.session.refresh(draft)
    twin = draft.blocks[1].id
    mend.mend_all(draft.id, _edit(draft))
    assert "duplicate" in _rules(draft)

    mend.mend(draft.id, "duplicate", f"block:{twin}", _edit(draft))
    assert "duplicate" not in _rules(draft)


def test_nothing_is_counted_as_a_change_where_nothing_was_mended(draft: Issue) -> None:
    mend.mend_all(draft.id, _edit(draft))
    version = _edit(draft).version

    with pytest.raises(mend.NothingMended):
        mend.mend_all(draft.id, _edit(draft))
    assert _edit(draft).version == version


def test_a_warning_stands_with_a_reason_until_its_words_change(draft: Issue) -> None:
    mend.mend_all(draft.id, _edit(draft))
    _write(draft, subject="Nytt labb!!")
    with pytest.raises(let_stand.NoReason):
        let_stand.let_stand(draft.id, "subject_shouts", "subject:sv", " ", actor=ANNA, now=NOW)

    let_stand.let_stand(
        draft.id, "subject_shouts", "subject:sv", "Så heter det", actor=ANNA, now=NOW
    )
    assert "subject_shouts" not in _rules(draft)
    kept = db.session.scalars(select(AuditEvent).where(AuditEvent.act == "issue.let_stand")).one()
    assert (kept.actor, kept.detail["reason"]) == (ANNA, "Så heter det")

    let_stand.take_back(
        draft.id, preflight.examine(db.session(), draft, NOW).left[0][0].mark, actor=ANNA, now=NOW
    )
    assert "subject_shouts" in _rules(draft)


def test_what_must_be_mended_stands_only_for_an_administrator(draft: Issue) -> None:
    place = f"block:{draft.blocks[1].id}"
    why = "Sidan kommer på måndag"
    with pytest.raises(let_stand.NotAllowed):
        let_stand.let_stand(draft.id, "link_broken", place, why, actor=ANNA, now=NOW)

    let_stand.let_stand(draft.id, "link_broken", place, why, actor="chef", now=NOW, may_all=True)
    release.release(draft.id, actor=ANNA, now=NOW)
    assert draft.state == IssueState.SCHEDULED


def test_a_release_asks_why_a_warning_stands_and_keeps_the_answer(draft: Issue) -> None:
    mend.mend_all(draft.id, _edit(draft))
    with writing() as session:
        session.get_one(NewsletterList, draft.list_id).reply_to = "no-reply@park.se"

    with pytest.raises(release.Unexplained) as asked:
        release.release(draft.id, actor=ANNA, now=NOW, despite="")
    assert [one.rule for one in asked.value.findings] == ["no_reply"]

    release.release(draft.id, actor=ANNA, now=NOW, despite="Bytt på fredag")
    ((_finding, stands),) = preflight.examine(db.session(), draft, NOW).left
    assert (stands.reason, stands.actor) == ("Bytt på fredag", ANNA)
    sent = db.session.scalars(select(AuditEvent).where(AuditEvent.act == "issue.released")).one()
    assert sent.detail["warned"] == ["no_reply", "untested"]
