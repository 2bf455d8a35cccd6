"""Looking changes nothing: every page, every file, for everybody (P8, R 1.16, 6.4)."""

import pytest

from newsletter_service.models import Role
from tests.integration.attacks.town import Town, differences, dump

STRANGER = "stranger"


@pytest.mark.parametrize("who", [STRANGER, *Role])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_p8_no_page_changes_a_row_by_being_looked_at(town: Town, who: str, method: str) -> None:
    client = town.stranger() if who == STRANGER else town.browser(Role(who))
    before = dump()
    for rule in town.world.app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint == "health.readyz":
            continue  # readyz says rightly that no queue server runs
        for path in town.paths(rule):
            answer = client.open(path, method=method)
            assert answer.status_code < 500, f"{method} {path} broke"
    assert differences(before, dump()) == []


HUGE = (2**31, 2**63, 10**30)


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_id_larger_than_any_is_an_unknown_one(town: Town, number: int, method: str) -> None:
    town.world.app.config["WTF_CSRF_ENABLED"] = False
    client = town.browser(Role.ADMINISTRATOR)
    for rule in town.world.app.url_map.iter_rules():
        if method not in (rule.methods or set()) or not rule.arguments or rule.endpoint == "static":
            continue
        for path in town.paths(rule):
            parts = [str(number) if part.isdigit() else part for part in path.split("/")]
            answer = client.open("/".join(parts), method=method)
            assert answer.status_code < 500, f"{method} {parts} broke"


@pytest.mark.parametrize("query", ["list", "lista", "fore", "before", "open", "probe", "sida"])
def test_a_number_in_a_query_larger_than_any_breaks_nothing(town: Town, query: str) -> None:
    client = town.browser(Role.ADMINISTRATOR)
    for rule in town.world.app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or not rule.rule.startswith("/desk"):
            continue
        for path in town.paths(rule):
            answer = client.get(path, query_string={query: str(2**63)})
            assert answer.status_code < 500, f"{path}?{query}= broke"
