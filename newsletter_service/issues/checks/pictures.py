"""What the check looks for in pictures: described, of a kind that is shown, not all there is."""

import re
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.models import BlockKind

FEWEST_WORDS = 20

_UNSHOWN = re.compile(r"\.(?:svgz?|webp|avif|heic|heif|tiff?|bmp)$", re.I)


def picture_undescribed(case: Case) -> Found:
    """A picture that stands by itself says something; the words for it are missing."""
    for block in case.issue.blocks:
        if block.kind in (BlockKind.IMAGE, BlockKind.FILM):
            values = [block.values(locale) for locale in case.locales]
            if any((v.get("url") or v.get("image_url")) and not v.get("alt") for v in values):
                yield f"block:{block.id}", {}


def picture_kind(case: Case) -> Found:
    """Kinds of pictures that Outlook or Gmail leave out (R 7.7)."""
    for link in case.links:
        path = urlsplit(link.url).path if link.is_picture and "://" in link.url else ""
        found = _UNSHOWN.search(path)
        if found or (link.is_picture and link.url.startswith("data:")):
            yield link.place, {"kind": found.group()[1:].upper() if found else "data:"}


def image_only(case: Case) -> Found:
    """Hardly any words beside the pictures: nothing is left where pictures are blocked (R 7.7)."""
    pictures = any(link.is_picture for link in case.links)
    shown = [
        words
        for words in case.words
        if words.name not in ("subject", "preheader", "alt", "image_alt")
    ]
    for locale in case.locales:
        number = sum(len(words.text.split()) for words in shown if words.locale == locale)
        if pictures and number < FEWEST_WORDS:
            yield "blocks", {"number": number}


RULES: tuple[Rule, ...] = (
    Rule(
        "picture_undescribed",
        Level.WARNS,
        picture_undescribed,
        _l("A picture has no description."),
        _l("Say what it shows, for those who do not see it."),
    ),
    Rule(
        "picture_kind",
        Level.WARNS,
        picture_kind,
        _l("A picture is of the kind %(kind)s, which some mail programs do not show."),
        _l("Use a JPEG or PNG of it."),
    ),
    Rule(
        "image_only",
        Level.WARNS,
        image_only,
        _l("Beside its pictures the letter has %(number)s words."),
        _l("Say what matters in words too; many read with pictures switched off."),
    ),
)
