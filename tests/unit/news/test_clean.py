"""Foreign text becomes fit to show."""

import pytest

from newsletter_service.news import clean


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Labb &amp; hus</p><p>v&aring;ren &ndash; 27</p>", "Labb & hus våren – 27"),
        ("a\u202eb\u200bc\x07d", "abcd"),
        ("A\u030angstro\u0308m", "Ångström"),
        ("ett\n\n  två\u00a0tre\tfyra", "ett två tre fyra"),
        ("<script>alert(1)</script>Hej<style>p{}</style>", "Hej"),
        ("3 < 4 och 5 > 2", "3 < 4 och 5 > 2"),
        ("half \ud800 character", "half character"),
        ("", ""),
    ],
)  # fmt: skip
def test_r_7_12_markup_becomes_one_clean_line(markup: str, text: str) -> None:
    assert clean.plain_text(markup) == text


def test_a_cut_falls_after_a_sentence_or_at_least_a_word() -> None:
    assert clean.excerpt("Den första meningen är lång nog. Den andra får inte plats.", 45) == (
        "Den första meningen är lång nog."
    )
    breakfast = "Vad kostar den? Kom och fråga tisdag kl. 8.00, när tre berättar."
    assert clean.excerpt(breakfast, 50) == "Vad kostar den? Kom och fråga tisdag kl. 8.00…"
    assert clean.excerpt("ord " * 50, 21) == "ord ord ord ord ord…"
    assert len(clean.excerpt("x" * 1000, 400)) == 400


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Kom kl. 8. Kaffe finns.", 2),
        ("Mat, t.ex. bröd m.m. Välkomna!", 2),
        ("I hus 3. Den 3. december är det dags", 1),
        ("Prof. Ek och Dr. Berg talar. Frågor?", 2),
        ("See no. 12. No. Never.", 3),
    ],
)
def test_a_sentence_goes_on_behind_what_is_only_cut_short(text: str, sentences: int) -> None:
    assert len(clean.sentence_ends(text)) == sentences


@pytest.mark.parametrize(
    "markup",
    [
        '<img src=x onerror="alert(1)">',
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<iframe src=https://evil.test></iframe>",
        "<svg onload=alert(1)>",
        "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
        "<form action=/x><input name=y></form>",
        "<p style='position:fixed'>x</p>",
        "<math><mtext><style><img src=x onerror=alert(1)>",
    ],
)
def test_r_7_14_nothing_active_survives(markup: str) -> None:
    safe = clean.safe_html(markup, "https://feed.example.org/").lower()
    for word in ("onerror", "onload", "javascript", "<iframe", "<svg", "data:", "<form", "style="):
        assert word not in safe


def test_relative_addresses_become_absolute_and_pixels_are_no_pictures() -> None:
    safe = clean.safe_html(
        '<img src="/p.gif" width="1" height="1"><img src="bild.jpg" alt="Fj&auml;ril">',
        "https://feed.example.org/nyheter/",
    )
    assert clean.first_image(safe) == ("https://feed.example.org/nyheter/bild.jpg", "Fjäril")


@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", "data:text/html,x", "ftp://a.test/", "http://", "http://[::1", "",
     None, "https://user:pw@a.test/", "x" * 3000, "http://a.test:port/"],
)  # fmt: skip
def test_only_plain_web_addresses_pass(value: str | None) -> None:
    assert clean.web_url(value, "") is None


def test_absurd_nesting_becomes_text() -> None:
    assert clean.safe_html("<div>" * 5000 + "inne", "") == "inne"


def test_what_joins_two_pictures_to_one_is_kept_and_nowhere_else() -> None:
    scientist, flag = "\U0001f469\u200d\U0001f52c", "\U0001f3f3\ufe0f\u200d\U0001f308"

    assert clean.plain_text(f"{scientist} och {flag}") == f"{scientist} och {flag}"
    assert clean.plain_text("be\u200dtala \u200d\U0001f52c, \U0001f469\u200d nu") == (
        "betala \U0001f52c, \U0001f469 nu"
    )
