"""Blocks: which values each kind has, and the verbs that edit an issue's words and blocks.

Every verb takes an `Edit` with the version the editor saw; `Changed` tells that somebody else
was there first. A change voids an approval: what was approved is no longer what would be sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.extensions import db
from newsletter_service.issues import approve, translating
from newsletter_service.mail import clean, merge_fields
from newsletter_service.models import (
    AuditEvent,
    Block,
    BlockKind,
    Issue,
    IssueState,
    Item,
    writing,
)
from newsletter_service.pictures import remote
from newsletter_service.queue import nudge

FIELDS: dict[BlockKind, dict[str, Any]] = {
    BlockKind.HEADING: {"text": ""},
    BlockKind.TEXT: {"markdown": ""},
    BlockKind.ITEM: {
        "title": "",
        "summary": "",
        "url": "",
        "image_url": "",
        "image_alt": "",
        "image_height": None,
        "source": "",
        "link_text": "",
        "last_day": None,
        "lead": False,
    },
    BlockKind.EVENT: {
        "title": "",
        "summary": "",
        "url": "",
        "starts_on": None,
        "ends_on": None,
        "last_day": None,
        "place": "",
        "image_url": "",
        "image_alt": "",
    },
    BlockKind.IMAGE: {"url": "", "alt": "", "width": None, "height": None, "link": ""},
    BlockKind.FILM: {"url": "", "image_url": "", "image_height": None, "alt": "", "title": ""},
    BlockKind.BUTTON: {"text": "", "url": ""},
    BlockKind.QUOTE: {"text": "", "by": ""},
    BlockKind.DIVIDER: {},
}
EDITABLE = frozenset({IssueState.DRAFT, IssueState.IN_REVIEW, IssueState.APPROVED})
# Changes by one person with no longer pause than this stand as one line in the history.
SITTING = timedelta(minutes=30)
CHANGED = "issue.changed"
LONGEST = 20_000
TEXTS = {"subject": 300, "preheader": 300, "introduction": LONGEST}


@dataclass(frozen=True)
class Edit:
    """Who changes an issue, when, and the version of it that they saw."""

    version: int
    actor: str
    now: datetime


class Changed(Exception):
    """Somebody else changed the issue meanwhile; load it again."""


class Harmful(Exception):
    """A line holds a line break or a character that cannot be seen; `field` names it."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"The {field} holds a line break or a character that cannot be seen.")


class NotEditable(Exception):
    """The issue is no longer a draft."""


def complete(kind: BlockKind, values: Mapping[str, Any]) -> dict[str, Any]:
    """A block's values with every field of its kind, and no other."""
    return {name: values.get(name, default) for name, default in FIELDS[kind].items()}


def of_item(item: Item, *, lead: bool = False) -> Block:
    """A block that shows an item: an event where it has a date to come to, else a headline."""
    kind = BlockKind.EVENT if item.starts_on and not lead else BlockKind.ITEM
    values: dict[str, Any] = {
        "title": merge_fields.inert(item.title),
        "summary": merge_fields.inert(item.summary),
        "url": item.url,
        "image_url": item.image_url,
        "image_alt": item.image_alt,
        "source": "",
        "lead": lead,
        "starts_on": item.starts_on.isoformat() if item.starts_on else None,
        "ends_on": item.ends_on.isoformat() if item.ends_on else None,
        "last_day": item.last_day.isoformat() if item.last_day else None,
        "place": item.place,
    }
    locale = "en" if item.language == "en" else "sv"
    shown = remote.adopted(db.session(), kind, complete(kind, values), drop=True)
    return Block(kind=kind, item_id=item.id, position=0, data={locale: shown})


def _for_list(block: Block, item: Item, issue: Issue) -> Block:
    """A block of an item, for the language that it is meant for."""
    block.only_locale = translating.of_item(item, issue.newsletter.locales)
    return block


def write(
    issue_id: int,
    locale: str,
    text: Mapping[str, str],
    values: Mapping[int, Mapping[str, Any]],
    edit: Edit,
) -> int:
    """Change the words of an issue in a language; returns the version, new if anything changed.

    `text` holds subject, preheader or introduction; `values` a block's id to its values. Raises
    `Changed` unless what is stored is already what was written, and `Harmful`.
    """
    for name, written in text.items():
        if not clean.is_harmless(written.strip(), lines=name == "introduction"):
            raise Harmful(name)
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        differs = _write_text(issue, locale, text)
        for block in issue.blocks:
            differs |= _write_block(
                block, locale, _with_own_picture(session, block, values, edit), issue
            )
        if not differs and issue.version != edit.version:
            return issue.version
        _check(issue, edit)
        return touch(session, issue, edit) if differs else issue.version


def _with_own_picture(
    session: Session, block: Block, values: Mapping[int, Mapping[str, Any]], edit: Edit
) -> Mapping[str, Any]:
    """A block's new values; a picture from elsewhere is fetched, or is ours already."""
    new = values.get(block.id, {})
    name = "url" if block.kind == BlockKind.IMAGE else "image_url"
    if not new.get(name):
        return new
    remote.ask(session, [str(new[name]).strip()], edit.now)
    return remote.adopted(session, block.kind, new)


