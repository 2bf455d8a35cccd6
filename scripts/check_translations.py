#!/usr/bin/env python3
"""Says what is missing in the catalogues: every text of the source has its Swedish one.

English is the language of the source. A text without translation, a translation of a text that
nobody uses, a fuzzy one, and placeholders that differ are faults. Exit code 1 if there are any.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "newsletter_service"
CATALOGUES = PACKAGE / "translations"
MAIL = ROOT / "templates" / "email"
PAGES = PACKAGE / "web" / "templates"
LOCALES = ("sv",)
KEYWORDS: dict[str, Any] = {
    **DEFAULT_KEYWORDS,
    "lazy_gettext": None,
    "lazy_ngettext": (1, 2),
    "_l": None,
    # errors whose second argument is a sentence that pages translate when they show it
    **dict.fromkeys(("Refused", "TooLarge", "TimedOut", "Unreachable", "FeedError"), (2,)),
}
MAIL_OPTIONS = {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}
PAGE_OPTIONS = {"silent": "false", "newstyle_gettext": "true"}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")


def texts() -> Catalog:
    """Every text of the source that people read, with the places where it stands."""
    catalogue = Catalog()
    for path, method, options in _sources():
        for line, said, _comments, context in extract_from_file(
            method, path, keywords=KEYWORDS, options=options
        ):
            place = (str(path.relative_to(ROOT)), line)
            catalogue.add(said, locations=[place], context=context)
    return catalogue


def faults(locale: str) -> list[str]:
    """What is wrong with the catalogue of a language, a sentence for each fault."""
    path = CATALOGUES / locale / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return [f"{path.relative_to(ROOT)} is missing."]
    with path.open("rb") as file:
        translated = read_po(file, locale=locale)
    wanted = texts()
    missing = (_fault(text, translated.get(text.id, text.context)) for text in wanted if text.id)
    unused = (
        f"Nothing says {text.id!r} any more: remove it."
        for text in [*translated, *translated.obsolete.values()]
        if text.id and wanted.get(text.id, text.context) is None
    )
    return [f"{locale}: {fault}" for fault in (*filter(None, missing), *unused)]


def _sources() -> Iterator[tuple[Path, str, dict[str, str]]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, "python", {}
    for path in sorted(PAGES.rglob("*")):
        if path.suffix in {".html", ".txt", ".xml"}:
            yield path, "jinja2.ext:babel_extract", PAGE_OPTIONS
    for path in sorted(MAIL.rglob("*")):
        if path.suffix in {".html", ".txt"}:
            yield path, "jinja2.ext:babel_extract", MAIL_OPTIONS


def _fault(text: Message, found: Message | None) -> str | None:
    place = ":".join(map(str, text.locations[0]))
    if found is None or not all(_forms(found.string)):
        return f"{text.id!r} ({place}) has no translation."
    if found.fuzzy:
        return f"{text.id!r} ({place}) is marked fuzzy: read it, and remove the mark."
    named = _placeholders(_forms(text.id))
    used = _placeholders(_forms(found.string))
    # One form of a plural may leave the number out; nothing else may differ.
    if used - named or (named - used - {"num"}):
        return f"{text.id!r} ({place}) and its translation name different placeholders."
    return None


def _forms(said: Any) -> tuple[str, ...]:
    return tuple(said) if isinstance(said, tuple | list) else (said or "",)


def _placeholders(forms: tuple[str, ...]) -> set[str]:
    return {name or other for form in forms for name, other in PLACEHOLDER.findall(form)}


def main() -> int:
    """Print every fault; 0 when there is none."""
    found = [fault for locale in LOCALES for fault in faults(locale)]
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
