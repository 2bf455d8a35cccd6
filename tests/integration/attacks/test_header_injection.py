"""Nothing that a person or a feed writes ends a header, an envelope or a line of a log.

Each text field that becomes part of a mail's head refuses what could: in words, at the field,
with nothing changed. The mail itself is the last gate.
"""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from newsletter_service.extensions import db
from newsletter_service.issues import compose
from newsletter_service.mail.message import Prepared
from newsletter_service.models import (
    ConsentEvent,
    ImportState,
    Issue,
    IssueText,
    NewsletterList,
    Organisation,
    ReaderImport,
    Role,
    writing,
)
from newsletter_service.subscribers import import_turns, sign_ups
from tests.integration.attacks.conftest import forget_limits
from tests.integration.attacks.town import Town, differences, dump
from tests.integration.web.browsing import csrf_token, submit

HOSTILE = (
    "a\r\nBcc: victim@reader.test",
    "a\nBcc: victim@reader.test",
    "a\rBcc: victim@reader.test",
    "a\r\n\r\n<script>",
    "a\0b",
    "a\x0bb",
    "a\x1b[31mb",
    "a\x85Bcc: x",
    "a\u2028Bcc: x",
    "a\u202egnp.exe",
    "a\u2066b",
)
CLEVER = ("=?utf-8?q?=0D=0ABcc:_x@reader.test?=", '"quoted" <x@reader.test>', "a, b; c:", "å" * 150)
IN_WORDS = {"en": "This holds a line break", "sv": "Här finns en radbrytning"}


def refused(ask: Callable[[str], TestResponse], says: str = "") -> None:
    """Ask with each hostile text; nothing changes and the answer says why."""
    before = dump()
    for hostile in HOSTILE:
        forget_limits()
        answer = ask(hostile)
        assert answer.status_code == 422, repr(hostile)
        assert 'aria-invalid="true"' in answer.text
        assert says in answer.text
    assert differences(before, dump()) == []


@pytest.mark.parametrize("path", ["/prenumerera/nytt", "/subscribe/nytt"])
def test_a_hostile_address_is_no_sign_up(town: Town, path: str) -> None:
    for made in ("{}@reader.test", "anna@{}.test", "anna@reader.test{}"):
        refused(
            lambda hostile, made=made: town.stranger().post(  # type: ignore[misc]
                path, data={"email": made.format(hostile)}
            ),
        )


@pytest.mark.parametrize(
    "email", ["x" * 700, "=?utf-8?q?victim=40b.test=3E?=@reader.test", "<a@b.c>"]
)
def test_an_address_that_others_would_read_differently_is_no_sign_up(
    town: Town, email: str
) -> None:
    answer = town.stranger().post("/prenumerera/nytt", data={"email": email})
    assert answer.status_code == 422


def test_a_hostile_referer_or_browser_is_kept_as_plain_lines(town: Town) -> None:
    for n, hostile in enumerate(HOSTILE):
        forget_limits()
        raw = hostile.encode().decode("latin-1")
        environ = {"HTTP_REFERER": f"https://park.test/{raw}", "HTTP_USER_AGENT": f"Browser {raw}"}
        answer = town.stranger().post(
            "/prenumerera/nytt", data={"email": f"new{n}@reader.test"}, environ_base=environ
        )
        assert answer.status_code == 303
    sign_ups.take(datetime.now(UTC) + timedelta(hours=3))
    for event in db.session.scalars(select(ConsentEvent)):
        assert (event.form + event.user_agent).isprintable()


@pytest.mark.parametrize("field", ["name", "sender_name", "frequency"])
@pytest.mark.parametrize("language", ["en", "sv"])
def test_a_hostile_name_of_a_newsletter_is_told_at_its_field(
    town: Town, field: str, language: str
) -> None:
    save = newsletter_form(town, town.browser(Role.EDITOR, language=language))
    refused(lambda hostile: save({field: hostile}), IN_WORDS[language])