def _write_text(issue: Issue, locale: str, text: Mapping[str, str]) -> bool:
    words = issue.text(locale)
    differs = False
    for name, most in TEXTS.items():
        if name in text and (written := text[name].strip()[:most]) != getattr(words, name):
            setattr(words, name, written)
            differs = True
    return differs


def _write_block(block: Block, locale: str, values: Mapping[str, Any], issue: Issue) -> bool:
    kept = translating.to_write(block, locale, issue.newsletter.locales)
    kind = BlockKind(block.kind)
    only = str(values.get("only_locale", block.only_locale))
    moved = only != block.only_locale and only in ("", *issue.newsletter.locales)
    block.only_locale = only if moved else block.only_locale
    merged = _trimmed(complete(kind, dict(kept) | dict(values)))
    if not values or merged == complete(kind, kept):
        return moved
    block.data = dict(block.data) | {locale: merged}
    return True


def add(issue_id: int, new: list[Block], edit: Edit, *, after: int | None = None) -> int:
    """Insert blocks behind the one with id `after` (None: at the end); returns the version."""
    with writing() as session:
        issue = opened(session, issue_id, edit)
        order = list(issue.blocks)
        at = next((i + 1 for i, block in enumerate(order) if block.id == after), len(order))
        order[at:at] = new
        issue.blocks = order
        _number(order)
        return touch(session, issue, edit)


def add_items(issue_id: int, item_ids: list[int], edit: Edit) -> int:
    """Add news to the end of a draft, each once; returns the new version."""
    with writing() as session:
        issue = opened(session, issue_id, edit)
        there = {block.item_id for block in issue.blocks}
        items = [session.get_one(Item, one) for one in dict.fromkeys(item_ids) if one not in there]
        issue.blocks = [*issue.blocks, *(_for_list(of_item(item), item, issue) for item in items)]
        _number(issue.blocks)
        return touch(session, issue, edit)


def move(block_id: int, steps: int, edit: Edit) -> int:
    """Move a block up (negative) or down; returns the new version."""
    with writing() as session:
        block = session.get_one(Block, block_id)
        issue = opened(session, block.issue_id, edit)
        order = list(issue.blocks)
        at = order.index(block)
        order.insert(max(0, min(at + steps, len(order) - 1)), order.pop(at))
        _number(order)
        return touch(session, issue, edit)


def remove(block_id: int, edit: Edit) -> int:
    """Take a block out; returns the new version."""
    with writing() as session:
        block = session.get_one(Block, block_id)
        issue = opened(session, block.issue_id, edit)
        issue.blocks.remove(block)
        _number(issue.blocks)
        return touch(session, issue, edit)


def touch(session: Session, issue: Issue, edit: Edit) -> int:
    """Count a change; what was approved or in review is a draft again."""
    if edit.now - issue.changed_at > SITTING or _last_writer(session, issue) != edit.actor:
        audit.record(session, edit.actor, CHANGED, f"issue:{issue.id}")
    issue.version += 1
    issue.changed_at = edit.now
    nudge("links.try", issue.id)
    approve.void(session, issue, edit.actor, edit.now)
    return issue.version


def _last_writer(session: Session, issue: Issue) -> str | None:
    """Who stands last in the history for having changed the issue."""
    return session.scalar(
        select(AuditEvent.actor)
        .where(AuditEvent.subject == f"issue:{issue.id}", AuditEvent.act == CHANGED)
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )


def opened(session: Session, issue_id: int, edit: Edit) -> Issue:
    """The issue, locked, if it may be changed by this edit. Raises `Changed` and `NotEditable`."""
    issue = session.get_one(Issue, issue_id, with_for_update=True)
    _check(issue, edit)
    return issue


def _check(issue: Issue, edit: Edit) -> None:
    if issue.state not in EDITABLE:
        raise NotEditable(f"Issue {issue.id} is {issue.state} and can no longer be changed.")
    if issue.version != edit.version:
        raise Changed("Somebody changed the issue while you were writing.")


def _number(order: list[Block]) -> None:
    for position, block in enumerate(order, 1):
        block.position = position


def copy(block_id: int, edit: Edit) -> int:
    """Put the same block once more behind it; returns the new version."""
    with writing() as session:
        block = session.get_one(Block, block_id)
        issue = opened(session, block.issue_id, edit)
        order = list(issue.blocks)
        again = Block(kind=block.kind, data=block.data, item_id=block.item_id, position=0)
        again.only_locale = block.only_locale
        order.insert(order.index(block) + 1, again)
        issue.blocks = order
        _number(order)
        return touch(session, issue, edit)


def _trimmed(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.strip()[:LONGEST] if isinstance(value, str) else value
        for name, value in values.items()
    }
