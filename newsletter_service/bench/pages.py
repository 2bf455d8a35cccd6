"""Staff pages with a million subscribers and a hundred issues (design part 7, pages)."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, insert, literal, select, text, update
from werkzeug.routing import Rule

from newsletter_service.accounts import people, sessions
from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting, quantile
from newsletter_service.bench.servers import postgres
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    Issue,
    IssueState,
    Role,
    Subscriber,
    Subscription,
    SubscriptionState,
    writing,
)

ISSUES = 100
LOOKS = 20
# A browser prints these, or they are no pages for staff.
LEFT_OUT = {"letter.on_paper", "auth.open_link", "auth.log_in", "auth.link_is_on_its_way"}
SHOWN_DRAFT = {"composer.page", "review.page"}


def run(setting: Setting) -> Iterator[Line]:
    """Every page that can be opened without further data, `LOOKS` times."""
    number = setting.audience(1_000_000)
    with postgres(setting.place) as url, installation(url, setting.place / "pages") as made:
        _crowd(made, number)
        _issues(made, 5 if setting.quick else ISSUES, number)
        _vacuum()
        client = _staff(made.app)
        for name, path in _paths(made):
            taken = [_look(client, path) for _ in range(3 if setting.quick else LOOKS)]
            detail: dict[str, float | str] = {"median ms": quantile(taken, 0.5)}
            yield Line("pages", f"{name}, p95", "ms", (quantile(taken, 0.95),), detail=detail)


def _crowd(made: Installation, number: int) -> None:
    """Subscribers and their subscriptions, made by the database itself."""
    i = func.generate_series(1, number).column_valued("i")
    since = literal(datetime.now(UTC)) - func.make_interval(0, 0, 0, 0, 0, i)
    letters = func.to_char(i, "FM9999999")
    key = func.sha256(func.convert_to(letters, "UTF8"))
    domain = literal("d") + func.to_char(i % 500, "FM999") + ".example"
    with writing() as session:
        session.execute(
            insert(Subscriber).from_select(
                ["address", "address_key", "domain", "locale", "created_at"],
                select(
                    literal("reader") + letters + "@" + domain, key, domain, literal("sv"), since
                ),
            )
        )
        one = Subscriber.__table__.c
        session.execute(
            insert(Subscription).from_select(
                ["subscriber_id", "list_id", "state", "handle", "created_at", "confirmed_at"],
                select(
                    one.id,
                    literal(made.list_id),
                    literal(str(SubscriptionState.CONFIRMED)),
                    func.substr(one.address_key, 1, 16),
                    one.created_at,
                    one.created_at,
                ),
            )
        )


def _issues(made: Installation, number: int, readers: int) -> None:
    """Sent issues with their batches, one draft last."""
    for n in range(number):
        issue_id = made.issue(20_000)
        sent = n < number - 1
        state = IssueState.SENT if sent else IssueState.DRAFT
        at = datetime.now(UTC) - timedelta(days=14 * (number - n))
        with writing() as session:
            session.execute(
                update(Issue).where(Issue.id == issue_id).values(state=state, released_at=at)
            )
            if sent:
                _batches(session.connection(), issue_id, readers)


def _batches(connection: object, issue_id: int, readers: int) -> None:
    rows = [
        {
            "issue_id": issue_id,
            "first_n": first + 1,
            "last_n": first + 1000,
            "accepted": 990,
            "refused": 4,
            "skipped": 6,
            "done": True,
        }
        for first in range(0, readers, 1000)
    ]
    connection.execute(insert(Batch), rows)  # type: ignore[attr-defined]


def _vacuum() -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _staff(app: Flask) -> FlaskClient:
    person = people.create("staff@park.example.org", "Staff", list(Role))
    with writing() as session:
        token = sessions.open_session(session, person.id, datetime.now(UTC), "bench")
    client = app.test_client()
    with client.session_transaction(base_url="https://nyhetsbrev.example.org") as kept:
        kept["_user_id"] = token
    return client


def _paths(made: Installation) -> Iterator[tuple[str, str]]:
    """Name and path of every staff page whose parts we have."""
    issues = db.session.scalars(select(Issue.id).order_by(Issue.id)).all()
    known = {
        "list_id": made.list_id,
        "person_id": 1,
        "subscriber_id": db.session.scalar(select(func.min(Subscriber.id))),
    }
    adapter = made.app.url_map.bind("nyhetsbrev.example.org", url_scheme="https")
    for rule in sorted(made.app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if not _is_page(rule):
            continue
        values = known | {"issue_id": issues[-1 if rule.endpoint in SHOWN_DRAFT else -2]}
        if rule.arguments <= values.keys():
            given = {name: values[name] for name in rule.arguments}
            yield rule.rule, adapter.build(rule.endpoint, given)


def _is_page(rule: Rule) -> bool:
    methods = rule.methods or set()
    return "GET" in methods and rule.rule.startswith("/desk") and str(rule.endpoint) not in LEFT_OUT


def _look(client: FlaskClient, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path, base_url="https://nyhetsbrev.example.org")
    seconds = time.perf_counter() - began
    db.session.remove()
    if answer.status_code not in (200, 302, 404):
        raise RuntimeError(f"{path} was answered by {answer.status_code}.")
    return seconds * 1000


BENCH = Bench("pages", "staff pages with a million subscribers and a hundred issues", run)
