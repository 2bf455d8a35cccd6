"""The style sheets: tokens only, and colours that can be read."""

import re
from pathlib import Path

import pytest

STYLES = Path(__file__).parents[3] / "newsletter_service" / "web" / "static" / "css"
SHEETS = sorted(STYLES.glob("*.css"))
TOKENS = (STYLES / "tokens.css").read_text()


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_colours_and_sizes_are_written_in_the_tokens_only(sheet: Path) -> None:
    if sheet.name == "tokens.css":
        return
    text = re.sub(r"/\*.*?\*/|@media[^{]*", "", sheet.read_text(), flags=re.DOTALL)
    colours = re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|oklab)a?\(", text)
    sizes = re.findall(r"\b[\d.]+(?:px|rem|pt|ch)\b", text)
    assert (colours, sizes) == ([], [])


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_a_style_sheet_uses_only_tokens_that_exist(sheet: Path) -> None:
    known = set(re.findall(r"(--[\w-]+):", TOKENS))
    assert set(re.findall(r"var\((--[\w-]+)", sheet.read_text())) <= known


def _luminance(colour: str) -> float:
    digits = "".join(2 * digit for digit in colour) if len(colour) == 3 else colour
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, definition of contrast ratio."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _pair(token: str) -> tuple[str, str]:
    found = re.search(rf"--{token}: light-dark\(#(\w+), #(\w+)\)", TOKENS)
    assert found, token
    return found[1], found[2]


@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *[(status, f"{status}-ground", 4.5) for status in ("neutral", "good", "wait", "bad")],
        *[(ink, ground, 4.5) for ink in ("ink", "ink-soft") for ground in ("paper", "sunk")],
        *[(ink, "raised", 4.5) for ink in ("ink-soft", "good", "wait", "bad")],
        ("edge", "paper", 3),
        *[(f"{status}-mark", "paper", 3) for status in ("neutral", "good", "wait", "bad")],
    ],
)
def test_r_8_3_text_and_marks_have_contrast_in_both_themes(
    ink: str, ground: str, least: float
) -> None:
    for one, other in zip(_pair(ink), _pair(ground), strict=True):
        assert _contrast(one, other) >= least
