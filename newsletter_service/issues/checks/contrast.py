"""What the check looks for in colours: text that can be read, also where they are turned over.

Some mail programs (Gmail on phones, Outlook) turn a light letter dark by inverting the lightness
of its colours, whatever its own dark style says (R 7.5).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.mail import colour

ENOUGH = 4.5
ENOUGH_LARGE = 3.0
LARGE_PX = 24.0

_COLOUR = re.compile(r"(?:^|[;\s])color:\s*(#[0-9a-f]{3,6})\b", re.I)
_GROUND = re.compile(r"background(?:-color)?:\s*(#[0-9a-f]{3,6})\b", re.I)
_SIZE = re.compile(r"font-size:\s*([\d.]+)px", re.I)
_HIDDEN = re.compile(r"display:\s*none", re.I)


# sRGB to XYZ and back, for the white of daylight (IEC 61966-2-1, D65)
_WHITE = (0.95047, 1.0, 1.08883)
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_FROM_XYZ = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)


@dataclass(frozen=True)
class Shown:
    """Some text and the colours it is shown in."""

    words: str
    ink: str
    ground: str
    size: float

    @property
    def wanted(self) -> float:
        """The contrast that text of this size needs (WCAG 2.2, 1.4.3)."""
        return ENOUGH_LARGE if self.size >= LARGE_PX else ENOUGH


def contrast_low(case: Case) -> Found:
    """Text whose contrast with its ground is below 4.5 to 1, or 3 to 1 where it is large."""
    for tree in case.trees.values():
        for shown in _shown(tree):
            ratio = colour.contrast(shown.ink, shown.ground)
            if ratio < shown.wanted:
                yield "organisation", {"text": shown.words, "ratio": round(ratio, 1)}
                break


def contrast_inverted(case: Case) -> Found:
    """The same where a mail program turns the colours over for its dark mode."""
    for tree in case.trees.values():
        for shown in _shown(tree):
            ratio = colour.contrast(inverted(shown.ink), inverted(shown.ground))
            if ratio < shown.wanted:
                yield "organisation", {"text": shown.words, "ratio": round(ratio, 1)}
                break


@lru_cache(maxsize=256)
def inverted(written: str) -> str:
    """A colour with its lightness turned over and its hue kept (CIELAB), as Outlook.com does."""
    digits = written.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    linear = [_linear(int(digits[at : at + 2], 16) / 255) for at in (0, 2, 4)]
    x, y, z = (_lab(_dot(row, linear) / white) for row, white in zip(_TO_XYZ, _WHITE, strict=True))
    light, a, b = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    y = (100 - light + 16) / 116
    turned = [_from_lab(one) for one in (y + a / 500, y, y - b / 200)]
    turned = [one * white for one, white in zip(turned, _WHITE, strict=True)]
    parts = [_gamma(min(1.0, max(0.0, _dot(row, turned)))) for row in _FROM_XYZ]
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _dot(row: Sequence[float], values: Sequence[float]) -> float:
    return sum(one * other for one, other in zip(row, values, strict=True))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _gamma(part: float) -> float:
    return part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _lab(part: float) -> float:
    return part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116


def _from_lab(part: float) -> float:
    return part**3 if part**3 > 0.008856 else (part - 16 / 116) / 7.787


def _shown(tree: Any) -> Iterator[Shown]:
    """Every run of text with its colours, by the styles that stand in the tags."""
    stack = [(tree.find("body"), Shown("", "#000000", "#ffffff", 16.0))]
    while stack:
        tag, above = stack.pop()
        if tag is None or not isinstance(tag.tag, str) or tag.tag in ("style", "title"):
            continue
        style = tag.get("style") or ""
        if _HIDDEN.search(style):
            continue
        here = _within(tag, style, above)
        words = " ".join([tag.text or "", *(child.tail or "" for child in tag)]).split()
        if words and any(word.isalnum() or len(word) > 1 for word in words):
            yield Shown(" ".join(words)[:60], here.ink, here.ground, here.size)
        stack += [(child, here) for child in tag]


def _within(tag: Any, style: str, above: Shown) -> Shown:
    ink, ground, size = _COLOUR.search(style), _GROUND.search(style), _SIZE.search(style)
    painted = tag.get("bgcolor") or ""
    return Shown(
        "",
        ink.group(1) if ink else above.ink,
        ground.group(1) if ground else (painted if colour.is_colour(painted) else above.ground),
        float(size.group(1)) if size else above.size,
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "contrast_low",
        Level.WARNS,
        contrast_low,
        _l("“%(text)s” is hard to read: its contrast is %(ratio)s to 1, where 4.5 is needed."),
        _l("Choose another accent colour under Settings, or restore the original template."),
    ),
    Rule(
        "contrast_inverted",
        Level.WARNS,
        contrast_inverted,
        _l(
            "“%(text)s” is hard to read where a mail program turns the colours over: its contrast"
            " is %(ratio)s to 1 then."
        ),
        _l("Choose a darker or a lighter accent colour under Settings."),
    ),
)
