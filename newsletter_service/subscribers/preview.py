"""What an import would do, before it does anything: the first rows, and what becomes of them."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from newsletter_service.extensions import db
from newsletter_service.subscribers import file_rows, imports
from newsletter_service.subscribers.columns import Row
from newsletter_service.subscribers.import_plan import Plan, Reason

SHOWN = 8
LOOKED_AT = 2000


@dataclass
class Preview:
    """The first rows, each with why it would not be taken; counts over the first thousands.

    `more` says whether the file goes on behind those.
    """

    looked_at: int = 0
    more: bool = False
    would_take: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    first: list[tuple[Row, Reason | None]] = field(default_factory=list)


def preview(file: BinaryIO, plan: Plan) -> Preview:
    """Look at the beginning of a file. Raises `UnreadableFile`."""
    some = list(islice(file_rows.rows(file, plan.columns, plan.encoding), LOOKED_AT + 1))
    rows = some[:LOOKED_AT]
    outcome = imports.look_at(db.session(), plan, imports.looked_over(rows))
    why = {each.line: each.reason for each in reversed(outcome.left)}
    return Preview(
        looked_at=len(rows),
        more=len(some) > LOOKED_AT,
        would_take=outcome.taken,
        reasons=Counter(each.reason for each in outcome.left),
        first=[(row, why.get(row.line)) for row in rows[:SHOWN]],
    )
