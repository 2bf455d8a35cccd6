"""Was the letter useful: a link that only asks, a button that counts, nobody followed."""

from pathlib import Path

from newsletter_service.extensions import db
from newsletter_service.issues import answers
from newsletter_service.models import Edition, Issue, IssueState, writing
from tests.world import world


def test_an_answer_is_counted_when_the_button_is_pressed(sqlite_url: str, tmp_path: Path) -> None:
    with world(sqlite_url, tmp_path) as made:
        issue_id = made.issue(IssueState.SENT)
    client = made.app.test_client()
    for _ in range(3):  # P8: a GET changes nothing
        assert client.get(f"/nytta/{issue_id}/yes").status_code == 200
    assert client.post(f"/nytta/{issue_id}/yes").status_code == 200
    assert client.post(f"/useful/{issue_id}/no").status_code == 200
    assert client.post(f"/nytta/{issue_id}/yes").status_code == 200
    with made.app.app_context():
        assert answers.of(db.session(), issue_id) == (2, 1)


def test_a_draft_or_an_unknown_issue_has_nothing_to_answer(sqlite_url: str, tmp_path: Path) -> None:
    with world(sqlite_url, tmp_path) as made:
        issue_id = made.issue(IssueState.SENT)
        with writing() as session:
            session.get_one(Issue, issue_id).state = IssueState.DRAFT
    client = made.app.test_client()
    assert client.get(f"/nytta/{issue_id}/yes").status_code == 404
    assert client.post(f"/nytta/{issue_id}/yes").status_code == 404
    assert client.post("/nytta/4711/no").status_code == 404
    assert client.get(f"/nytta/{issue_id}/maybe").status_code == 404


def test_p10_the_links_to_answer_are_the_same_in_every_copy(
    sqlite_url: str, tmp_path: Path
) -> None:
    with world(sqlite_url, tmp_path) as made:
        issue_id = made.issue()
        edition = db.session.get_one(Edition, (issue_id, "sv"))
        assert f"https://nyhetsbrev.example.org/nytta/{issue_id}/yes" in edition.html
        assert f"https://nyhetsbrev.example.org/nytta/{issue_id}/no" in edition.text
