"""A letter on paper: every kind of block, whatever editors wrote, the same each time."""

import io
import zlib
from itertools import chain
from re import DOTALL, findall
from typing import Any

from PIL import Image

from newsletter_service.mail import prose
from newsletter_service.mail.pdf import document
from newsletter_service.mail.pdf.styles import printable

FULL = {
    "title": "Kryo & <b>co</b>",
    "summary": "Ett.\nTvå.",
    "url": "https://park.test/a?b=1&c=2",
    "lead": True,
    "last_day": "2026-12-01",
    "image_url": "https://park.test/p.jpg",
    "image_alt": "Ett mikroskop",
    "starts_on": "2026-12-03",
    "place": "Aulan",
    "text": "Fint.",
    "by": "Anna",
    "alt": "En bild",
    "markdown": "Hej **alla**\n\n- ett\n- två\n\n> citat\n\n1. först",
}
KINDS = ("heading", "text", "item", "event", "image", "film", "button", "quote", "divider")


def values(blocks: list[dict[str, Any]], subject: str = "Nytt labb") -> dict[str, Any]:
    markdown = "Hej! Se [sidan](https://park.test/) och *läs*."
    return {
        "list": {"name": "Nytt från Fjällängen", "number": 12, "accent": "#0b6e6e"},
        "organisation": "Parken",
        "subject": subject,
        "date": "2026-11-26",
        "introduction": {"html": prose.to_html(markdown), "text": ""},
        "blocks": blocks,
        "footer": {"organisation": "Parken AB", "contact_email": "hej@park.test"},
    }


def links(pdf: bytes) -> set[str]:
    """Where the pages lead."""
    return {found.decode() for found in findall(rb"/URI \((.*?)\)", pdf, DOTALL)}


def test_every_kind_of_block_stands_on_paper_filled_or_empty() -> None:
    filled = [{"kind": kind} | FULL for kind in KINDS]
    made = document(values(filled + [{"kind": kind} for kind in KINDS]), "sv")

    assert made.startswith(b"%PDF-1.")
    assert {"https://park.test/a?b=1&c=2", "https://park.test/", "mailto:hej@park.test"} == links(
        made
    )


def test_the_same_letter_gives_the_same_file() -> None:
    blocks = [{"kind": kind} | FULL for kind in KINDS]
    assert document(values(blocks), "en") == document(values(blocks), "en")


def test_a_picture_at_hand_is_put_in_and_never_wider_than_the_page() -> None:
    data = io.BytesIO()
    Image.new("RGB", (2400, 1200), "teal").save(data, "JPEG")
    wanted: list[str] = []

    def pictures(url: str) -> bytes:
        wanted.append(url)
        return data.getvalue()

    made = document(values([{"kind": "item"} | FULL]), "sv", pictures)
    assert wanted == ["https://park.test/p.jpg"]
    assert b"/Subtype /Image" in made


def test_long_texts_go_on_to_the_next_page() -> None:
    long = {"kind": "text", "markdown": "\n\n".join(["Ett ganska långt stycke. " * 40] * 30)}
    assert len(findall(rb"/Type /Page\b", document(values([long]), "sv"))) > 2


def test_what_the_type_lacks_is_put_another_way_or_left_out() -> None:
    assert printable("Łódź – “€” 🎉 中") == "Łódz – “€”  "
    assert document(values([], subject="🎉 中"), "sv")


def test_nothing_of_the_words_is_taken_for_markup() -> None:
    bad = {"kind": "item", "title": "<a href='javascript:x'>y</a><para>", "summary": "</para>&lt;"}
    made = document(values([bad]), "sv")
    assert b"javascript" not in bytes(chain.from_iterable(_streams(made)))
    assert not [one for one in links(made) if one.startswith("javascript")]


def _streams(pdf: bytes) -> list[bytes]:
    found = findall(rb"stream\r?\n(.*?)endstream", pdf, DOTALL)
    kept = []
    for one in found:
        try:
            kept.append(zlib.decompress(one))
        except zlib.error:
            continue
    return kept
