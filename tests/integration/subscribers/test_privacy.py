"""Export and erasure, on both databases."""

import json
from datetime import timedelta

from sqlalchemy import select

from newsletter_service import suppression
from newsletter_service.extensions import Base, db
from newsletter_service.models import SuppressionReason
from newsletter_service.subscribers import opt_in, opt_out, privacy
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.opt_out import Scope, Standing
from tests.integration.subscribers.parken import NOW, Desk

ANNA = "anna@example.org"
CONTEXT = RequestContext(ip="192.0.2.7")
LATER = NOW + timedelta(hours=1)


def subscribe(desk: Desk) -> None:
    opt_in.subscribe("nytt", ANNA, "sv", CONTEXT, NOW)
    opt_in.confirm(desk.link(), "sv", CONTEXT, NOW)


def test_r_5_8_the_export_holds_everything_and_is_json(desk: Desk) -> None:
    subscribe(desk)
    found = privacy.export(ANNA)
    assert json.loads(json.dumps(found)) == found
    assert [event["kind"] for event in found["consent"]] == ["requested", "confirmed"]
    assert found["subscriptions"][0]["state"] == "confirmed"
    assert len(found["notices"]) == 2


def test_an_unknown_address_exports_as_nothing(desk: Desk) -> None:
    assert privacy.export("nobody@example.org")["subscriber"] is None


def test_r_5_8_erasure_leaves_only_the_keyed_hash(desk: Desk) -> None:
    subscribe(desk)
    assert privacy.erase(ANNA, "ada@example.org", LATER)
    for table in Base.metadata.sorted_tables:
        for row in db.session.execute(select(table)):
            assert "anna" not in repr(row).lower()
            assert "192.0.2.7" not in repr(row)
    found = suppression.find(db.session(), desk.key(ANNA), 1)
    assert found is not None
    assert found.reason == SuppressionReason.ERASED


def test_r_1_18_unsubscribing_works_after_the_readers_row_is_gone(desk: Desk) -> None:
    subscribe(desk)
    token = desk.leave_token(ANNA)
    privacy.erase(ANNA, "ada@example.org", LATER)
    assert opt_out.look(token, LATER) == Standing()
    assert opt_out.unsubscribe(token, Scope.LIST, CONTEXT, LATER).standing == Standing()


def test_whoever_was_erased_may_come_back_by_themselves(desk: Desk) -> None:
    subscribe(desk)
    privacy.erase(ANNA, "ada@example.org", LATER)
    opt_in.subscribe("nytt", ANNA, "sv", CONTEXT, LATER)
    opt_in.confirm(desk.link(), "sv", CONTEXT, LATER)
    assert desk.state(ANNA) == "confirmed"
    assert suppression.find(db.session(), desk.key(ANNA), 1) is None


def test_erasing_a_stranger_still_bars_the_address_from_imports(desk: Desk) -> None:
    assert not privacy.erase(ANNA, "ada@example.org", LATER)
    assert suppression.find(db.session(), desk.key(ANNA), 1) is not None
