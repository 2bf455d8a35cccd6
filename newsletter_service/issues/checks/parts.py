"""What the check looks for in blocks: empty ones, and news that stands twice or stood before."""

from collections import Counter

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.models import BlockKind

_ESSENTIAL = {
    BlockKind.HEADING: "text",
    BlockKind.TEXT: "markdown",
    BlockKind.ITEM: "title",
    BlockKind.EVENT: "title",
    BlockKind.IMAGE: "url",
    BlockKind.FILM: "title",
    BlockKind.BUTTON: "text",
    BlockKind.QUOTE: "text",
}


def no_content(case: Case) -> Found:
    """An issue with nothing in it."""
    if not case.issue.blocks:
        yield "blocks", {}


def empty_block(case: Case) -> Found:
    """A block without that which makes it one."""
    for block in case.issue.blocks:
        name = _ESSENTIAL.get(BlockKind(block.kind))
        if name and any(
            not str(block.values(locale).get(name) or "").strip()
            for locale in case.locales_of(block)
        ):
            yield f"block:{block.id}", {}


def duplicate(case: Case) -> Found:
    """The same news twice in one letter."""
    seen: Counter[str] = Counter()
    for block in case.issue.blocks:
        if block.kind in (BlockKind.ITEM, BlockKind.EVENT):
            values = block.values(case.locales[0])
            address = str(values.get("url") or values.get("title") or "").rstrip("/").lower()
            seen[address] += 1
            if address and seen[address] == 2:
                yield f"block:{block.id}", {"title": str(values.get("title") or address)}


def used_before(case: Case) -> Found:
    """News that an earlier issue carried."""
    for block in case.issue.blocks:
        number = case.earlier.get(block.item_id or 0)
        if number is not None:
            title = str(block.values(case.locales[0]).get("title", ""))
            yield f"block:{block.id}", {"title": title, "number": number}


RULES: tuple[Rule, ...] = (
    Rule(
        "no_content",
        Level.BLOCKS,
        no_content,
        _l("There is nothing in the letter yet."),
        _l("Add some news or write a text of your own."),
    ),
    Rule(
        "empty_block",
        Level.BLOCKS,
        empty_block,
        _l("A part of the letter is empty."),
        _l("Fill it in or remove it."),
        corrections.without_block,
    ),
    Rule(
        "duplicate",
        Level.WARNS,
        duplicate,
        _l("“%(title)s” stands twice in the letter."),
        _l("Remove one of them."),
        corrections.without_block,
    ),
    Rule(
        "used_before",
        Level.WARNS,
        used_before,
        _l("“%(title)s” was in no. %(number)s."),
        _l("Keep it if you mean to remind; else remove it."),
        corrections.without_block,
    ),
)
