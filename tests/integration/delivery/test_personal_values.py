"""Fields in a letter: each reader's own answer, or the fallback; the same bytes at every try."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, event, func, select, text, update

from newsletter_service.delivery import audience, claims, control, notices, personal_values, turn
from newsletter_service.delivery.ledger import Claim
from newsletter_service.delivery.letters import Letters
from newsletter_service.delivery.personal_values import Own
from newsletter_service.extensions import db
from newsletter_service.issues import editions, trial
from newsletter_service.mail.dkim_keys import DkimKeys
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.models import (
    FieldKind,
    Issue,
    PersonalValue,
    Retry,
    Subscriber,
    Subscription,
    writing,
)
from newsletter_service.subscribers import field_answers, fields, privacy
from newsletter_service.subscribers.fields import Choice, Definition
from newsletter_service.tokens import LinkKeys
from tests.integration.delivery.conftest import Send
from tests.servers import eventually
from tests.smtp_sink import Behaviour, Message, Rule, Sink
from tests.world import World, world

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }} {organisation|er} \u202exslot0fx"


@pytest.fixture
def alone(sqlite_url: str, tmp_path: Path, smtp_sink: Sink) -> Iterator[World]:
    """For what asks the database nothing that the other tests do not."""
    with world(sqlite_url, tmp_path, smtp_url=smtp_sink.url, batch_size="40") as made:
        yield made


def asked(world: World) -> dict[str, int]:
    """A text and a choice, by their keys."""
    what = Definition("Organisation", FieldKind.TEXT)
    curious = Definition(
        "Intresse",
        FieldKind.CHOICE,
        choices=(Choice("Ljus", "Light"), Choice("Vatten & is", "Water and ice")),
    )
    made = [fields.define(world.list_id, one, actor="a", now=NOW) for one in (what, curious)]
    return {one.key: one.id for one in made}


def answer(reader_id: int, answers: dict[int, str]) -> None:
    with writing() as session:
        mine = select(Subscription.id).where(Subscription.subscriber_id == reader_id)
        field_answers.keep(session, session.scalars(mine).one(), answers)


def asking(world: World) -> int:
    """An issue that asks for both in every place it may."""
    issue_id = world.issue()
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        words = issue.text("sv")
        words.subject = "Nytt för {organisation|er organisation}"
        words.preheader = "Mest om {intresse|allt möjligt}"
        words.introduction = "Hej **{organisation|er organisation}**, [läs](https://park.se/x)."
        issue.blocks[0].data = {
            "sv": issue.blocks[0].data["sv"] | {"title": "Om {intresse|allt möjligt} i parken"}
        }
        session.flush()
        editions.freeze(session, issue, NOW)
    return issue_id


def said(message: Message) -> tuple[str, str, str]:
    parsed = message_from_bytes(message.data, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    text, page = (part.get_content() for part in parsed.iter_parts())
    return str(parsed["Subject"]), text, page


def to(sink: Sink, number: int) -> list[Message]:
    return [one for one in sink if one.rcpt_to[0].startswith(f"reader{number}@")]


def kept() -> int:
    return db.session.scalar(select(func.count()).select_from(PersonalValue)) or 0


def test_each_reader_gets_their_own_answers_or_the_fallback(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    ids, field = sending.readers(60), asked(sending)
    answer(ids[0], {field["organisation"]: "Ljus & Is AB", field["intresse"]: "vatten_is"})
    answer(ids[1], {field["organisation"]: HOSTILE})
    answer(ids[2], {field["organisation"]: "Vinn på www.ond.test nu"})
    counted = send(asking(sending))

    assert counted.accepted == 60
    subject, text, page = said(*to(smtp_sink, 1))
    assert subject == "Nytt för Ljus & Is AB"
    assert "Hej Ljus & Is AB, läs <https://park.se/x>." in " ".join(text.split())
    assert "<strong>Ljus &amp; Is AB</strong>" in " ".join(page.split())
    assert "Om Vatten &amp; is i parken" in " ".join(page.split())
    assert "Mest om Vatten &amp; is" in page
    subject, text, page = said(*to(smtp_sink, 2))
    assert subject == "Nytt för <script>alert(1)</script> {{ 7 * 7 }} {organisation|er} xslot0fx"
    assert "<script" not in page
    assert "\u202e" not in subject + text + page
    for number in (3, 4, 60):
        subject, text, page = said(*to(smtp_sink, number))
        assert subject == "Nytt för er organisation"
        assert "Om allt möjligt i parken" in page
        assert "xslot" not in text + page
        assert "{" not in text
    assert not smtp_sink.faults


def test_p4_a_retry_has_the_same_bytes_whatever_the_reader_answers_meanwhile(
    sending: World, smtp_sink: Sink
) -> None:
    ids, field = sending.readers(45), asked(sending)
    answer(ids[0], {field["organisation"]: "Ljus AB"})
    smtp_sink.behave(
        Behaviour(
            rules=[Rule("dot", recipient="reader1@*", times=1, reply="451 4.3.0 Later", store=True)]
        )
    )
    issue_id = asking(sending)
    audience.expand(issue_id, datetime.now(UTC))
    turn.take()
    answer(ids[0], {field["organisation"]: "Något helt annat", field["intresse"]: "ljus"})
    let_be_due(issue_id)
    turn.take()

    first, second = to(smtp_sink, 1)
    assert first.data == second.data
    assert said(first)[0] == "Nytt för Ljus AB"


def let_be_due(issue_id: int) -> None:
    """Let what was put off be due at once."""
    with writing() as session:
        session.execute(update(Retry).where(Retry.issue_id == issue_id).values(due_ms=0))


def test_issues_that_ask_and_issues_that_do_not_leave_in_one_turn(
    alone: World, smtp_sink: Sink
) -> None:
    ids, field = alone.readers(50), asked(alone)
    answer(ids[0], {field["organisation"]: "Ljus AB"})
    answer(ids[49], {field["organisation"]: "Is AB"})
    again = [Rule("dot", recipient="reader1@*", times=2, reply="451 4.3.0 Later")]
    smtp_sink.behave(Behaviour(rules=again))
    for issue_id in (asking(alone), alone.issue(), asking(alone)):
        audience.expand(issue_id, datetime.now(UTC))
    turn.take()
    for issue_id in (1, 2, 3):
        let_be_due(issue_id)
    turn.take()

    for number, name in ((1, "Ljus AB"), (2, "er organisation"), (50, "Is AB")):
        subjects = sorted(said(one)[0] for one in to(smtp_sink, number))
        assert subjects == sorted([f"Nytt för {name}"] * 2 + ["Nytt labb på Fjällängen"])


def test_a_letter_without_fields_asks_the_database_nothing_about_answers(
    alone: World, send: Send
) -> None:
    ids, field = alone.readers(3), asked(alone)
    answer(ids[0], {field["organisation"]: "Ljus AB"})
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
    assert send(alone.issue()).accepted == 3
    assert seen
    assert not [one for one in seen if "personal_value" in one or "field_value" in one]


def test_an_answer_goes_with_its_reader_and_when_the_issue_is_over(
    sending: World, smtp_sink: Sink, send: Send
) -> None:
    ids, field = sending.readers(4), asked(sending)
    for one in ids:
        answer(one, {field["organisation"]: "Ljus AB", field["intresse"]: "ljus"})
    issue_id = asking(sending)
    audience.expand(issue_id, datetime.now(UTC))
    assert kept() == 8
    address = db.session.get_one(Subscriber, ids[0]).address
    db.session.rollback()
    assert [row["value"] for row in privacy.export(address)["personal_values"]] == [
        "Ljus",
        "Ljus AB",
    ]
    privacy.erase(address, "a", NOW)
    assert kept() == 6
    assert personal_values.forget(NOW) == 0, "it may still leave"
    assert send(issue_id).accepted == 3
    assert personal_values.forget(NOW) == 6
    assert kept() == 0
    assert not to(smtp_sink, 1)


def test_values_of_a_copy_in_doubt_stay_until_it_is_settled(
    alone: World, smtp_sink: Sink, send: Send
) -> None:
    ids, field = alone.readers(2), asked(alone)
    answer(ids[0], {field["organisation"]: "Ljus AB"})
    smtp_sink.behave(
        Behaviour(rules=[Rule("dot", recipient="reader1@*", times=1, close=True, store=True)])
    )
    issue_id = asking(alone)
    assert send(issue_id).in_doubt == 1
    assert personal_values.forget(NOW) == 0
    (doubtful,) = control.in_doubt(db.session(), issue_id)
    n = doubtful.n
    db.session.rollback()
    control.resend(issue_id, n, "a", datetime.now(UTC))
    answer(ids[0], {field["organisation"]: "Något annat"})
    assert send(issue_id).accepted == 2
    first, second = to(smtp_sink, 1)
    assert first.data == second.data
    assert personal_values.forget(NOW + timedelta(days=1)) == 1


def test_a_test_mail_says_what_it_would_of_a_reader_or_of_nobody(
    alone: World, smtp_sink: Sink
) -> None:
    ids, field = alone.readers(1), asked(alone)
    answer(ids[0], {field["organisation"]: "Ljus AB"})
    issue_id, now = asking(alone), datetime.now(UTC)
    mine = db.session.scalars(select(Subscription.id)).one()
    db.session.rollback()
    for reader in (0, mine, 999):
        address = f"anna{reader}@park.test"
        trial.send_test(issue_id, address, "sv", actor="a", now=now, reader=reader)
    notices.send_due()
    subjects = {one.rcpt_to[0]: said(one)[0] for one in smtp_sink}
    assert subjects == {
        "anna0@park.test": "[Test] Nytt för er organisation",
        f"anna{mine}@park.test": "[Test] Nytt för Ljus AB",
        "anna999@park.test": "[Test] Nytt för er organisation",
    }


def letters_of(alone: World, issue_id: int) -> tuple[Letters, list[Claim]]:
    """The letters of an issue and its claims."""
    audience.expand(issue_id, datetime.now(UTC))
    engine, settings = db.engine, alone.settings

    async def read(query: Callable[[Connection, Sequence[Claim]], Own], of: Sequence[Claim]) -> Own:
        with engine.connect() as connection:
            return query(connection, of)

    letters = Letters(settings, LinkKeys(settings.link_keys), DkimKeys(settings.dkim_dir), read)
    with engine.connect() as connection:
        letters.load(connection, {(issue_id, "sv")})
        batched = claims.claim_batch(connection, "a", 1000)
    assert batched
    return letters, batched.claims


def test_one_that_was_given_back_does_not_hide_that_others_were_never_looked_up(
    alone: World,
) -> None:
    ids, field = alone.readers(3), asked(alone)
    for one in ids:
        answer(one, {field["organisation"]: "Ljus AB"})
    letters, (first, later, again) = letters_of(alone, asking(alone))
    asyncio.run(letters.expect([first, again]))
    assert letters.expects([again])
    assert not letters.expects([later, again])
    asyncio.run(letters.expect([later, again]))
    relay = RelayUrl.parse("smtp://127.0.0.1:2525?tls=none")
    assert b"Ljus AB" in b"".join(letters.copy(later, 0, relay).parts)


def test_an_answer_is_kept_while_others_join_and_until_those_behind_them_are_due(
    alone: World,
) -> None:
    ids, field = alone.readers(4), asked(alone)
    for one in ids:
        answer(one, {field["organisation"]: "Ljus AB"})
    letters, (first, second, third, fourth) = letters_of(alone, asking(alone))
    relay = RelayUrl.parse("smtp://127.0.0.1:2525?tls=none")
    asyncio.run(letters.expect([first]))
    for one in (second, third):
        asyncio.run(letters.expect([one], besides=True))
    asyncio.run(letters.expect([fourth]))
    for one in (first, second, third, fourth):
        assert b"Ljus AB" in b"".join(letters.copy(one, 0, relay).parts)


@pytest.mark.parametrize("english", [True, False])
def test_a_choice_is_said_in_the_language_of_the_copy(
    alone: World, smtp_sink: Sink, send: Send, english: bool
) -> None:
    (reader,), field = alone.readers(1), asked(alone)
    answer(reader, {field["intresse"]: "ljus"})
    issue_id = asking(alone)
    with writing() as session:
        session.get_one(Subscriber, reader).locale = "en"
        issue = session.get_one(Issue, issue_id)
        issue.newsletter.locales = ["sv", "en"] if english else ["sv"]
        issue.text("en").subject = "News on {intresse|everything}"
        session.flush()
        editions.freeze(session, issue, NOW)
    send(issue_id)
    (message,) = to(smtp_sink, 1)
    assert said(message)[0] == ("News on Light" if english else "Nytt för er organisation")
    assert ("Om Light i parken" if english else "Om Ljus i parken") in said(message)[2]


def test_an_answer_that_is_erased_while_the_audience_is_made_is_not_kept_behind_it(
    postgres_url: str, tmp_path: Path
) -> None:
    with world(postgres_url, tmp_path) as made:
        ids, field = made.readers(2), asked(made)
        for one in ids:
            answer(one, {field["organisation"]: "Ljus AB"})
        issue_id = asking(made)

        def expand() -> None:
            with made.app.app_context():
                audience.expand(issue_id, datetime.now(UTC))

        waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        alone = db.engine.execution_options(isolation_level="AUTOCOMMIT")
        with db.engine.connect() as erasing, alone.connect() as watching:
            for statement in (
                "DELETE FROM field_value WHERE subscription_id = :s",
                "DELETE FROM subscription WHERE id = :s",
            ):
                erasing.execute(text(statement), {"s": ids[0]})
            expanding = Thread(target=expand)
            expanding.start()
            assert eventually(lambda: bool(watching.scalar(waits)))
            erasing.commit()
        expanding.join(20)
        assert db.session.get_one(Issue, issue_id).audience == 2
        kept_for = db.session.scalars(select(PersonalValue.subscription_id)).all()
        assert set(kept_for) == {ids[1]}
