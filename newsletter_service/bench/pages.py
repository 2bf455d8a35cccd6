"""Staff pages with a million subscribers and a hundred issues (design part 7, pages)."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.routing import Rule

from newsletter_service.accounts import people, sessions
from newsletter_service.bench import crowd, news_desk
from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting, quantile
from newsletter_service.bench.servers import postgres
from newsletter_service.extensions import db
from newsletter_service.models import (
    Issue,
    IssueState,
    NewsletterList,
    Role,
    Subscriber,
    writing,
)

ISSUES, ITEMS = 100, 10_000
LOOKS = 20
SLOWEST_MS = 1000.0
# A browser prints these, or they are no pages for staff.
LEFT_OUT = {"letter.on_paper", "auth.open_link", "auth.log_in", "auth.link_is_on_its_way"}
SHOWN_DRAFT = {"composer.page", "review.page"}


def run(setting: Setting) -> Iterator[Line]:
    """Every page that can be opened without further data, `LOOKS` times."""
    number = setting.audience(1_000_000)
    with postgres(setting.place) as url, installation(url, setting.place / "pages") as made:
        segment_id = seed(made, number, quick=setting.quick)
        client = _staff(made.app)
        for name, path in chain(_paths(made, segment_id), _to_a_segment(segment_id)):
            taken = [_look(client, path) for _ in range(3 if setting.quick else LOOKS)]
            detail: dict[str, float | str] = {
                "first ms": taken[0],
                "median ms": quantile(taken, 0.5),
            }
            p95 = (quantile(taken, 0.95),)
            yield Line("pages", f"{name}, p95", "ms", p95, most=SLOWEST_MS, detail=detail)


def _to_a_segment(segment_id: int) -> Iterator[tuple[str, str]]:
    """*Granska* once more, now that the draft is for a segment."""
    with writing() as session:
        draft = session.scalars(select(Issue).where(Issue.state == IssueState.DRAFT)).one()
        draft.segment_id = segment_id
        path = f"/desk/utskick/{draft.id}/granska"
    yield "granska, to a segment", path


def seed(made: Installation, readers: int, *, quick: bool = False) -> int:
    """All that the pages show, in some two minutes. Returns a segment."""
    segment_id = crowd.fill(made, readers)
    _issues(made, 5 if quick else ISSUES, readers)
    _news(made, 500 if quick else ITEMS)
    crowd.settle()
    return segment_id


def _issues(made: Installation, number: int, readers: int) -> None:
    """Sent issues with their tallies, the last of them with its ledger, and a draft."""
    for n in range(number):
        issue_id = made.issue(20_000)
        sent = n < number - 1
        state = IssueState.SENT if sent else IssueState.DRAFT
        at = datetime.now(UTC) - timedelta(days=14 * (number - n))
        with writing() as session:
            session.execute(
                update(Issue)
                .where(Issue.id == issue_id)
                .values(state=state, released_at=at, audience=readers if sent else 0)
            )
            if sent:
                crowd.batches(session, issue_id, readers)
            if n == number - 2:
                crowd.ledger(session, issue_id)
                crowd.leavers(session, made.list_id, session.get_one(Issue, issue_id))


def _news(made: Installation, number: int) -> None:
    with writing() as session:
        news_desk.items(session, session.get_one(NewsletterList, made.list_id), number)


def _staff(app: Flask) -> FlaskClient:
    person = people.create("staff@park.example.org", "Staff", list(Role))
    with writing() as session:
        token = sessions.open_session(session, person.id, datetime.now(UTC), "bench")
    client = app.test_client()
    with client.session_transaction(base_url="https://nyhetsbrev.example.org") as kept:
        kept["_user_id"] = token
    return client


def _paths(made: Installation, segment_id: int) -> Iterator[tuple[str, str]]:
    """Name and path of every staff page whose parts we have."""
    issues = db.session.scalars(select(Issue.id).order_by(Issue.id)).all()
    known = {
        "list_id": made.list_id,
        "person_id": 1,
        "segment_id": segment_id,
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