@pytest.mark.parametrize("field", ["sender_address", "reply_to"])
def test_a_hostile_sender_is_told_at_its_field(town: Town, field: str) -> None:
    save = newsletter_form(town, town.browser(Role.EDITOR))
    refused(lambda hostile: save({field: f"{hostile}@park.example.org"}))
    refused(lambda hostile: save({field: f"a@park.example.org{hostile}"}))


def test_a_description_may_have_lines(town: Town) -> None:
    save = newsletter_form(town, town.browser(Role.EDITOR))
    assert save({"description": "En rad.\r\nEn till."}).status_code == 303


def newsletter_form(town: Town, editor: FlaskClient) -> Callable[[dict[str, str]], TestResponse]:
    """Send the newsletter's form with some of its fields changed."""
    good = {
        "csrf_token": csrf_token(editor.get("/desk/installningar/")),
        "name": "Nytt",
        "name_en": "News",
        "sender_name": "Parken",
        "sender_address": "brev@park.example.org",
        "locales": ["sv", "en"],
    }
    action = f"/desk/installningar/nyhetsbrev/{town.world.list_id}"
    return lambda changed: editor.post(action, data=good | changed)


@pytest.mark.parametrize(
    ("field", "made"),
    [
        ("name", "{}"),
        ("postal_address", "{}"),
        ("org_nr", "{}"),
        ("contact_email", "{}@park.test"),
        ("website", "https://park.test/{}"),
        ("logo_url", "https://park.test/{}.png"),
    ],
)
def test_a_hostile_particular_of_the_organisation_is_told_at_its_field(
    town: Town, field: str, made: str
) -> None:
    administrator = town.browser(Role.ADMINISTRATOR)
    good = {
        "csrf_token": csrf_token(administrator.get("/desk/installningar/")),
        "org_name": "Parken",
        "org_postal_address": "Gatan 1",
        "org_contact_email": "hej@park.example.org",
        "org_accent": "#0b6e6e",
    }
    refused(
        lambda hostile: administrator.post(
            "/desk/installningar/organisation", data=good | {f"org_{field}": made.format(hostile)}
        ),
    )


def test_a_hostile_address_gets_no_test(town: Town) -> None:
    editor = town.browser(Role.EDITOR)
    page = f"/desk/utskick/{town.issue_id}"
    token = csrf_token(editor.get(f"{page}/granska"))
    for made in ("{}@reader.test", "a@reader.test{}x"):
        refused(
            lambda hostile, made=made: editor.post(  # type: ignore[misc]
                f"{page}/prova", data={"csrf_token": token, "address": made.format(hostile)}
            ),
        )


@pytest.mark.parametrize(("email", "name"), [("{}@staff.test", "Bo"), ("bo@staff.test", "{}")])
def test_a_hostile_colleague_is_not_invited(town: Town, email: str, name: str) -> None:
    administrator = town.browser(Role.ADMINISTRATOR)
    page = "/desk/installningar/personer"
    form = {"csrf_token": csrf_token(administrator.get(page)), "roles": "editor"}
    refused(
        lambda hostile: administrator.post(
            page, data=form | {"email": email.format(hostile), "name": name.format(hostile)}
        ),
    )


def test_a_hostile_name_of_ones_own_is_told_at_its_field(town: Town) -> None:
    editor = town.browser(Role.EDITOR)
    form = {"csrf_token": csrf_token(editor.get("/desk/konto"))}
    refused(lambda name: editor.post("/desk/konto", data=form | {"name": name}), IN_WORDS["en"])


@pytest.mark.parametrize("field", ["subject", "preheader"])
def test_a_hostile_subject_is_told_at_its_field_and_nothing_typed_is_lost(
    town: Town, field: str
) -> None:
    editor = town.browser(Role.EDITOR)
    page = f"/desk/utskick/{town.issue_id}"
    opened = editor.get(page)
    form = {
        "csrf_token": csrf_token(opened),
        "version": opened.text.partition('name="version" value="')[2].partition('"')[0],
        "do": "save",
        "introduction": "Nyss skrivet",
    }
    refused(lambda text: editor.post(page, data=form | {field: text}), IN_WORDS["en"])
    assert "Nyss skrivet" in editor.post(page, data=form | {field: HOSTILE[0]}).text


