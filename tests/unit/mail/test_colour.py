import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.mail import colour

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS)
def test_r_7_9_every_accent_reads_well_in_every_use(accent: str) -> None:
    made = colour.palette(accent)
    assert colour.contrast(made.on_accent, made.accent) >= 4.5
    assert colour.contrast(made.text, colour.WHITE) >= 4.5
    assert colour.contrast(made.text_dark, colour.DARK_SHEET) >= 4.5
    assert colour.contrast(colour.INK, made.tint) >= 7


def test_an_accent_that_reads_well_is_left_alone() -> None:
    assert colour.palette("#0B6E6E").text == "#0b6e6e"


def test_a_pale_accent_is_darkened_only_as_far_as_needed() -> None:
    mended = colour.palette("#f5c400").text
    assert 4.5 <= colour.contrast(mended, colour.WHITE) < 5


def test_contrast_is_as_wcag_counts_it() -> None:
    assert colour.contrast("#000", "#fff") == pytest.approx(21)
    assert colour.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("wrong", ["red", "#12", "#gggggg", "rgb(1,2,3)", "#fff;x:y"])
def test_what_is_no_colour_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        colour.palette(wrong)
    assert not colour.is_colour(wrong)


def test_without_an_accent_there_is_one() -> None:
    assert colour.palette(None) == colour.palette(colour.DEFAULT_ACCENT)
