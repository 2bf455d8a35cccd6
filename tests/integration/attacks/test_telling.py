"""What answers and logs tell about people: nothing (R 6.3, 8.10, P10)."""

import io
import json
import logging
import re

from werkzeug.test import TestResponse

from newsletter_service import logs, queue
from newsletter_service.models import Role
from tests.integration.attacks.conftest import forget_limits
from tests.integration.attacks.town import Town
from tests.integration.web.browsing import csrf_token


def same(one: TestResponse, other: TestResponse) -> bool:
    """Whether two answers differ in nothing but the request's id and its one-time marks."""

    def bare(answer: TestResponse) -> tuple[str, list[tuple[str, str]], str]:
        left_out = {"X-Request-ID", "Content-Security-Policy", "Set-Cookie", "Content-Length"}
        kept = [(name, value) for name, value in answer.headers if name not in left_out]
        words = re.sub(r'(nonce|value)="[^"]*"', "", answer.get_data(as_text=True))
        return answer.status, sorted(kept), words

    return bare(one) == bare(other)


def test_r_8_10_asking_for_a_link_tells_and_does_the_same_for_everybody(town: Town) -> None:
    """The queue too is spoken to alike: a slow one would tell who is on the staff."""
    answers, nudges = [], []
    for email in ("colleague@staff.test", "nobody@staff.test"):
        client = town.stranger()
        form = {"csrf_token": csrf_token(client.get("/desk/logga-in")), "email": email}
        with town.world.app.app_context():
            state = queue.state()
            before, state.silent_until = state.failed_nudges, 0.0
        answers.append(client.post("/desk/logga-in/lank", data=form))
        nudges.append(state.failed_nudges - before)
    assert same(*answers)
    assert nudges == [1, 1]


def test_r_8_10_a_wrong_password_tells_nothing_of_the_address(town: Town) -> None:
    answers = []
    for email in ("colleague@staff.test", "nobody@staff.test"):
        client = town.stranger()
        form = {"csrf_token": csrf_token(client.get("/desk/logga-in")), "email": email}
        answers.append(client.post("/desk/logga-in", data=form | {"password": "wrong"}))
    assert same(*answers)


def test_p10_no_log_of_a_walk_through_every_page_holds_an_address_or_a_token(town: Town) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        walk(town)
    finally:
        root.removeHandler(handler)
    lines = written.getvalue()
    assert lines
    assert "@" not in lines
    for token in (town.confirm, town.leave, town.preferences, town.login):
        assert token not in lines
    for line in lines.splitlines():
        json.loads(line)


def walk(town: Town) -> None:
    """Open and press everything as somebody who may."""
    client = town.browser(Role.ADMINISTRATOR)
    for rule in town.world.app.url_map.iter_rules():
        for method in {"GET", "POST"} & (rule.methods or set()):
            for path in town.paths(rule):
                forget_limits()
                client.open(path, method=method, data={"email": "told@reader.test"})
