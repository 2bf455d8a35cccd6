"""The page about the check says what the check does."""

from pathlib import Path

from newsletter_service.issues import rule_page

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"


def test_the_page_is_written_out_of_the_rules() -> None:
    """`newsletter issues rules > docs/checks.md` after a change."""
    assert PAGE.read_text("utf-8") == rule_page.markdown()
