"""What the check looks for in the design: what mail programs do not know, by Can I email's data.

Looked at is what must work: the styles in the tags and the tags themselves. What stands in style
sheets of the head only adds, and is made to be left out.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule

MOST_WITHOUT = 2  # of six programs; what more than a third of them lack adds to few letters
# Where one of these is not known, the letter falls apart or its text is lost (R 7.2).
_CARRIES = frozenset(
    {
        *("css-display-flex", "css-display-grid", "css-position", "css-float", "css-unit-rem"),
        *("css-unit-vh", "css-unit-vw", "css-unit-calc", "css-variables", "css-function-clamp"),
        *("html-form", "html-video", "html-audio", "html-svg", "html-object", "html-picture"),
    }
)

_DECLARATION = re.compile(r"([a-z-]+)\s*:\s*([^;]+)", re.I)
_IN_VALUES = {
    "css-unit-rem": re.compile(r"\d(?:\.\d+)?rem\b"),
    "css-unit-vh": re.compile(r"\d(?:\.\d+)?vh\b"),
    "css-unit-vw": re.compile(r"\d(?:\.\d+)?vw\b"),
    "css-unit-calc": re.compile(r"\bcalc\("),
    "css-variables": re.compile(r"\bvar\("),
    "css-function-clamp": re.compile(r"\bclamp\("),
    "css-function-light-dark": re.compile(r"\blight-dark\("),
    "css-linear-gradient": re.compile(r"\blinear-gradient\("),
    "css-radial-gradient": re.compile(r"\bradial-gradient\("),
    "css-modern-color": re.compile(r"\b(?:oklch|oklab|lch|lab|color-mix|hwb)\("),
}
_TAGS = {
    **dict.fromkeys(("section", "article", "nav", "header", "footer", "main"), "html-semantics"),
    **dict.fromkeys(("form", "video", "audio", "svg", "picture", "select", "object"), ""),
    **{"input": "html-input-text", "button": "html-button-submit", "link": "html-link"},
}


def unsupported(case: Case) -> Found:
    """What a third of mail programs do not know, or one, where the letter hangs on it (R 7.2)."""
    for locale, tree in case.trees.items():
        for feature in dict.fromkeys(_used(tree)):
            without = _without(feature)
            if len(without) > (0 if feature in _CARRIES else MOST_WITHOUT):
                name = feature.partition("-")[2]
                yield f"letter:{locale}", {"feature": name, "programs": ", ".join(without)}


def tested_until() -> str:
    """The day up to which the data was gathered."""
    return str(_data()["tested_until"])


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    place = files("newsletter_service.issues.checks").joinpath("caniemail/data.json")
    known: dict[str, Any] = json.loads(place.read_text("utf-8"))
    return known


def _without(feature: str) -> list[str]:
    support = _data()["features"].get(feature, "")
    programs = zip(_data()["programs"], support, strict=False)
    return [program for program, knows in programs if knows == "n"]


def _used(tree: Any) -> Iterator[str]:
    """The features that a letter is built on, by their names in the data."""
    for tag in tree.iter():
        if not isinstance(tag.tag, str):
            continue
        if tag.tag in _TAGS:
            yield _TAGS[tag.tag] or f"html-{tag.tag}"
        if tag.get("srcset"):
            yield "html-srcset"
        if tag.tag == "a" and (tag.get("href") or "").startswith("#"):
            yield "html-anchor-links"
        yield from _in_style(tag.get("style") or "")


def _in_style(style: str) -> Iterator[str]:
    for name, value in _DECLARATION.findall(style):
        yield f"css-{name.lower()}"
        if name.lower() == "display" and value.strip() in ("flex", "grid"):
            yield f"css-display-{value.strip()}"
        yield from (feature for feature, found in _IN_VALUES.items() if found.search(value))


RULES: tuple[Rule, ...] = (
    Rule(
        "unsupported",
        Level.WARNS,
        unsupported,
        _l("The design is built on “%(feature)s”, which %(programs)s do not know."),
        _l("Change the template, or restore the original."),
    ),
)
