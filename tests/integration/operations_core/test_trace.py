"""One reader's story, and one sentence for each issue."""

from datetime import UTC, datetime, timedelta

import pytest
from flask_babel import force_locale
from sqlalchemy import insert, update

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    SkipReason,
    Subscriber,
    Subscription,
    SuppressionReason,
    ms_of,
    writing,
)
from newsletter_service.operations import trace, trace_words
from newsletter_service.subscribers import opt_in, privacy
from newsletter_service.subscribers.consent import RequestContext
from tests.world import World

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANNA = "reader1@reader.test"


def delivered(world: World, state: DeliveryState, **values: object) -> int:
    """An issue released now, with one delivery to the first reader; returns its id."""
    issue_id = world.issue(IssueState.SENT)
    with writing() as session:
        reader_id = session.query(Subscriber.id).order_by(Subscriber.id).limit(1).scalar()
        session.execute(
            insert(Delivery).values(
                issue_id=issue_id,
                n=1,
                subscriber_id=reader_id,
                state=state,
                locale="sv",
                settled_ms=ms_of(NOW),
                **values,
            )
        )
    return issue_id


def answer() -> str:
    """The sentence for the newest issue, in English."""
    story = trace.by_address(ANNA)
    with force_locale("en"):
        return trace_words.sentence(story.answers[0])


def test_r_9_9_an_accepted_issue_was_sent(small_world: World) -> None:
    small_world.readers(1)
    delivered(small_world, DeliveryState.ACCEPTED, code=250, reply="250 queued")
    assert "was sent" in answer()


def test_a_refusal_tells_what_the_server_said(small_world: World) -> None:
    small_world.readers(1)
    delivered(small_world, DeliveryState.REFUSED, code=550, reply="550 5.1.1 no such user")
    assert "550 5.1.1 no such user" in answer()


def test_a_suppressed_reader_is_told_why(small_world: World) -> None:
    small_world.readers(1)
    with writing() as session:
        reader = session.query(Subscriber).one()
        suppression.suppress(
            session,
            reader.address_key,
            reason=SuppressionReason.COMPLAINT,
            source="fbl",
            now=NOW,
        )
    delivered(small_world, DeliveryState.SKIPPED, skip_reason=SkipReason.SUPPRESSED)
    assert "suppressed: the reader reported the mail as unwanted" in answer()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"confirmed_at": NOW + timedelta(days=400)}, "before the reader confirmed"),
        ({"state": "unsubscribed", "ended_at": NOW - timedelta(days=400)}, "who had left"),
        ({"state": "pending", "confirmed_at": None}, "never confirmed"),
    ],
)
def test_a_reader_without_a_copy_is_told_why(
    small_world: World, values: dict[str, object], words: str
) -> None:
    small_world.readers(1)
    issue_id = small_world.issue(IssueState.SENT)
    with writing() as session:
        session.execute(update(Issue).where(Issue.id == issue_id).values(expanded_at=NOW))
        session.execute(update(Subscription).values(**values))
    assert words in answer()


def test_the_story_is_in_order_and_every_line_has_words(small_world: World) -> None:
    small_world.readers(1)
    delivered(small_world, DeliveryState.ACCEPTED)
    opt_in.subscribe("nytt", ANNA, "sv", RequestContext(), NOW - timedelta(days=1))
    story = trace.by_address(ANNA)
    assert [entry.at for entry in story.entries] == sorted(entry.at for entry in story.entries)
    with force_locale("en"):
        titles = [trace_words.title(entry) for entry in story.entries]
    assert any(title.startswith("Asked to subscribe to Nytt från Fjällängen") for title in titles)
    assert any("Nr 1: sent" in title for title in titles)


def test_an_erased_person_is_known_only_as_suppressed(small_world: World) -> None:
    small_world.readers(1)
    privacy.erase(ANNA, "test", NOW)
    story = trace.by_address(ANNA)
    assert story.subscriber_id is None
    assert [entry.code for entry in story.entries] == ["suppressed"]


def test_an_unknown_address_has_no_story(small_world: World) -> None:
    assert trace.by_address("nobody@reader.test").is_empty
    db.session.rollback()


def test_every_state_and_reason_has_its_sentence() -> None:
    wanted = {f"issue_{s}" for s in DeliveryState if s != DeliveryState.SKIPPED}
    wanted |= {f"notice_{s}" for s in DeliveryState} | {f"delivery_{s}" for s in DeliveryState}
    wanted |= {f"skipped_{reason}" for reason in SkipReason}
    assert wanted <= trace_words.CODES
