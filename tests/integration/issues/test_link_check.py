"""Opening an issue's addresses in a job: what came of it is stored, and the check reads it."""

import io
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from newsletter_service.accounts import people
from newsletter_service.extensions import db
from newsletter_service.issues import link_check, preflight
from newsletter_service.models import Issue, IssueState, LinkCheck, Notice, Role, writing
from tests.integration.issues.conftest import NOW
from tests.world import World, world


class _Site(BaseHTTPRequestHandler):
    """A site whose pages answer with the number they are called by."""

    asked: list[str]

    def do_GET(self) -> None:
        """/404 answers 404, /moved leads to /ok, /bild is a picture of 1200 by 800."""
        self.asked.append(self.path)
        if self.path == "/hang":
            self.wfile.write(b"no answer of the web")
            return
        name = self.path.strip("/")
        status = int(name) if name.isdigit() else 200
        body, kind = b"<p>Hej", "text/html; charset=utf-8"
        if name == "flaky" and self.asked.count("/flaky") == 1:
            status = 503
        if name == "bild":
            out = io.BytesIO()
            Image.new("RGB", (1200, 800)).save(out, "PNG")
            body, kind = out.getvalue(), "image/png"
        self.send_response(302 if name == "moved" else status)
        if name == "moved":
            self.send_header("Location", "/ok")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """The address of a site, and what was asked of it."""
    handler = type("Site", (_Site,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler.asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path, site: tuple[str, list[str]]) -> Iterator[World]:
    """A newsletter in trial mode, where the site of this test may be opened."""
    with world(sqlite_url, tmp_path, trial_origins=site[0]) as made:
        made.readers(3)
        with writing() as session:
            session.execute(db.text("UPDATE organisation SET live_at = NULL"))
        yield made


def _leading_to(desk: World, *urls: str, picture: str = "") -> int:
    issue_id = desk.issue(IssueState.DRAFT)
    links = " ".join(f"[sidan {n}]({url})" for n, url in enumerate(urls))
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        issue.text("sv").introduction = links
        issue.changed_at = NOW
        item = {"url": urls[0] if urls else "", "image_url": picture}
        issue.blocks[0].data = {"sv": issue.blocks[0].data["sv"] | item}
    return issue_id


def _rules(issue_id: int, prefix: str = "link_") -> dict[str, str]:
    issue = db.session.get_one(Issue, issue_id)
    report = preflight.examine(db.session(), issue, NOW + timedelta(minutes=1))
    found = [*report.must, *report.should, *report.tips]
    return {
        one.rule: str(one.values.get("url", "")) for one in found if one.rule.startswith(prefix)
    }


def _outcomes() -> dict[str, str]:
    rows = db.session.scalars(select(LinkCheck))
    return {row.url.rpartition("/")[2]: str(row.outcome) for row in rows}


def test_every_answer_becomes_what_the_check_says(desk: World, site: tuple[str, list[str]]) -> None:
    names = ("ok", "404", "500", "403", "moved", "flaky", "hang")
    urls = [f"{site[0]}/{name}" for name in names]
    issue_id = _leading_to(desk, *urls, "http://127.0.0.1:9/x", "mailto:hej@park.se")

    assert link_check.look(issue_id, NOW) == 8

    assert _outcomes() == {
        **dict.fromkeys(("ok", "moved", "flaky"), "ok"),
        **{"404": "gone", "500": "failing", "403": "denied", "x": "unknown", "hang": "silent"},
    }
    assert _rules(issue_id) == {
        "link_gone": f"{site[0]}/404",
        "link_failing": f"{site[0]}/500",
        "link_denied": f"{site[0]}/403",
        "link_silent": f"{site[0]}/hang",
        "link_moved": f"{site[0]}/moved",
    }


def test_an_address_is_tried_once_in_a_while_and_anew_when_asked(
    desk: World, site: tuple[str, list[str]]
) -> None:
    issue_id = _leading_to(desk, f"{site[0]}/ok")
    link_check.look(issue_id, NOW)
    link_check.look(issue_id, NOW + timedelta(hours=1))
    assert site[1] == ["/ok"]

    link_check.look(issue_id, NOW + timedelta(hours=7))
    link_check.ask(issue_id, NOW)
    link_check.look(issue_id, NOW + timedelta(hours=7))
    assert site[1] == ["/ok"] * 3


def test_a_picture_is_measured_and_its_size_filled_in(
    desk: World, site: tuple[str, list[str]]
) -> None:
    issue_id = _leading_to(desk, picture=f"{site[0]}/bild")
    assert "picture_unsized" in _rules(issue_id, "picture_")

    link_check.look(issue_id, NOW)
    row = db.session.scalars(select(LinkCheck).where(LinkCheck.width.is_not(None))).one()
    assert (row.width, row.height, row.kind) == (1200, 800, "image/png")


def test_what_was_lost_or_grew_old_is_found_again(desk: World, site: tuple[str, list[str]]) -> None:
    issue_id = _leading_to(desk, f"{site[0]}/ok")
    assert link_check.overdue(NOW) == []  # the nudge is still on its way
    assert link_check.overdue(NOW + timedelta(minutes=2)) == [issue_id]

    link_check.look(issue_id, NOW + timedelta(minutes=2))
    assert link_check.overdue(NOW + timedelta(days=2)) == []
    with writing() as session:
        session.get_one(Issue, issue_id).state = IssueState.SCHEDULED
    assert link_check.overdue(NOW + timedelta(hours=7)) == [issue_id]


def test_who_planned_an_issue_is_told_once_of_a_link_that_died_since(
    desk: World, site: tuple[str, list[str]]
) -> None:
    for name, role in (("anna", Role.EDITOR), ("otto", Role.OPERATOR), ("vera", Role.APPROVER)):
        people.create(f"{name}@staff.test", name, [role])
    issue_id = _leading_to(desk, f"{site[0]}/ok", f"{site[0]}/404")
    with writing() as session:  # what it led to was there when it was planned
        issue = session.get_one(Issue, issue_id)
        issue.state, issue.send_at = IssueState.SCHEDULED, NOW + timedelta(hours=3)

    def told() -> list[str]:
        db.session.rollback()
        rows = db.session.scalars(select(Notice).where(Notice.kind == "alert"))
        return sorted(row.address.partition("@")[0] for row in rows)

    link_check.look(issue_id, NOW)
    link_check.look(issue_id, NOW + timedelta(minutes=10))
    assert told() == ["anna", "otto"]
    (what,) = {str(row.values["what"]) for row in db.session.scalars(select(Notice))}
    assert f"{site[0]}/404" in what

    # looked at once more in its last hour, though not long has passed
    close = NOW + timedelta(hours=2, minutes=5)
    assert link_check.overdue(close - timedelta(minutes=30)) == []
    assert link_check.overdue(close) == [issue_id]
    before = len(site[1])
    assert link_check.look(issue_id, close) == 2
    assert len(site[1]) > before
    assert link_check.overdue(close + timedelta(minutes=30)) == []
    assert link_check.overdue(close + timedelta(minutes=50)) == [issue_id]  # and just before
    assert told() == ["anna", "otto"]


def test_an_address_that_nobody_has_tried_is_told_after_a_while(desk: World) -> None:
    issue_id = _leading_to(desk, "http://127.0.0.1:9/x")
    assert _rules(issue_id) == {}

    issue = db.session.get_one(Issue, issue_id)
    report = preflight.examine(db.session(), issue, NOW + timedelta(minutes=3))
    assert [one.values for one in report.should if one.rule == "link_untried"] == [{"number": 1}]
