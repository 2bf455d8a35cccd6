"""What a machine can put right: an address or some words in a place, or a block taken out."""

from collections.abc import Callable
from typing import Any

from newsletter_service.issues.checks.case import ADDRESSES, PROSE, Case
from newsletter_service.issues.checks.rule import Correction, Values, block_of
from newsletter_service.models import Block

Change = Callable[[str, Any], Any]


def new_address(case: Case, place: str, old: str, new: str) -> Correction | None:
    """Put one address in the place of another, in fields and in Markdown."""

    def change(name: str, value: Any) -> Any:
        if name in ADDRESSES and value == old:
            return new
        if name in ("markdown", "introduction") and isinstance(value, str):
            return value.replace(f"]({old})", f"]({new})").replace(f"](<{old}>)", f"]({new})")
        return value

    return changed(case, place, change)


def new_words(case: Case, place: str, old: str, new: str) -> Correction | None:
    """Put some words in the place of others."""

    def change(name: str, value: Any) -> Any:
        is_words = name in PROSE and isinstance(value, str)
        return value.replace(old, new) if is_words else value

    return changed(case, place, change)


def without_block(_case: Case, place: str, _values: Values) -> Correction | None:
    """Take the block out."""
    return Correction(removed=(block_of(place),)) if block_of(place) else None


def changed(case: Case, place: str, change: Change) -> Correction | None:
    """Every value of a place, changed; None if that changes nothing."""
    block = next((one for one in case.issue.blocks if one.id == block_of(place)), None)
    if block is not None:
        values = _changed_block(block, change)
        return Correction(values=values) if values else None
    name, _colon, locale = place.partition(":")
    text = next((one for one in case.issue.texts if one.locale == locale), None)
    if text is None or name not in ("subject", "preheader", "introduction"):
        return None
    written = getattr(text, name)
    mended = change(name, written)
    return Correction(texts={(name, locale): mended}) if mended != written else None


def _changed_block(block: Block, change: Change) -> dict[tuple[int, str], dict[str, Any]]:
    found = {}
    for locale, values in block.data.items():
        mended = {name: change(name, value) for name, value in values.items()}
        differing = {name: value for name, value in mended.items() if value != values[name]}
        if differing:
            found[block.id, locale] = differing
    return found
