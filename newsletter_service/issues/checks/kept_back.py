"""What the check looks for in news that is kept back: no letter tells it before its time."""

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.models import Item


def kept_back(case: Case) -> Found:
    """News under embargo, or sent in and not let in, when the letter leaves."""
    leaves = max(case.issue.send_at or case.now, case.now)
    carried = {block.item_id: block for block in case.issue.blocks if block.item_id}
    items = case.session.scalars(
        select(Item).where(
            Item.id.in_(carried), (Item.embargo_until > leaves) | Item.held_at.is_not(None)
        )
    )
    for item in items:
        yield f"block:{carried[item.id].id}", {"title": item.title}


RULES: tuple[Rule, ...] = (
    Rule(
        "kept_back",
        Level.BLOCKS,
        kept_back,
        _l("“%(title)s” is kept back and must not be told yet."),
        _l("Remove it, or plan the issue for later."),
        corrections.without_block,
    ),
)
