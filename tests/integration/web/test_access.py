"""Every route declares who may use it, and is answered as declared (R 8.7, 8.11)."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, BaseConverter, Rule
from werkzeug.routing.converters import NumberConverter

from newsletter_service.models import Role
from newsletter_service.web import access
from tests.integration.web.browsing import csrf_token

NOBODY = "nobody"


def _views(app: Flask) -> Iterator[tuple[Rule, access.Access | None]]:
    for rule in app.url_map.iter_rules():
        yield rule, access.declared(app.view_functions[rule.endpoint])


def _value(converter: BaseConverter) -> object:
    """Something that fits the address but names nothing."""
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 987654 if isinstance(converter, NumberConverter) else "nothing"


def _path(app: Flask, rule: Rule) -> str:
    """An address of the route; what it names need not exist."""
    with app.test_request_context():
        built = rule.build({name: _value(rule._converters[name]) for name in rule.arguments})
    assert built is not None
    return built[1]


def test_every_route_declares_who_may_use_it(app: Flask) -> None:
    undeclared = [rule.endpoint for rule, declared in _views(app) if declared is None]
    assert undeclared == []


def test_a_route_that_declares_nothing_is_denied_to_everybody(
    app: Flask, client_as: Callable[..., FlaskClient]
) -> None:
    app.view_functions["careless"] = lambda: "open to all"
    app.url_map.add(Rule("/careless", endpoint="careless"))
    assert client_as(Role.ADMINISTRATOR).get("/careless").status_code == 404


def test_every_name_on_the_list_without_csrf_is_a_route(app: Flask) -> None:
    assert set(access.CSRF_EXEMPT) <= set(app.view_functions)


def test_asvs_3_5_1_each_post_is_csrf_protected_or_on_the_named_list(
    app: Flask, client_as: Callable[..., FlaskClient]
) -> None:
    administrator = client_as(Role.ADMINISTRATOR)
    for rule, _declared in _views(app):
        for method in {"POST", "PUT", "PATCH", "DELETE"} & (rule.methods or set()):
            if rule.endpoint in access.CSRF_EXEMPT:
                continue
            answer = administrator.open(_path(app, rule), method=method)
            assert answer.status_code == 400, f"{method} {rule} took a form without a token"


@pytest.mark.parametrize("who", [NOBODY, *Role])
def test_asvs_8_2_1_each_route_answers_each_role_as_it_declares(
    app: Flask, client_as: Callable[..., FlaskClient], who: str
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client() if who == NOBODY else client_as(Role(who))
    for rule, declared in sorted(_views(app), key=lambda view: view[0].endpoint == "auth.log_out"):
        assert declared is not None
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = client.open(_path(app, rule), method=method)
            asked_to_log_in = answer.status_code == 401 or answer.headers.get(
                "Location", ""
            ).startswith("/desk/logga-in?next=")
            if declared.anybody:
                denied = answer.status_code == 403 or asked_to_log_in
                assert not denied, f"{method} {rule} is for everybody"
            elif who == NOBODY:
                assert asked_to_log_in, f"{method} {rule} let a stranger in"
            else:
                allowed = Role(who) in declared.roles
                assert (answer.status_code != 403) is allowed, f"{method} {rule} as {who}"


def test_a_page_sends_the_stranger_to_log_in_and_back(app: Flask, client: FlaskClient) -> None:
    @app.get("/desk/a-page")
    @access.staff
    def page() -> str:
        return "inside"

    answer = client.get("/desk/a-page?tab=2")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/desk/logga-in?next=/desk/a-page?tab%3D2"


def test_asvs_8_3_1_a_role_that_is_not_named_gets_403(
    app: Flask, client_as: Callable[..., FlaskClient]
) -> None:
    @app.get("/desk/for-operators")
    @access.allow(Role.OPERATOR)
    def page() -> str:
        return "inside"

    assert client_as(Role.EDITOR).get("/desk/for-operators").status_code == 403
    assert client_as(Role.OPERATOR).get("/desk/for-operators").status_code == 200
    assert client_as(Role.ADMINISTRATOR).get("/desk/for-operators").status_code == 200


def test_a_form_with_its_token_is_taken(app: Flask, client: FlaskClient) -> None:
    token = csrf_token(client.get("/desk/logga-in"))
    answer = client.post("/desk/logga-in/lank", data={"csrf_token": token, "email": "x@y.test"})
    assert answer.status_code == 303
