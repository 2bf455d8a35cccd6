"""What a front page tells about its site."""

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter_service.news.colours import accents, hex_of
from newsletter_service.news.discover import FeedLink, common_feeds, feeds_in, site_profile

BASE = "https://park.example.org/om/"
PAGE = """<!doctype html><html lang="sv-SE"><head><title>Hem | Fjärdens forskningspark</title>
<link rel="alternate" type="application/rss+xml" title="Kommentarer" href="/comments/feed/">
<link rel="alternate" type="application/rss+xml" title="Nyheter" href="/feed/">
<link rel="alternate" type="application/feed+json" href="feed.json">
<link rel="alternate" hreflang="en" href="/en/">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="https://api.w.org/" href="https://park.example.org/wp-json/">
<link rel="stylesheet" href="/stil.css"><link rel="apple-touch-icon" href="/ikon.png">
<meta property="og:image" content="/delning.jpg">
<style>body { color: #333; background: white } a { color: #0a7d5c }</style>
</head><body><header><a class="brand-logo" href="/"><img src="/logga.svg" alt=""></a></header>
<img src="/partner-logo.png"><a href="mailto:Hej@park.example.org?subject=x">Skriv</a></body></html>
"""
JSON_LD = """<script type="application/ld+json">{"@graph": [{"@type": "WebSite", "name": "Sajten"},
{"@type": "Organization", "name": "Fjärden", "logo": {"@type": "ImageObject", "url": "/ld.png"},
"email": "info@park.example.org", "address": {"streetAddress": "Bryggan 1",
"postalCode": "111 22", "addressLocality": "Fjärden"}}]}</script>"""


def test_feeds_are_found_with_the_comments_last() -> None:
    assert feeds_in(PAGE.encode(), BASE) == [
        FeedLink("https://park.example.org/feed/", "rss", "Nyheter"),
        FeedLink("https://park.example.org/om/feed.json", "json", ""),
        FeedLink(
            "https://park.example.org/wp-json/wp/v2/posts?per_page=50&_embed=1", "wordpress", ""
        ),
        FeedLink("https://park.example.org/comments/feed/", "rss", "Kommentarer"),
    ]


def test_a_page_without_feeds_has_usual_places_to_try() -> None:
    assert feeds_in(b"<p>Hej", BASE) == []
    assert "https://park.example.org/feed/" in common_feeds(BASE)


def test_logos_are_proposed_with_their_reasons_best_first() -> None:
    profile = site_profile(PAGE.replace("</head>", JSON_LD + "</head>").encode(), BASE, [])
    assert [(p.value.rsplit("/", 1)[1], p.reason) for p in profile.logos] == [
        ("ld.png", "organisation"),
        ("logga.svg", "header"),
        ("partner-logo.png", "page"),
        ("ikon.png", "touch_icon"),
        ("delning.jpg", "social"),
    ]
    assert profile.logo_url == "https://park.example.org/ld.png"
    assert (profile.name, profile.email) == ("Fjärden", "info@park.example.org")
    assert profile.postal_address == "Bryggan 1, 111 22 Fjärden"


def test_a_plain_page_still_gives_a_profile() -> None:
    profile = site_profile(PAGE.encode(), BASE, [])
    assert profile.language == "sv"
    assert profile.email == "Hej@park.example.org"
    assert profile.logo_url == "https://park.example.org/logga.svg"
    assert profile.accent == "#0a7d5c"
    assert profile.stylesheets == ["https://park.example.org/stil.css"]
    assert profile.postal_address is None


def test_the_accent_comes_from_the_page_then_a_variable_then_what_is_frequent() -> None:
    css = ":root { --wp--preset--color--primary: #16697a; --brand-text: #aa0000 } " + (
        "a { color: #0055ff } " * 9 + "p { color: #222 } " * 99
    )
    assert [(p.value, p.reason) for p in accents("#E4A", [css])] == [
        ("#ee44aa", "theme_color"),
        ("#16697a", "variable"),
        ("#aa0000", "variable"),
        ("#0055ff", "frequent"),
    ]
    assert accents("#ffffff", ["p { color: #fff }"]) == []
    assert hex_of("rgb(22, 105, 122)") == "#16697a"
    assert hex_of("rgb(999,0,0)") is hex_of("red") is None


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<link rel=alternate type='application/rss+xml' href='http://['>", "<html lang=''>",
             "<base href='//['>", "<script type='application/ld+json'>", "</script>", "[[[[", "{}",
             '{"@type": ["Organization", 3], "logo": [1], "address": [[]], "name": {}}', "<img logo",  # noqa: E501
             "<header>", "<img class=logo src='data:x'>", "<style>--primary: #12", "\0", "<body>"]
        )
        | st.text(max_size=15),
        max_size=20,
    ).map("".join)
)  # fmt: skip
def test_any_page_gives_a_profile(page: str) -> None:
    raw = page.encode("utf-8", "surrogatepass")
    profile = site_profile(raw, BASE, [raw])
    assert profile.feeds == feeds_in(raw, BASE)
