"""An issue in two languages: what of a block differs between them, and what the other one says."""

from collections.abc import Sequence
from typing import Any

from newsletter_service.models import Block, BlockKind, Item

TRANSLATED: dict[BlockKind, tuple[str, ...]] = {
    BlockKind.HEADING: ("text",),
    BlockKind.TEXT: ("markdown",),
    BlockKind.ITEM: ("title", "summary", "image_alt", "link_text"),
    BlockKind.EVENT: ("title", "summary", "place", "image_alt"),
    BlockKind.IMAGE: ("alt",),
    BlockKind.FILM: ("title", "alt"),
    BlockKind.BUTTON: ("text",),
    BlockKind.QUOTE: ("text", "by"),
    BlockKind.DIVIDER: (),
}
# Names of people and rooms stand as they are until somebody writes them otherwise.
SAME_IN_EVERY = frozenset({"place", "by"})


def to_write(block: Block, locale: str, locales: Sequence[str]) -> dict[str, Any]:
    """What a block's form starts with in a language.

    Where nothing is written in it yet, addresses, pictures and days are there and words are not.
    """
    values = block.values(locale)
    if locale in block.data or not block.data or len(locales) < 2:
        return values
    names = [name for name in TRANSLATED[BlockKind(block.kind)] if name not in SAME_IN_EVERY]
    return values | dict.fromkeys(names, "")


def original(block: Block, locale: str, locales: Sequence[str]) -> dict[str, str]:
    """The words of a block in the first other language that has them, to translate from."""
    others = [one for one in (*locales, *block.data) if one != locale and one in block.data]
    if len(locales) < 2 or not others:
        return {}
    words = block.data[others[0]]
    names = TRANSLATED[BlockKind(block.kind)]
    return {name: str(words[name]) for name in names if str(words.get(name) or "").strip()}


def stands_in(block: Block, locale: str) -> bool:
    """Whether a block stands in the letter of a language."""
    return block.only_locale in ("", locale)


def of_item(item: Item, locales: Sequence[str]) -> str:
    """The only language that a piece of news is for: its own, where it is not the list's first.

    News in the first language are there to be translated.
    """
    foreign = item.language in locales[1:]
    return item.language if foreign else ""
