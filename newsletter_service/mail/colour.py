"""Colours that can be read: contrast by WCAG 2.2, and an accent mended until it has enough."""

import re
from dataclasses import dataclass

INK = "#1b1d21"
WHITE = "#ffffff"
BLACK = "#000000"
DARK_SHEET = "#1d2025"
DEFAULT_ACCENT = "#1f5c54"
ENOUGH = 4.5

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
_STEPS = 50


@dataclass(frozen=True)
class Palette:
    """One brand's accent in the uses a page or letter has for it."""

    accent: str
    """As chosen: for surfaces and rules."""
    on_accent: str
    """Text on the accent: ink or white, whichever reads better."""
    text: str
    """The accent as text or link on white, darkened if it must be."""
    text_dark: str
    """The accent as text or link on a dark sheet, lightened if it must be."""
    tint: str
    """A breath of the accent: a ground on which ink reads well."""


def palette(accent: str | None) -> Palette:
    """Return the uses of an accent; without one, those of the service's own."""
    chosen = _full(accent or DEFAULT_ACCENT)
    return Palette(
        accent=chosen,
        on_accent=text_on(chosen),
        text=readable(chosen, WHITE),
        text_dark=readable(chosen, DARK_SHEET),
        tint=_mix(chosen, WHITE, 0.88),
    )


def text_on(background: str) -> str:
    """Return white or ink, whichever has the higher contrast; black where neither has enough."""
    best = max((WHITE, INK), key=lambda text: contrast(text, background))
    return best if contrast(best, background) >= ENOUGH else BLACK


def readable(colour: str, background: str, ratio: float = ENOUGH) -> str:
    """Return the colour, moved towards black or white only as far as the contrast needs."""
    towards = max((BLACK, WHITE), key=lambda end: contrast(end, background))
    for step in range(_STEPS + 1):
        mended = _mix(colour, towards, step / _STEPS)
        if contrast(mended, background) >= ratio:
            return mended
    return towards


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, 1.4.3)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def is_colour(text: str) -> bool:
    """Tell whether the text is ``#rgb`` or ``#rrggbb``, the only spellings mail can rely on."""
    return _HEX.fullmatch(text) is not None


def _full(colour: str) -> str:
    if not is_colour(colour):
        raise ValueError(f"The colour {colour!r} is not written as #rrggbb.")
    digits = colour[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def _channels(colour: str) -> tuple[int, int, int]:
    digits = _full(colour)[1:]
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _mix(colour: str, towards: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(towards), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
