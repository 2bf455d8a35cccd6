"""The lab shows what would follow and changes nothing; judging anew shows who would change."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from newsletter_service.bounces import lab, own_rules, reclassify
from newsletter_service.extensions import db
from newsletter_service.models import AuditEvent, BounceState
from tests.integration.bounces.conftest import Sent
from tests.integration.bounces.reports import dsn

READER, OTHER = "reader2@reader.test", "reader3@reader.test"
ODD = "550 The gnome of this mailbox has gone fishing"
NOW = datetime.now(UTC)


def _rule(phrase: str = "gnome of this mailbox", reason: str = "userunknown") -> int:
    rule_id = own_rules.propose(phrase, reason, message_id=None, actor="op@park.test", now=NOW)
    own_rules.switch_on(rule_id, actor="op@park.test", now=NOW)
    return rule_id


def test_the_lab_tells_parts_rule_verdict_and_what_would_follow(sent: Sent) -> None:
    raw = dsn(READER, to=sent.sender_of(READER))

    seen = lab.examine(db.session(), raw, NOW)

    assert (seen.kind, seen.format) == ("bounce", "rfc3464")
    assert [part.content_type for part in seen.parts][:3] == [
        "multipart/report",
        "text/plain",
        "message/delivery-status",
    ]
    [recipient] = seen.recipients
    assert recipient.said is not None
    assert (recipient.said.kind, recipient.said.reason) == ("hard", "userunknown")
    assert recipient.rule
    assert seen.target is not None
    assert (seen.suppresses, seen.follows) == ("hard_bounce", "The address does not exist.")
    assert sent.events() == []
    assert sent.suppressed() == {}


def test_the_lab_shows_no_token_that_works(sent: Sent) -> None:
    raw = dsn(READER, returned=sent.message_to(READER))
    token = sent.sender_of(READER).partition("+")[2].partition("@")[0]

    seen = lab.examine(db.session(), raw, NOW)

    assert token not in "".join(part.text for part in seen.parts)
    assert all("/unsubscribe/" not in part.text or "…" in part.text for part in seen.parts)


def test_a_message_of_nobody_concerns_nobody(sent: Sent) -> None:
    seen = lab.examine(db.session(), dsn(READER), NOW)

    assert (seen.target, seen.suppresses, seen.follows) == (None, "", "")


def test_a_proposed_rule_changes_nothing_until_it_is_switched_on(sent: Sent) -> None:
    own_rules.propose("gnome of this mailbox", "userunknown", message_id=1, actor="op", now=NOW)
    sent.take_in(dsn(READER, status="5.0.0", diagnostic=ODD), sent.sender_of(READER))

    assert sent.events()[0].reason == "undefined"
    assert [change.after for change in reclassify.changes(NOW)] == []
    tried = (("gnome of this mailbox", "userunknown"),)
    assert [change.after for change in reclassify.changes(NOW, tried)] == ["hard/userunknown"]


def test_a_rule_that_is_on_judges_what_comes(sent: Sent) -> None:
    _rule()
    sent.take_in(dsn(READER, status="5.0.0", diagnostic=ODD), sent.sender_of(READER))

    assert sent.suppressed() == {READER: "hard_bounce"}


def test_judging_anew_shows_who_would_change_and_then_does_so(sent: Sent) -> None:
    sent.take_in(dsn(READER, status="5.0.0", diagnostic=ODD), sent.sender_of(READER))
    sent.take_in(dsn(OTHER), sent.sender_of(OTHER))
    _rule()

    [change] = reclassify.changes(NOW)
    assert (change.before, change.after) == ("soft/undefined", "hard/userunknown")
    assert (change.suppresses, change.releases) == (True, False)
    assert sent.suppressed() == {OTHER: "hard_bounce"}

    assert len(reclassify.apply(NOW, actor="op@park.test", release=False)) == 1
    db.session.expire_all()
    assert sent.suppressed() == {OTHER: "hard_bounce", READER: "hard_bounce"}
    assert len(sent.events()) == 2
    assert list(reclassify.changes(NOW)) == []
    acts = db.session.scalars(select(AuditEvent.act)).all()
    assert "bounces.reclassified" in acts


@pytest.mark.parametrize("release", [False, True])
def test_a_suppression_is_lifted_only_when_that_is_asked_for(sent: Sent, release: bool) -> None:
    rule_id = _rule()
    sent.take_in(dsn(READER, status="5.0.0", diagnostic=ODD), sent.sender_of(READER))
    assert sent.suppressed() == {READER: "hard_bounce"}
    own_rules.remove(rule_id, actor="op@park.test", now=NOW)

    [change] = reclassify.changes(NOW)
    assert change.releases
    reclassify.apply(NOW, actor="op@park.test", release=release)

    db.session.expire_all()
    assert sent.suppressed() == ({} if release else {READER: "hard_bounce"})


def test_what_nobody_understood_is_understood_anew(sent: Sent) -> None:
    raw = b"From: someone@elsewhere.test\r\nSubject: hello\r\n\r\n" + ODD.encode() + b"\r\n"
    kept = sent.take_in(raw, sent.sender_of(READER))
    assert kept.state == BounceState.UNREADABLE

    assert [m.id for m in lab.stored(db.session(), (BounceState.UNREADABLE,))] == [kept.id]


@pytest.mark.parametrize(
    ("phrase", "reason", "code"),
    [
        ("short", "userunknown", "short"),
        ("x" * 201, "userunknown", "long"),
        ("long enough", "?", "reason"),
    ],
)
def test_a_rule_that_could_do_harm_is_not_kept(
    sent: Sent, phrase: str, reason: str, code: str
) -> None:
    with pytest.raises(own_rules.BadRule) as refused:
        own_rules.propose(phrase, reason, message_id=None, actor="op", now=NOW)
    assert refused.value.code == code
