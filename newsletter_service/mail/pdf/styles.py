"""Type and colours of the printed letter, of one family that comes with the library."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import reportlab
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from newsletter_service.mail import colour

FAMILY = "Vera"
_FILES = {"Vera": "Vera", "Vera-Bold": "VeraBd", "Vera-Italic": "VeraIt", "Vera-Both": "VeraBI"}
INK = HexColor("#1b1d21")
SOFT = HexColor("#555b63")
HAIR = HexColor("#d5d9de")


@dataclass(frozen=True)
class Styles:
    """Everything a page is set in; `accent` is for rules, `link` a colour that can be read."""

    accent: Color
    link: str
    body: ParagraphStyle
    soft: ParagraphStyle
    title: ParagraphStyle
    heading: ParagraphStyle
    lead: ParagraphStyle
    item: ParagraphStyle
    quote: ParagraphStyle


def styles(accent: str | None) -> Styles:
    """The styles with an organisation's accent."""
    _font()
    look = colour.palette(accent)
    body = ParagraphStyle(
        "body", fontName=FAMILY, fontSize=9.5, leading=14.5, textColor=INK, spaceAfter=5
    )
    bold = {"fontName": "Vera-Bold", "spaceBefore": 4, "keepWithNext": True}
    return Styles(
        accent=HexColor(look.accent),
        link=look.text,
        body=body,
        soft=ParagraphStyle("soft", body, fontSize=8, leading=12, textColor=SOFT),
        title=ParagraphStyle("title", body, **bold | {"fontSize": 19, "leading": 24}),
        heading=ParagraphStyle("heading", body, **bold | {"fontSize": 13, "leading": 17}),
        lead=ParagraphStyle("lead", body, **bold | {"fontSize": 14, "leading": 18}),
        item=ParagraphStyle("item", body, **bold | {"fontSize": 10.5, "leading": 15}),
        quote=ParagraphStyle("quote", body, fontName="Vera-Italic", leftIndent=14),
    )


def printable(text: str) -> str:
    """The text with what the family lacks put another way, or left out."""
    known = _font().face.charWidths
    return "".join(_shown(char, known) for char in text)


def _shown(char: str, known: dict[int, object]) -> str:
    if ord(char) in known or char in "\n\t":
        return char
    plain = unicodedata.normalize("NFKD", char)
    return "".join(one for one in plain if ord(one) in known)


@lru_cache(maxsize=1)
def _font() -> TTFont:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, file in _FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{file}.ttf")))
    pdfmetrics.registerFontFamily(
        FAMILY, normal="Vera", bold="Vera-Bold", italic="Vera-Italic", boldItalic="Vera-Both"
    )
    return pdfmetrics.getFont(FAMILY)
