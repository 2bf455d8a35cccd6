"""What an import would do, before it does anything: the first rows, and what becomes of them."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from sqlalchemy import select

from newsletter_service.address import Address, InvalidAddress, parse, refused_role
from newsletter_service.extensions import db
from newsletter_service.models import Subscriber, Subscription, SubscriptionState
from newsletter_service.subscribers import bulk, csv_rows
from newsletter_service.subscribers.csv_rows import Row
from newsletter_service.subscribers.imports import Reason
from newsletter_service.subscribers.readers import key_of

SHOWN = 8
LOOKED_AT = 5000


@dataclass
class Preview:
    """The first rows, each with why it would not be taken; counts over the first thousands.

    `total` counts all rows of the file, `looked_at` those that the counts are about.
    """

    total: int = 0
    looked_at: int = 0
    would_take: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    first: list[tuple[Row, Reason | None]] = field(default_factory=list)


def preview(file: BinaryIO, list_id: int) -> Preview:
    """Look at a file. Raises `UnreadableFile`."""
    rows = csv_rows.rows(file)
    block = list(islice(rows, LOOKED_AT))
    found = Preview(total=len(block), looked_at=len(block))
    reasons = _reasons(block, list_id)
    for _row, reason in zip(block, reasons, strict=True):
        if reason is None:
            found.would_take += 1
        else:
            found.reasons[reason] += 1
    found.first = list(zip(block, reasons, strict=True))[:SHOWN]
    found.total += sum(1 for _row in rows)
    return found


def _reasons(block: list[Row], list_id: int) -> list[Reason | None]:
    read = [_read(row) for row in block]
    keys = [key_of(each) if isinstance(each, Address) else None for each in read]
    known = {key for key in keys if key is not None}
    barred = bulk.suppressed(db.session(), known, list_id) if known else frozenset()
    standing = _standing(known, list_id)
    seen: set[bytes] = set()
    reasons: list[Reason | None] = []
    for each, key in zip(read, keys, strict=True):
        if key is None:
            reasons.append(each if isinstance(each, Reason) else Reason.INVALID_ADDRESS)
        elif key in seen:
            reasons.append(Reason.REPEATED)
        else:
            seen.add(key)
            reasons.append(Reason.SUPPRESSED if key in barred else standing.get(key))
    return reasons


def _read(row: Row) -> Address | Reason:
    try:
        address = parse(row.address)
    except InvalidAddress:
        return Reason.INVALID_ADDRESS
    return Reason.NO_READER if refused_role(address) else address


def _standing(keys: set[bytes], list_id: int) -> dict[bytes, Reason]:
    """Of these addresses, who subscribes already and who has left."""
    rows = db.session.execute(
        select(Subscriber.address_key, Subscription.state, Subscription.ended_at)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.list_id == list_id, Subscriber.address_key.in_(keys))
    )
    found = {}
    for key, state, ended_at in rows:
        if state == SubscriptionState.CONFIRMED:
            found[key] = Reason.ALREADY
        elif ended_at is not None:
            found[key] = Reason.UNSUBSCRIBED
    return found
