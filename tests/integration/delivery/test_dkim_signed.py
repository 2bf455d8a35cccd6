"""What a relay received is signed validly, through retries, relays and a change of keys."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from newsletter_service.delivery import audience, turn
from newsletter_service.delivery.notices import send_due
from newsletter_service.delivery.statement import statement
from newsletter_service.extensions import db
from newsletter_service.mail.dkim_keys import DkimKeys
from newsletter_service.models import Issue, IssueState, NewsletterList, Retry, writing
from newsletter_service.subscribers import opt_in
from newsletter_service.subscribers.consent import RequestContext
from tests.dkim_oracle import verdicts
from tests.smtp_sink import Behaviour, Message, Rule, Sink
from tests.world import World, world

NOW = datetime(2026, 12, 3, 9, 0, tzinfo=UTC)
DOMAIN = "park.example.org"


@pytest.fixture
def pair() -> Iterator[tuple[Sink, Sink]]:
    with ExitStack() as stack:
        yield stack.enter_context(Sink()), stack.enter_context(Sink())


@pytest.fixture
def sending(sqlite_url: str, tmp_path: Path, pair: tuple[Sink, Sink]) -> Iterator[World]:
    """Two relays, of which the second replaces Message-ID and Date as SES does."""
    urls = f"{pair[0].url},{pair[1].url}&dkim=ses"
    with world(sqlite_url, tmp_path, smtp_url=urls, retry_seconds="1") as made:
        with writing() as session:
            address = session.get_one(NewsletterList, made.list_id).sender_address
        assert address.endswith("@" + DOMAIN)
        yield made


@pytest.fixture
def keys(sending: World) -> DkimKeys:
    held = DkimKeys(sending.settings.dkim_dir)
    for selector, kind in (("one", "rsa"), ("one-e", "ed25519"), ("two", "rsa")):
        held.make(DOMAIN, selector, kind)
    held.use(DOMAIN, ["one", "one-e"], NOW)
    return held


def published(keys: DkimKeys) -> dict[str, str]:
    made = [keys.key(DOMAIN, selector) for selector in keys.known(DOMAIN)]
    return {key.name: key.record for key in made}


def send(made: World) -> int:
    issue_id = made.issue()
    audience.expand(issue_id, datetime.now(UTC))
    turn.take()
    return issue_id


def selectors(message: Message) -> list[bytes]:
    head = message.data.partition(b"\r\n\r\n")[0]
    return [part.split(b";")[0] for part in head.split(b"\r\n s=")[1:]]


def test_r_3_5_what_every_relay_received_verifies(
    sending: World, pair: tuple[Sink, Sink], keys: DkimKeys
) -> None:
    sending.readers(30)
    send(sending)
    received = [message.data for sink in pair for message in sink.messages]
    assert len(received) == 30
    assert verdicts(received, published(keys)) == [[True, True]] * 30
    assert all(b"message-id" in each.data.split(b"; bh=")[0] for each in pair[0].messages)
    signed = [each.data.partition(b"; h=")[2].partition(b";")[0] for each in pair[1].messages]
    assert signed
    assert not any(b"message-id" in each or b"date" in each for each in signed)


def test_p_4_a_retry_has_the_same_bytes_and_after_a_change_of_keys_the_same_but_for_it(
    sending: World, pair: tuple[Sink, Sink], keys: DkimKeys
) -> None:
    for sink in pair:
        sink.behave(Behaviour(rules=[Rule("dot", reply="451 4.3.0 Later", times=2, store=True)]))
    sending.readers(1)
    issue_id = send(sending)
    for change in (False, True):
        if change:
            keys.use(DOMAIN, ["two"], NOW)
        with writing() as session:
            session.execute(update(Retry).values(due_ms=0))
        turn.take()
    first, second, third = next(sink.messages for sink in pair if sink.messages)
    assert first.data == second.data
    assert (selectors(first), selectors(third)) == ([b"one", b"one-e"], [b"two"])
    assert third.data.endswith(first.data.partition(b"\r\nDate: ")[2])
    assert verdicts([third.data], published(keys)) == [[True]]
    assert statement(db.session(), issue_id).accepted == 1


def test_a_notice_is_signed_too(sending: World, pair: tuple[Sink, Sink], keys: DkimKeys) -> None:
    context = RequestContext("form")
    opt_in.subscribe("nytt", "anna@reader.test", "sv", context, datetime.now(UTC))
    send_due()
    (received,) = [message.data for sink in pair for message in sink.messages]
    assert verdicts([received], published(keys)) == [[True, True]]


def test_p_12_without_its_key_an_issue_is_paused_instead_of_leaving_unsigned(
    sending: World, pair: tuple[Sink, Sink], keys: DkimKeys
) -> None:
    path = sending.settings.dkim_dir / DOMAIN / "one.pem"
    path.chmod(0o644)
    sending.readers(3)
    issue_id = send(sending)
    assert not any(sink.messages for sink in pair)
    issue = db.session.get_one(Issue, issue_id)
    assert issue.state == IssueState.PAUSED
    assert f"chmod 600 {path}" in issue.paused_reason
    assert statement(db.session(), issue_id).balances


def test_without_keys_nothing_is_signed_and_a_relay_may_be_left_unsigned(
    sending: World, pair: tuple[Sink, Sink], keys: DkimKeys
) -> None:
    keys.use(DOMAIN, [], NOW)
    sending.readers(3)
    send(sending)
    received = [message.data for sink in pair for message in sink.messages]
    assert len(received) == 3
    assert not any(b"DKIM-Signature" in each for each in received)
