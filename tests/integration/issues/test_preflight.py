"""The check: a failing issue for each rule, and one that passes them all (requirements.md 7)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, preflight
from newsletter_service.models import (
    Block,
    BlockKind,
    Issue,
    IssueState,
    NewsletterList,
    Organisation,
    Subscriber,
    Suppression,
    SuppressionReason,
    writing,
)
from tests.integration.issues.conftest import NOW
from tests.world import World

Spoil = Callable[[Issue], None]


@pytest.fixture
def good(desk: World) -> Issue:
    """An issue with nothing to find fault with."""
    issue = db.session.get_one(Issue, desk.issue(IssueState.DRAFT))
    with writing() as session:
        session.refresh(issue)
        issue.blocks[0].data = {"sv": dict(issue.blocks[0].data["sv"], url="https://park.se/kryo")}
        issue.newsletter.sender_address = "nyhetsbrev@park.se"
        issue.tested_version = issue.version
    return issue


def _found(issue: Issue) -> set[str]:
    return {finding.rule for finding in preflight.check(db.session(), issue, NOW)}


def _text(**words: str) -> Spoil:
    def spoil(issue: Issue) -> None:
        for name, value in words.items():
            setattr(issue.text("sv"), name, value)

    return spoil


def _block(**values: Any) -> Spoil:
    def spoil(issue: Issue) -> None:
        issue.blocks[0].data = {"sv": dict(issue.blocks[0].data["sv"], **values)}

    return spoil


def _more(kind: BlockKind, **values: Any) -> Spoil:
    def spoil(issue: Issue) -> None:
        data = {"sv": blocks.complete(kind, values)}
        issue.blocks.append(Block(kind=kind, position=9, data=data))

    return spoil


def _list(**values: Any) -> Spoil:
    def spoil(issue: Issue) -> None:
        newsletter = db.session.get_one(NewsletterList, issue.list_id)
        for name, value in values.items():
            setattr(newsletter, name, value)

    return spoil


def _organisation(**values: Any) -> Spoil:
    def spoil(_issue: Issue) -> None:
        for name, value in values.items():
            setattr(db.session.get_one(Organisation, 1), name, value)

    return spoil


def _empty(issue: Issue) -> None:
    issue.blocks = []


def _twice(issue: Issue) -> None:
    issue.blocks.append(Block(kind="item", position=2, data=issue.blocks[0].data))


def _untested(issue: Issue) -> None:
    issue.tested_version = None


def _nobody(_issue: Issue) -> None:
    for reader in db.session.query(Subscriber):
        db.session.add(
            Suppression(
                address_key=reader.address_key,
                reason=SuppressionReason.HARD_BOUNCE,
                source="test",
                first_at=NOW,
                last_at=NOW,
            )
        )


LONG = "Allt om vårens seminarier, labb, tävlingar och möten i hela parken"
BAD = {
    "subject_missing": _text(subject=" "),
    "no_content": _empty,
    "placeholder": _text(introduction="Hej {{ namn }}"),
    "empty_block": _more(BlockKind.QUOTE, by="Anna"),
    "address_missing": _organisation(postal_address=""),
    "contact_missing": _organisation(contact_email=""),
    "sender_unusable": _list(sender_address="parken@gmail.com"),
    "no_recipients": _nobody,
    "link_empty": _more(BlockKind.BUTTON, text="Anmäl dig"),
    "link_broken": _block(url="https://park.se/nytt labb"),
    "link_private": _block(url="http://127.0.0.1:8100/kryo"),
    "link_reserved": _block(url="https://www.example.com/kryo"),
    "too_large": _more(BlockKind.TEXT, markdown="ord " * 26_000),
    "large": _more(BlockKind.TEXT, markdown="ord " * 20_000),
    "subject_long": _text(subject=LONG),
    "subject_shouts": _text(subject="NYTT LABB"),
    "preheader_missing": _text(preheader=""),
    "preheader_repeats": _text(preheader="Nytt labb på Fjällängen"),
    "no_reply": _list(reply_to="no-reply@park.se"),
    "picture_undescribed": _more(BlockKind.IMAGE, url="https://park.se/labb.jpg"),
    "picture_insecure": _block(image_url="http://park.se/labb.jpg"),
    "link_shortened": _block(url="https://bit.ly/abc"),
    "vague_link": _block(link_text="Klicka här"),
    "duplicate": _twice,
    "day_passed": _block(last_day="2026-11-22"),
    "weekday_wrong": _text(introduction="Välkommen måndagen den 3 december!"),
    "language_missing": _list(locales=["sv", "en"]),
    "untested": _untested,
}


def test_a_good_issue_passes(good: Issue) -> None:
    assert _found(good) == set()


@pytest.mark.parametrize("rule", BAD)
def test_each_rule_finds_its_fault_and_says_what_to_do(good: Issue, rule: str) -> None:
    BAD[rule](good)

    mine = [f for f in preflight.check(db.session(), good, NOW) if f.rule == rule]
    assert mine
    assert mine[0].what.endswith((".", "”", "”.")), mine[0].what
    assert "%(" not in mine[0].what + mine[0].remedy


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "https://", "nyheter"),
        *("https://forskningsparken å.se/", "https://å.se/", "http://[::1", "mailto:"),
    ],
)
def test_an_address_that_nobody_can_open_blocks(good: Issue, url: str) -> None:
    _block(url=url)(good)

    assert "link_broken" in _found(good)


@pytest.mark.parametrize("url", ["mailto:hej@park.se", "tel:+46701234567", "https://park.se/å?q=ö"])
def test_an_address_that_people_can_use_passes(good: Issue, url: str) -> None:
    _block(url=url)(good)

    assert _found(good) == set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8100/kryo", "https://www.example.com/kryo"])
def test_in_trial_mode_the_demos_own_addresses_pass(good: Issue, url: str) -> None:
    _organisation(live_at=None)(good)
    _block(url=url, image_url="http://127.0.0.1:8100/labb.jpg")(good)

    assert _found(good) == set()


@pytest.mark.parametrize(
    "words",
    ["torsdag 3 december", "Torsdagen den 3 december 2026", "onsdag 24 feb.", "fredag 31 februari"],
)
def test_a_weekday_that_fits_passes(good: Issue, words: str) -> None:
    _text(introduction=f"Välkommen {words} kl. 9")(good)

    assert _found(good) == set()


def test_an_item_of_an_earlier_issue_is_pointed_out(desk: World, news: list[int]) -> None:
    earlier = db.session.get_one(Issue, desk.issue(IssueState.SENT))
    issue = db.session.get_one(Issue, desk.issue(IssueState.DRAFT))
    for one in (earlier, issue):
        one.blocks[0].item_id = news[0]

    finding = next(f for f in preflight.check(db.session(), issue, NOW) if f.rule == "used_before")
    assert finding.values["number"] == earlier.number


def test_a_day_is_past_only_when_the_issue_leaves_after_it(good: Issue) -> None:
    _block(last_day="2026-11-25")(good)
    assert _found(good) == set()

    good.send_at = NOW + timedelta(days=3)
    assert _found(good) == {"day_passed"}


def test_every_rule_has_a_name_of_its_own_and_a_case_here() -> None:
    names = [rule.name for rule in preflight.RULES]
    made_by_templates_only = {"not_rendered", "text_empty", "unsubscribe_missing", "alt_missing"}

    assert len(names) == len(set(names))
    assert set(names) - set(BAD) - {"used_before"} == made_by_templates_only