def test_a_clever_subject_reaches_the_reader_as_it_was_written(town: Town) -> None:
    editor = town.browser(Role.EDITOR)
    page = f"/desk/utskick/{town.issue_id}"
    usual = names_of(editor.get(f"/desk/utskick/{town.sent_id}/brev.eml").data)
    for clever in CLEVER:
        version = editor.get(page).text.partition('name="version" value="')[2].partition('"')[0]
        saved = submit(editor, page, {"subject": clever, "do": "save", "version": version})
        assert saved.status_code == 303
        raw = editor.get(f"{page}/brev.eml").data
        assert names_of(raw) == usual
        assert message_from_bytes(raw, policy=policy.default)["subject"].endswith(clever)


@pytest.mark.parametrize("where", ["subject", "list", "sender"])
def test_rows_that_were_written_past_the_forms_break_no_head(town: Town, where: str) -> None:
    """A row may come from a command, a feed or an older version."""
    for hostile in (*HOSTILE, *CLEVER, "x" * 2000):
        head = head_with(town, where, hostile)
        lines = head.split(b"\r\n")
        names = [line.partition(b":")[0].lower() for line in lines if line[:1] not in b" \t"]
        assert len(names) == len(set(names)), names
        assert not any(b"bcc" in name for name in names)
        assert all(len(line) <= 998 for line in lines)
        assert head.isascii()
        assert b"\0" not in head


def head_with(town: Town, where: str, hostile: str) -> bytes:
    """The head of the draft's letter when a row holds a hostile text."""
    with writing() as session:
        listed = session.get_one(NewsletterList, town.world.list_id)
        if where == "subject":
            session.get_one(IssueText, (town.issue_id, "sv")).subject = hostile
        elif where == "list":
            listed.name = hostile
        else:
            listed.sender_name = session.get_one(Organisation, 1).name = hostile
    issue = db.session.get_one(Issue, town.issue_id)
    try:
        letter = compose.letter(db.session(), issue, "sv")
        made = Prepared.of(letter, compose.fixed_headers(db.session(), issue, "sv"))
    except ValueError:
        return b""  # refused whole, which is as good
    return b"".join(made.pieces).partition(b"\r\n\r\n")[0]


def test_rows_of_a_file_with_a_hostile_address_are_left_out(town: Town) -> None:
    editor = town.browser(Role.EDITOR)
    cells = [f'"{made.format(one)}"' for one in HOSTILE for made in ("{}@reader.test", "x@{}.test")]
    file = "\r\n".join(["email", *cells, "good@reader.test", ""]).encode()
    before = len(dump()["subscriber"])
    take_in(editor, town.world.list_id, file)
    assert len(dump()["subscriber"]) == before + 1


def take_in(client: FlaskClient, list_id: int, file: bytes) -> None:
    """Upload a file and take it in."""
    upload: dict[str, Any] = {"list_id": str(list_id), "file": (io.BytesIO(file), "x\u202ey.csv")}
    page = submit(client, "/desk/prenumeranter/importera", upload).headers["Location"]
    form = {"do": "take", "heading": "yes", "column-0": "email", "how": "consent"}
    form |= {"csrf_token": csrf_token(client.get(page)), "evidence": "möte\0"}
    assert client.post(page, data=form).status_code == 303
    db.session.rollback()
    import_turns.work(int(page.rpartition("/")[2]), datetime.now(UTC))
    db.session.rollback()
    assert db.session.scalars(select(ReaderImport.state)).all() == [ImportState.DONE]


def names_of(raw: bytes) -> list[str]:
    """The names of a mail's headers, in order."""
    return [name.lower() for name, _value in message_from_bytes(raw).items()]
