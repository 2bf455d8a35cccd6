"""Building a segment in the desk, without JavaScript, and choosing it for an issue."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    FieldKind,
    Issue,
    IssueState,
    Role,
    Segment,
    Subscription,
    SuppressionReason,
    writing,
)
from newsletter_service.subscribers import field_answers, fields, segments
from newsletter_service.subscribers.fields import Choice, Definition
from tests.integration.web.browsing import csrf_token
from tests.integration.web_desk.conftest import Browser
from tests.world import World

BASE = "/desk/prenumeranter/urval"
ADA = "ada@example.org"


def area(desk: World) -> int:
    """A field that two of the three readers have answered."""
    new = Definition("Område", FieldKind.CHOICE, choices=(Choice("Energi"), Choice("Vård")))
    field = fields.define(desk.list_id, new, actor=ADA, now=datetime.now(UTC))
    with writing() as session:
        for one in session.scalars(select(Subscription.id).order_by(Subscription.id).limit(2)):
            field_answers.keep(session, one, {field.id: "energi"})
    return field.id


def test_segments_are_hidden_until_there_is_a_field(desk: World, browser: Browser) -> None:
    client = browser(Role.EDITOR)
    assert BASE not in client.get("/desk/prenumeranter").get_data(as_text=True)
    assert "Add a field first" in client.get(BASE).get_data(as_text=True)
    area(desk)
    assert BASE in client.get("/desk/prenumeranter").get_data(as_text=True)


def test_a_segment_is_built_row_by_row_counted_and_kept(desk: World, browser: Browser) -> None:
    field_id = area(desk)
    client, new = browser(Role.EDITOR), f"{BASE}/nytt/{desk.list_id}"
    token = csrf_token(client.get(new))

    def press(do: str, action: str = new, **typed: str) -> Any:
        given = {name.replace("__", "-"): value for name, value in typed.items()}
        return client.post(action, data={"csrf_token": token, "do": do} | given)

    row: dict[str, str] = {"c__0__0__about": f"field:{field_id}", "c__0__0__op": "is"}
    added = press("add-0", name="El", new__0=f"field:{field_id}").get_data(as_text=True)
    assert f'name="c-0-0-about" value="field:{field_id}"' in added
    assert 'value="El"' in added
    counted = press("count", **row, c__0__0__value="energi").get_data(as_text=True)
    assert "Fits 2 of 3 subscribers just now." in counted
    htmx = press("", f"{new}/antal", **row, c__0__0__value="vard").get_data(as_text=True)
    assert "Fits 0 of 3" in htmx
    assert "<form" not in htmx
    assert press("save", name="", **row, c__0__0__value="energi").status_code == 422
    assert press("save", name="El", c__0__0__about="age", c__0__0__value="x").status_code == 422
    assert press("save", name="El", **row, c__0__0__value="energi").status_code == 303

    segment = db.session.scalars(select(Segment)).one()
    page = client.get(BASE).get_data(as_text=True)
    assert "Område is Energi" in page
    assert "2 of 3" in page
    readers = client.get(f"/desk/prenumeranter/alla?urval={segment.id}").get_data(as_text=True)
    assert "reader1@" in readers
    assert "reader3@" not in readers
    assert press("", f"{BASE}/{segment.id}/ta-bort").status_code == 303
    assert client.get(f"{BASE}/{segment.id}").status_code == 404


def test_whoever_may_not_build_may_look(desk: World, browser: Browser) -> None:
    client = browser(Role.APPROVER)
    assert client.get(BASE).status_code == 200
    assert client.get(f"{BASE}/nytt/{desk.list_id}").status_code == 403


def test_the_count_follows_the_choice_of_recipients_before_it_is_kept(
    desk: World, browser: Browser
) -> None:
    leaf = {"about": "field", "field": area(desk), "op": "is", "value": "energi"}
    moment = datetime.now(UTC)
    made = segments.save(desk.list_id, "El", {"all": [leaf]}, actor=ADA, now=moment).id
    with writing() as session:
        first, second, third = session.scalars(select(Subscription).order_by(Subscription.id))
        second.paused_until_ms = int((moment + timedelta(days=9)).timestamp() * 1000)
        suppression.suppress(
            session,
            first.subscriber.address_key,
            reason=SuppressionReason.HARD_BOUNCE,
            source="test",
            now=moment,
        )
        third.legal_basis = ""
    issue_id = desk.issue(IssueState.DRAFT)
    client = browser(Role.EDITOR)
    page, act = f"/desk/utskick/{issue_id}/granska", f"/desk/utskick/{issue_id}/mottagare"
    token = csrf_token(client.get(page))

    def asked(path: str, segment: int, **more: str) -> str:
        given = {"csrf_token": token, "segment": segment} | more
        return re.sub(r"<[^>]+>", "", client.post(path, data=given).get_data(as_text=True))

    everybody = asked(f"{act}/antal", 0)
    assert "0; 3 are skipped: 1 cannot be reached, 1 paused, 1 without a legal basis" in everybody
    some = asked(f"{act}/antal", made)
    assert "0; 2 are skipped: 1 cannot be reached, 1 paused" in some
    assert "“El”. 0 of the list are outside it" in some
    assert "Until you press Choose, the letter goes to those" in some
    assert client.post(f"{act}/antal", data={"csrf_token": token, "segment": 99}).status_code == 404

    # without JavaScript a button asks, and nothing is kept
    assert "Until you press Choose, the letter goes to those" in asked(act, made, do="count")
    assert "Until you press Choose" not in re.sub(
        r"<[^>]+>", "", client.get(page).get_data(as_text=True)
    )
    assert asked(act, made)
    assert db.session.get_one(Issue, issue_id).segment_id == made
