"""A signed letter out through a relay and back from a mailbox, with what happens to it between."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner, Result

from newsletter_service import cli
from newsletter_service.operations import dkim_desk
from tests.dovecot_server import Dovecot
from tests.integration.operations.conftest import SENDER, Make
from tests.smtp_sink import Sink
from tests.world import World

Change = Callable[[bytes], bytes]
Carried = Callable[[Change], AbstractContextManager[None]]
Signed = Callable[[], World]
BOX = "prov@slinga.test"


@pytest.fixture
def signed(make: Make, dovecot: Dovecot, now: datetime) -> Signed:
    def act() -> World:
        url = dovecot.url("imaps", BOX.replace("@", "%40"))
        made = make(bounce_mailbox_url=url, dkim_selectors="")
        dkim_desk.create(SENDER, "one", ("rsa", "ed25519"), "anna", now)
        dkim_desk.use(SENDER, ("one", "onee"), "anna", now, unchecked=True)
        return made

    return act


@pytest.fixture
def carried(relay: Sink, dovecot: Dovecot) -> Carried:
    """What the relay takes is put into the mailbox, changed."""

    @contextmanager
    def act(change: Change) -> Iterator[None]:
        over = Event()

        def carry() -> None:
            done = 0
            while not over.wait(0.02):
                for message in relay.messages[done:]:
                    dovecot.put(BOX, change(message.data))
                    done += 1

        thread = Thread(target=carry)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    return act


def run(made: World, *arguments: str) -> Result:
    return CliRunner().invoke(cli.main, [*arguments], obj=cli.Door(lambda: made.app))


def found(result: Result) -> list[tuple[str, str]]:
    return [(each["outcome"], each["code"]) for each in json.loads(result.stdout)["checks"]]


def another_message_id(raw: bytes) -> bytes:
    return raw.replace(b"Message-ID: <", b"Message-ID: <anew.")


def counted_clicks(raw: bytes) -> bytes:
    return raw.replace(b"http", b"https://klick.test/?to=3Dhttp")


def without_signatures(raw: bytes) -> bytes:
    return raw[raw.index(b"Date:") :]


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (bytes, "loopback.whole", "one, onee"),
        (another_message_id, "loopback.signature", "dkim_without=message-id "),
        (counted_clicks, "loopback.body", "click"),
        (without_signatures, "loopback.missing", "dkim=none"),
    ],
)
def test_r_3_4_a_letter_that_came_back_says_what_was_done_to_it(
    signed: Signed, carried: Carried, change: Change, code: str, told: str
) -> None:
    made = signed()
    with carried(change):
        result = run(made, "doctor", "--loopback", BOX, "--json")
    outcome = "ok" if change is bytes else "failed"
    assert found(result) == [(outcome, code)]
    assert result.exit_code == (outcome == "failed")
    check = json.loads(result.stdout)["checks"][0]
    assert told in f"{check['found']} {check['remedy']}"


def test_the_letter_is_taken_out_of_the_mailbox_again(
    signed: Signed, carried: Carried, dovecot: Dovecot
) -> None:
    made, before = signed(), dovecot.left(BOX)
    with carried(bytes):
        run(made, "doctor", "--loopback", BOX)
    assert dovecot.left(BOX) == before


def test_a_letter_that_does_not_come_back_is_told_and_strangers_mail_is_left(
    signed: Signed, dovecot: Dovecot
) -> None:
    made = signed()
    dovecot.put(BOX, b"Subject: x\r\n\r\nhello\r\n")
    before = dovecot.left(BOX)
    result = run(made, "doctor", "--loopback", BOX, "--wait", "0", "--json")
    assert found(result) == [("failed", "loopback.lost")]
    assert dovecot.left(BOX) == before


def test_p13_in_trial_mode_no_stranger_gets_the_letter(signed: Signed, relay: Sink) -> None:
    result = run(signed(), "doctor", "--loopback", "stranger@reader.test")
    assert result.exit_code == 1
    assert "trial mode" in result.output
    assert not relay.messages


def test_without_a_mailbox_it_says_what_to_set(make: Make) -> None:
    result = run(make(), "doctor", "--loopback", BOX)
    assert result.exit_code == 1
    assert "NEWSLETTER_BOUNCE_MAILBOX_URL" in result.output


def test_a_saved_mail_is_checked_by_hand_also_where_lines_end_otherwise(
    signed: Signed, relay: Sink, tmp_path: Path
) -> None:
    made = signed()
    run(made, "doctor", "--loopback", BOX, "--wait", "0")
    saved = tmp_path / "saved.eml"
    saved.write_bytes(relay.messages[0].data.replace(b"\r\n", b"\n"))
    whole = run(made, "dkim", "check", str(saved))
    assert whole.exit_code == 0
    assert whole.output.count(" holds.") == 2
    saved.write_bytes(saved.read_bytes().replace(b"Subject: ", b"Subject: [SPAM] "))
    broken = run(made, "dkim", "check", str(saved))
    assert broken.exit_code == 1
    assert "a header that it covers was changed" in broken.output


def test_a_signature_that_names_no_key_of_ours_is_foreign_whatever_it_names(
    signed: Signed, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.eml"
    saved.write_bytes(b"DKIM-Signature: v=1; d=../../etc; s=passwd; h=from; b=x; bh=y\n\nhello\n")
    result = run(signed(), "dkim", "check", str(saved))
    assert result.exit_code == 1
    assert "not made by a key of ours" in result.output
