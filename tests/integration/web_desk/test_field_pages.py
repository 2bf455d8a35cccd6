"""Defining a list's fields in the settings."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.models import FieldKind, Issue, IssueState, ListField, Role, writing
from newsletter_service.subscribers import fields
from newsletter_service.subscribers.fields import Choice, Definition
from tests.integration.web.browsing import submit
from tests.integration.web_desk.conftest import Browser
from tests.world import World

BASE = "/desk/installningar/falt"


def test_a_choice_is_defined_changed_and_taken_away(desk: World, browser: Browser) -> None:
    client = browser(Role.EDITOR)
    new = {"label": "Område", "kind": "choice", "choices": "Energi\nHälsa\n", "shown": "1"}
    assert submit(client, BASE, new, f"{BASE}/{desk.list_id}/nytt").status_code == 303
    field = db.session.scalars(select(ListField)).one()
    assert f'href="{BASE}/{field.id}"' in client.get(BASE).get_data(as_text=True)

    changed = {
        "label": "Bransch",
        "choice_value": ["energi", "halsa", ""],
        "choice": ["Energi", "", "Vatten"],
        "required": "1",
    }
    assert submit(client, f"{BASE}/{field.id}", changed).status_code == 303
    db.session.rollback()
    assert [each["value"] for each in field.choices] == ["energi", "vatten"]
    assert (field.label, field.required, field.shown) == ("Bransch", True, False)

    gone = submit(client, f"{BASE}/{field.id}", {}, f"{BASE}/{field.id}/ta-bort")
    assert gone.status_code == 303
    db.session.rollback()
    assert db.session.scalars(select(ListField)).all() == []


def test_what_was_typed_stays_beside_the_fault(desk: World, browser: Browser) -> None:
    client = browser(Role.EDITOR)
    new = {"label": "Område", "kind": "choice", "choices": "Bara ett"}
    answer = submit(client, BASE, new, f"{BASE}/{desk.list_id}/nytt")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Write at least two choices." in page
    assert "Bara ett" in page


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "No. 1, 2 ask for this field."), ("sv", "Nr 1, 2 använder fältet.")],
)
def test_whoever_takes_a_field_away_reads_which_issues_ask_for_it(
    desk: World, browser: Browser, language: str, sentence: str
) -> None:
    both = (Choice("Ljus"), Choice("Vatten"))
    new = Definition("Organisation", FieldKind.CHOICE, choices=both)
    field = fields.define(desk.list_id, new, actor="a", now=datetime.now(UTC))
    for issue_id in (desk.issue(IssueState.DRAFT), desk.issue(IssueState.SCHEDULED)):
        with writing() as session:
            session.get_one(Issue, issue_id).text("sv").subject = "Till {organisation|er}"
    page = f"{BASE}/{field.id}"
    answer = submit(browser(Role.EDITOR), page, {}, f"{page}/ta-bort?lang={language}")
    assert answer.status_code == 422
    shown = answer.get_data(as_text=True)
    assert sentence in shown
    assert 'value="Ljus"' in shown
    assert 'value="Vatten"' in shown
    assert db.session.scalars(select(ListField)).one().key == "organisation"


def test_an_approver_defines_no_fields(desk: World, browser: Browser) -> None:
    assert browser(Role.APPROVER).get(BASE).status_code == 403
