"""The accent colour of a site, out of its style sheets."""

import colorsys
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_CSS = 1_000_000

_HEX = r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})(?![0-9a-zA-Z])"
_RGB = r"rgba?\(\s*\d{1,3}\s*[, ]\s*\d{1,3}\s*[, ]\s*\d{1,3}\s*[),/]"
_COLOUR = re.compile(f"{_HEX}|{_RGB}", re.I)
_VARIABLE = re.compile(
    rf"(--[\w-]{{0,60}}?(primary|accent|brand)[\w-]{{0,40}})\s*:\s*({_HEX}|{_RGB})", re.I
)
_NOT_BRAND = re.compile(r"text|contrast|foreground|hover|border|shadow|light|white|black|bg", re.I)


@dataclass(frozen=True)
class Proposal:
    """A colour or an address with why it is proposed: a word for pages to translate."""

    value: str
    reason: str


def accents(theme: str | None, css: Iterable[str]) -> list[Proposal]:
    """Accent colours as `#rrggbb`, the best first.

    Reasons: theme_color (the page says so), variable (named so in the CSS), frequent.
    """
    sheets = [sheet[:MAX_CSS] for sheet in css]
    found = [Proposal(theme, "theme_color")] if theme else []
    found += [Proposal(colour, "variable") for colour in _named(sheets)]
    found += [Proposal(colour, "frequent") for colour in _frequent(sheets)]
    usable = [p for p in ((hex_of(p.value), p.reason) for p in found) if p[0] and saturated(p[0])]
    first: dict[str, Proposal] = {}
    for value, reason in usable:
        if value:
            first.setdefault(value, Proposal(value, reason))
    return list(first.values())[:6]


def hex_of(colour: str) -> str | None:
    """`#rrggbb` of `#abc`, `#AABBCC` or `rgb(1, 2, 3)`; None for anything else."""
    text = colour.strip().lower()
    if re.fullmatch(r"#[0-9a-f]{6}", text):
        return text
    if re.fullmatch(r"#[0-9a-f]{3}", text):
        return "#" + "".join(digit * 2 for digit in text[1:])
    if text.startswith("rgb"):
        parts = [int(part) for part in re.findall(r"\d{1,3}", text)[:3]]
        if len(parts) == 3 and max(parts) <= 255:
            return "#{:02x}{:02x}{:02x}".format(*parts)
    return None


def saturated(colour: str) -> bool:
    """Whether a `#rrggbb` is a colour rather than a grey, a white or a black."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    _, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    return saturation > 0.25 and 0.12 < light < 0.82


def _named(sheets: list[str]) -> Iterator[str]:
    matches = [match for sheet in sheets for match in _VARIABLE.finditer(sheet)]
    for match in sorted(matches, key=lambda match: bool(_NOT_BRAND.search(match.group(1)))):
        yield match.group(3)


def _frequent(sheets: list[str]) -> Iterator[str]:
    counted: Counter[str] = Counter()
    for sheet in sheets:
        counted.update(filter(None, (hex_of(text) for text in _COLOUR.findall(sheet))))
    for colour, _ in counted.most_common(40):
        yield colour
