"""*Brevlåda*: the letters of trial mode, read without letting them do anything."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter_service import settings
from newsletter_service.embedded.sandbox_store import Sandbox
from newsletter_service.models import Role
from newsletter_service.web.desk.sandbox import FOLDER
from tests.integration.web.browsing import submit

INBOX = "/desk/brevlada/"
HOSTILE = "<html><head></head><body><script>alert(1)</script><p>Hej å ä ö</p></body></html>"


@pytest.fixture
def keep(app: Flask) -> Callable[[str, str], int]:
    """Put a letter into the sandbox."""

    def put(to: str, subject: str) -> int:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "brev@park.test", to, subject
        message.set_content("Hej å ä ö\nhttps://brev.example.org/bekrafta/x\n")
        message.add_alternative(HOSTILE, subtype="html")
        with app.app_context():
            store = Sandbox(settings.current().data_dir / FOLDER)
        return store.add("b@bounce.test", [to], bytes(message), datetime.now(UTC))

    return put


def test_an_empty_mailbox_says_what_to_do(client_as: Callable[..., FlaskClient]) -> None:
    assert "Inget brev har stannat här än." in client_as(Role.EDITOR).get(INBOX).text


def test_letters_are_listed_and_found_by_recipient(
    client_as: Callable[..., FlaskClient], keep: Callable[[str, str], int]
) -> None:
    keep("anna@reader.test", "Bekräfta")
    keep("bo@reader.test", "Nr 1")
    editor = client_as(Role.EDITOR)
    assert "Bekräfta" in editor.get(INBOX).text
    found = submit(editor, INBOX, {"to": "Anna@reader.test"})
    assert "Bekräfta" in found.text
    assert "Nr 1" not in found.text


def test_a_letter_opens_as_html_text_and_headers(
    client_as: Callable[..., FlaskClient], keep: Callable[[str, str], int]
) -> None:
    mail_id = keep("anna@reader.test", "Bekräfta")
    editor = client_as(Role.EDITOR)
    page = editor.get(f"{INBOX}{mail_id}").text
    assert f'src="{INBOX}{mail_id}/html"' in page
    assert "allow-scripts" not in page
    text = editor.get(f"{INBOX}{mail_id}?view=text").text
    assert "Hej å ä ö" in text
    assert 'href="https://brev.example.org/bekrafta/x"' in text
    assert "brev@park.test" in editor.get(f"{INBOX}{mail_id}?view=headers").text


def test_a_hostile_letter_cannot_run_a_script(
    client_as: Callable[..., FlaskClient], keep: Callable[[str, str], int]
) -> None:
    answer = client_as(Role.EDITOR).get(f"{INBOX}{keep('anna@reader.test', 'Ont')}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy.replace("allow-scripts", "")
    assert "allow-scripts" not in policy


def test_the_raw_letter_is_saved_never_shown(
    client_as: Callable[..., FlaskClient], keep: Callable[[str, str], int]
) -> None:
    answer = client_as(Role.EDITOR).get(f"{INBOX}{keep('anna@reader.test', 'Nr 1')}/raw")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.mimetype == "message/rfc822"


def test_letters_to_colleagues_with_their_log_in_links_are_for_administrators(
    client_as: Callable[..., FlaskClient], keep: Callable[[str, str], int]
) -> None:
    boss, editor = client_as(Role.ADMINISTRATOR), client_as(Role.EDITOR)
    mail_id = keep("administrator@staff.test", "Logga in")
    assert boss.get(f"{INBOX}{mail_id}").status_code == 200
    assert editor.get(f"{INBOX}{mail_id}").status_code == 404
    assert editor.get(f"{INBOX}{mail_id}/html").status_code == 404
    assert editor.get(f"{INBOX}{mail_id}/raw").status_code == 404
    assert "Logga in" not in editor.get(INBOX).text.split("<main")[1]
    own = keep("editor@staff.test", "Din egen länk")
    assert editor.get(f"{INBOX}{own}").status_code == 200


def test_a_letter_that_is_not_there_is_not_found(client_as: Callable[..., FlaskClient]) -> None:
    assert client_as(Role.EDITOR).get(f"{INBOX}4711").status_code == 404
