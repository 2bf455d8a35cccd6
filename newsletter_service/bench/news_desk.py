"""How long the desk's pages of news take with ten thousand items and a hundred issues.

On SQLite, through the whole application, without a network between. Comparing what a fetch
brought with all that stands, and suggesting an issue, are measured beside them.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import insert, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from newsletter_service.accounts import links, people
from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting
from newsletter_service.extensions import db
from newsletter_service.issues import suggest
from newsletter_service.models import (
    Block,
    Issue,
    IssueState,
    Item,
    NewsletterList,
    Role,
    Source,
    writing,
)
from newsletter_service.news import folding

ITEMS, ISSUES, SOURCES, IN_AN_ISSUE = 10_000, 100, 12, 8
NEW = 300
LOOKS = 20
SLOWEST_S = 0.5
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_PAGES = {
    "Nya": "/desk/nyheter",
    "Nya, page 20": "/desk/nyheter?sida=20",
    "Nya, a search": "/desk/nyheter?sok=labb",
    "Nya, a tag": "/desk/nyheter?tagg=Forskning",
    "Använda": "/desk/nyheter?flik=anvanda",
    "Kommande": "/desk/nyheter?flik=kommande",
    "Översikt": "/desk/",
}
_SUBJECTS = ("labb", "bolag", "seminarium", "pris", "forskare", "lokal", "chef", "patent")
_VERBS = ("öppnar", "flyttar", "vinner", "söker", "bygger", "visar", "provar", "delar")


class _Outside(FlaskClient):
    """A browser whose requests share nothing with the bench's own context."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        return Context().run(super().open, *args, **options)


def run(setting: Setting) -> Iterator[Line]:
    """Each page by its 95th percentile, then the work behind."""
    url = f"sqlite:///{setting.place / 'news.db'}"
    with installation(url, setting.place / "news", base_url="http://localhost") as made:
        scale = 20 if setting.quick else 1
        _fill(made, ITEMS // scale, ISSUES // scale)
        client = _logged_in(made)
        for name, path in _PAGES.items():
            samples = [_p95(client, path, 3 if setting.quick else LOOKS) for _ in _rounds(setting)]
            yield _line(name, samples, SLOWEST_S)
        yield _line("fold 300 new", [_folded(made, round_) for round_ in _rounds(setting)])
        yield _line(
            "suggest an issue", [_timed(lambda: _suggested(made)) for _ in _rounds(setting)]
        )


def _rounds(setting: Setting) -> range:
    return range(setting.rounds)


def _line(what: str, samples: list[float], most: float | None = None) -> Line:
    in_ms = tuple(round(sample * 1000, 1) for sample in samples)
    return Line("news", what, "ms", in_ms, most=most and most * 1000)


def _p95(client: FlaskClient, path: str, looks: int) -> float:
    taken = sorted(_timed(lambda: _look(client, path)) for _ in range(looks))
    return taken[min(looks - 1, int(looks * 0.95))]


def _look(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _logged_in(made: Installation) -> FlaskClient:
    person = people.create("anna@staff.test", "Anna", [str(Role.EDITOR)])
    path = links.one_time_link(person).removeprefix("http://localhost")
    db.session.remove()
    made.app.test_client_class = _Outside
    client = made.app.test_client()
    token = _TOKEN.search(client.get(path).text)
    client.post(path, data={"csrf_token": token[1] if token else ""})
    return client


def _fill(made: Installation, number: int, issues: int) -> None:
    """Items of two years, some tagged, dated or told twice, and issues that carry some of them."""
    now = datetime.now(UTC)
    with writing() as session:
        newsletter = session.get_one(NewsletterList, made.list_id)
        made_ids = items(session, newsletter, number)
        for no in range(1, issues + 1):
            issue = Issue(list_id=made.list_id, number=no, state=IssueState.SENT)
            issue.created_at = issue.changed_at = issue.sent_at = now - timedelta(weeks=issues)
            carried = made_ids[-(no + 1) * IN_AN_ISSUE : -no * IN_AN_ISSUE]
            issue.blocks = [
                Block(kind="item", position=place, item_id=item_id, data={"sv": {"title": "x"}})
                for place, item_id in enumerate(carried, 1)
            ]
            session.add(issue)


def items(session: Session, newsletter: NewsletterList, number: int) -> list[int]:
    """That many items of two years from a dozen feeds; returns their ids, oldest last."""
    now = datetime.now(UTC)
    sources = [
        Source(url=f"https://s{n}.example/feed", kind="rss", title=f"Källa {n}", due_at=now)
        for n in range(SOURCES)
    ]
    for source in sources:
        source.created_at, source.lists = now, [newsletter]
    session.add_all(sources)
    session.flush()
    ids = [source.id for source in sources]
    rows = [_item(n, ids[n % SOURCES], now, number) for n in range(number)]
    made_ids = list(session.scalars(insert(Item).returning(Item.id), rows))
    session.execute(update(Item).values(compared=True))
    return made_ids


def _item(n: int, source_id: int, now: datetime, of: int) -> dict[str, object]:
    words = f"{_SUBJECTS[n % 8]} nummer {n} {_VERBS[n // 8 % 8]} i hus {n // 64 % 90}"
    when = now - timedelta(days=730) * (n / of)
    return {
        "source_id": source_id,
        "guid": f"g{n}",
        "url": f"https://s{source_id}.example/{n}",
        "title": words.capitalize(),
        "summary": f"{words.capitalize()}. Det berättar parken i dag och mer följer i veckan.",
        "tags": ["Forskning"] if n % 5 == 0 else ["Bolag"] if n % 7 == 0 else [],
        "published_at": when,
        "fetched_at": when,
        "changed_at": when,
        "starts_on": (now + timedelta(days=n % 40)).date() if n % 50 == 0 else None,
    }


def _folded(made: Installation, round_: int) -> float:
    """Compare a full fetch, half of it told before, with everything that stands."""
    now = datetime.now(UTC)
    with writing() as session:
        source = Source(url=f"https://n{round_}.example/feed", kind="rss", due_at=now)
        source.created_at, source.lists = now, [session.get_one(NewsletterList, made.list_id)]
        session.add(source)
        session.flush()
        rows = [_item(n * 2 + round_, source.id, now, ITEMS) for n in range(NEW)]
        session.execute(insert(Item), rows)
    return _timed(lambda: folding.fold(now))


def _suggested(made: Installation) -> int:
    return suggest.suggest(suggest.Wish(made.list_id), actor="bench", now=datetime.now(UTC))


BENCH = Bench("news", "pages of news with 10 000 items, folding, suggesting", run)
