"""*Studsar*: what came back in plots, waves to decide, the lab, rules and the policy's numbers."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from newsletter_service import standing
from newsletter_service.bounces import intake, own_rules
from newsletter_service.extensions import db
from newsletter_service.models import BounceEvent, BounceKind, BounceWave, Role, writing
from tests.integration.bounces.reports import dsn
from tests.integration.web.browsing import csrf_token

PAGE = "/desk/drift/studsar"
NOW = datetime.now(UTC)


@pytest.fixture
def operator(client_as: Callable[..., FlaskClient]) -> FlaskClient:
    return client_as(Role.OPERATOR)


def _post(browser: FlaskClient, path: str, data: dict[str, object] | None = None) -> str:
    """Press a button of the page; returns the page that follows."""
    token = csrf_token(browser.get(PAGE))
    form = {"csrf_token": token} | (data or {})
    return browser.post(f"{PAGE}{path}", data=form, follow_redirects=True).text


def _came_back(domain: str, reader: int, reason: str = "userunknown") -> None:
    with writing() as session:
        session.add(
            BounceEvent(
                address_key=bytes([reader]) * 32,
                domain=domain,
                subscriber_id=reader,
                issue_id=7,
                kind=BounceKind.HARD,
                final=True,
                reason=reason,
                meaning="hard",
                evidence=f"said by {domain}",
                source="relay",
                at=NOW,
            )
        )


def test_it_shows_what_came_back_and_of_one_domain_or_reader(operator: FlaskClient) -> None:
    _came_back("ett.test", 1)
    _came_back("ett.test", 2)
    _came_back("tva.test", 3)

    everything = operator.get(PAGE).text
    assert "Det som kom tillbaka" in everything
    assert everything.count("said by ett.test") == 2
    of_domain = operator.get(f"{PAGE}?doman=tva.test").text
    assert "said by tva.test" in of_domain
    assert "said by ett.test" not in of_domain
    assert operator.get(f"{PAGE}?lasare=2").text.count("said by ett.test") == 1


def test_a_wave_is_decided_by_a_button(operator: FlaskClient) -> None:
    with writing() as session:
        session.add(
            BounceWave(operator="microsoft", reason="userunknown", began_at=NOW, last_at=NOW)
        )
    assert "microsoft avvisar plötsligt" in operator.get(PAGE).text

    answer = _post(operator, "/vag/1/avbrott")

    assert "Ingen spärras för det" in answer
    assert "microsoft avvisar" not in answer
    assert "redan avgjort" in _post(operator, "/vag/1/borta")


def test_the_lab_takes_a_pasted_message_apart_and_keeps_nothing(operator: FlaskClient) -> None:
    answer = _post(operator, "/labb", {"message": dsn("anna@reader.test").decode()})

    assert "Det finns ingen sådan brevlåda" in answer
    assert "saknar vårt märke" in answer
    assert operator.get(f"{PAGE}/labb/1").status_code == 404


def test_a_rule_is_proposed_from_a_stored_message_and_switched_on(operator: FlaskClient) -> None:
    message_id = intake.store(dsn("anna@reader.test"), "", "test", NOW)
    intake.process(message_id, NOW)
    assert f"{PAGE}/labb/{message_id}" in operator.get(PAGE).text

    form = {"message_id": message_id, "phrase": "The Gnome  is gone", "reason": "userunknown"}
    assert "the gnome is gone" in _post(operator, "/forslag", form)
    assert own_rules.in_force(db.session()) == ()
    _post(operator, "/forslag/1/anvand")
    db.session.rollback()
    assert own_rules.in_force(db.session()) == (("the gnome is gone", "userunknown"),)
    _post(operator, "/forslag/1/kasta")
    db.session.rollback()
    assert own_rules.in_force(db.session()) == ()


def test_the_policys_numbers_are_saved_within_their_bounds(operator: FlaskClient) -> None:
    _post(operator, "/regler", {"soft_failures": "7", "outage_percent": "35"})
    db.session.rollback()
    policy = standing.policy(db.session())
    assert (policy.soft_failures, policy.outage_share) == (7, 0.35)

    answer = _post(operator, "/regler", {"soft_failures": "0"})
    assert "inget ändrades" in answer
    assert standing.policy(db.session()).soft_failures == 7
