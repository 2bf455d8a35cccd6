"""Pages of news, as sites write them and as an attacker does."""

import time
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.news.article import Article, read

URL = "https://park.example.org/nyheter/labb"


def page(head: str = "", body: str = "") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


def test_what_a_page_says_to_be_shared_by_comes_first() -> None:
    html = page(
        '<title>Fel | Parken</title><meta property="og:title" content="Nytt labb &amp; bad">'
        '<meta property="og:description" content="Öppnar i höst.">'
        '<meta property="og:image" content="/bild.jpg">'
        '<meta property="og:image:alt" content="Labb">',
        "<h1>Något annat</h1>",
    )
    assert read(html, URL) == Article(
        "Nytt labb & bad", "Öppnar i höst.", "https://park.example.org/bild.jpg", "Labb"
    )


def test_a_plain_page_is_read_by_its_heading_and_first_real_paragraph() -> None:
    said = "Parken har fått ett nytt laboratorium där små bolag kan boka tid vid ett mikroskop."
    html = page(
        "<title>Nytt labb | Parken</title>",
        f"<p>Meny och annat som är längre än sextio tecken men inte är någon nyhet alls, bara meny."
        f"</p><main><h1>Nytt <em>labb</em></h1><p>Kort.</p><p>{said}</p></main>",
    )
    found = read(html, URL)
    assert (found.title, found.summary) == ("Nytt labb", said)


def test_an_event_tells_its_day_and_place() -> None:
    html = page(
        '<script type="application/ld+json">{"@type": "Event", "headline": "Öppet hus",'
        '"startDate": "2026-12-10T16:30", "location": {"name": "Entrén"}, "image": ["/a.png"]}'
        "</script><script type='application/ld+json'>{broken</script>"
    )
    found = read(html, URL)
    assert (found.title, found.place, found.starts_on) == (
        "Öppet hus",
        "Entrén",
        date(2026, 12, 10),
    )
    assert found.image_url == "https://park.example.org/a.png"


def test_markup_and_addresses_that_lead_astray_are_left_out() -> None:
    html = page(
        '<meta property="og:title" content="&lt;script&gt;alert(1)&lt;/script&gt;Nytt">'
        '<meta property="og:image" content="javascript:alert(1)">'
    )
    found = read(html, URL)
    assert "<" not in found.title
    assert found.image_url == ""


@given(st.binary(max_size=600))
def test_any_bytes_are_a_page(body: bytes) -> None:
    assert isinstance(read(body, URL), Article)


def test_the_articles_own_words_are_found_among_menus_and_banners() -> None:
    said = (
        "Den 3 december klockan 8 bjuder parken in till ett frukostseminarium om biobanker, "
        "med tre korta föredrag och gott om tid för frågor."
    )
    more = "Anmäl dig senast 30 november, så att kaffet räcker till alla som kommer till huset."
    links = (f"<li><a href=/{n}>En länk i menyn nummer {n} om parken</a></li>" for n in range(30))
    menu = "".join(links)
    html = page(
        "<title>Frukost | Parken</title>",
        f"<nav><ul>{menu}</ul></nav><div class='cookie-banner'><p>Vi använder kakor för att ge dig"
        " en bättre upplevelse av webbplatsen. Läs mer om hur vi gör det.</p></div>"
        f"<div class='content'><h1>Frukostseminarium</h1><p>{said}</p><p>{more}</p></div>"
        "<footer><p>Parken, Provrörsvägen 1, 123 45 Fjälläng. Alla rättigheter.</p></footer>",
    )
    found = read(html, URL, date(2026, 11, 22))
    assert found.summary.startswith("Den 3 december klockan 8")
    assert (found.starts_on, found.last_day) == (date(2026, 12, 3), date(2026, 11, 30))


def test_a_page_of_absurd_depth_or_size_takes_no_long_time() -> None:
    began = time.monotonic()
    read(page("", "<div>" * 30_000), URL, date(2026, 11, 22))
    read(page("", "<p>ord <b>och</b> ord " * 60_000), URL, date(2026, 11, 22))
    assert time.monotonic() - began < 10
