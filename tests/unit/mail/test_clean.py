import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.mail import clean


@given(st.text())
def test_r_7_12_nothing_that_hides_or_turns_text_around_stays(value: str) -> None:
    for cleaned in (clean.text(value), clean.line(value)):
        assert unicodedata.is_normalized("NFC", cleaned)
        harmful = {char for char in cleaned if unicodedata.category(char) in {"Cc", "Cs"}}
        assert harmful <= {"\n", "\t"}
        assert not set("\u202a\u202e\u2066\u2069") & set(cleaned)
        cleaned.encode()


def test_r_7_12_a_subject_keeps_its_emoji_and_loses_what_has_no_width() -> None:
    assert clean.line("Nytt\u200b  brev\ufeff 👩‍💻 a\u200db") == "Nytt brev 👩‍💻 ab"


def test_letters_in_two_pieces_become_one() -> None:
    assert clean.text("a\u030a") == "å"
