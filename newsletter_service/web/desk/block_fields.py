"""The fields of each kind of block: what they are called, and how a form's values are read."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _

from newsletter_service.issues import translating, why_here
from newsletter_service.issues.blocks import FIELDS
from newsletter_service.models import Block, BlockKind

_K = BlockKind
_SHOWN: dict[BlockKind, tuple[tuple[str, str], ...]] = {
    _K.HEADING: (("text", "line"),),
    _K.TEXT: (("markdown", "prose"),),
    _K.ITEM: (
        *(("title", "line"), ("summary", "text"), ("url", "url"), ("link_text", "line")),
        *(("image_url", "url"), ("image_alt", "line"), ("last_day", "date"), ("lead", "yes")),
    ),
    _K.EVENT: (
        *(("title", "line"), ("summary", "text"), ("starts_on", "date"), ("ends_on", "date")),
        *(("place", "line"), ("last_day", "date"), ("url", "url")),
    ),
    _K.IMAGE: (("url", "url"), ("alt", "line"), ("link", "url")),
    _K.FILM: (("title", "line"), ("url", "url"), ("image_url", "url"), ("alt", "line")),
    _K.BUTTON: (("text", "line"), ("url", "url")),
    _K.QUOTE: (("text", "text"), ("by", "line")),
    _K.DIVIDER: (),
}


def standing() -> dict[str, str]:
    """In which languages' letters a part may stand."""
    return {
        "": _("All languages"),
        "sv": _("The Swedish letter only"),
        "en": _("The English letter only"),
    }


def kind_names() -> dict[str, str]:
    """What each kind of block is called."""
    return {
        _K.HEADING: _("Section heading"),
        _K.TEXT: _("Text"),
        _K.ITEM: _("News item"),
        _K.EVENT: _("Event"),
        _K.IMAGE: _("Picture"),
        _K.FILM: _("Film"),
        _K.BUTTON: _("Button"),
        _K.QUOTE: _("Quotation"),
        _K.DIVIDER: _("Line"),
    }


def form_of(
    block: Block, locale: str, locales: list[str], typed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A block for its form: kind, title, picture and fields with their values.

    In a list of several languages each field also has what another language says.
    """
    kind = BlockKind(block.kind)
    stored = translating.to_write(block, locale, locales)
    there = translating.original(block, locale, locales)
    values = dict(stored) | dict(typed or {})
    fields = [
        {
            "name": f"b{block.id}.{name}",
            "label": labels(kind).get(name, name),
            "as": sort,
            "value": values.get(name) if values.get(name) is not None else "",
            "original": there.get(name, ""),
        }
        for name, sort in _SHOWN[kind]
    ]
    said = {name: value for name, value in values.items() if value} | {
        name: value for name, value in there.items() if not values.get(name)
    }
    named = next((str(v) for n in ("title", "text", "markdown", "alt") if (v := said.get(n))), "")
    return {
        "id": block.id,
        "kind": str(kind),
        "name": kind_names()[kind],
        "title": named[:90],
        "picture": str(values.get("url" if kind == _K.IMAGE else "image_url") or "")
        if kind in (_K.ITEM, _K.FILM, _K.IMAGE)
        else "",
        "lead": bool(values.get("lead")),
        "why": why_here.sentence(block.why),
        "fields": fields,
        "only_locale": block.only_locale,
        "stands_here": translating.stands_in(block, locale),
    }


def read(block: Block, form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says about a block; nothing if the block was not in it."""
    kind = BlockKind(block.kind)
    if f"b{block.id}" not in form:
        return {}
    found: dict[str, Any] = {}
    if (only := form.get(f"b{block.id}.only_locale")) is not None:
        found["only_locale"] = only
    for name, sort in _SHOWN[kind]:
        written = form.get(f"b{block.id}.{name}")
        if sort == "yes":
            found[name] = written is not None
        elif written is not None:
            found[name] = _date(written) if sort == "date" else written.replace("\r\n", "\n")
    return {name: value for name, value in found.items() if name in (*FIELDS[kind], "only_locale")}


def _date(written: str) -> str | None:
    try:
        return date.fromisoformat(written.strip()).isoformat() if written.strip() else None
    except ValueError:
        return None


def labels(kind: BlockKind) -> dict[str, str]:
    """What the fields of a kind of block are called."""
    names = {
        "text": _("Text"),
        "markdown": _("Text"),
        "title": _("Headline"),
        "summary": _("Summary"),
        "url": _("Link"),
        "link_text": _("Words of the link"),
        "image_url": _("Address of the picture"),
        "image_alt": _("What the picture shows"),
        "alt": _("What the picture shows"),
        "last_day": _("Last day"),
        "lead": _("Make this the lead story"),
        "starts_on": _("First day"),
        "ends_on": _("Last day of the event"),
        "place": _("Place"),
        "link": _("Where the picture leads"),
        "by": _("Who says it"),
    }
    if kind == _K.IMAGE:
        names["url"] = _("Address of the picture")
    if kind == _K.EVENT:
        names["last_day"] = _("Last day to sign up")
    return names
