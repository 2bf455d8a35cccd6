"""A grown installation for the pages: readers, what they answered, and the ledger of an issue.

Rows are made by PostgreSQL itself: a million of them takes seconds.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, insert, literal, select, text
from sqlalchemy.orm import Session

from newsletter_service.bench.installation import Installation
from newsletter_service.extensions import db
from newsletter_service.models import (
    Batch,
    BounceEvent,
    ConsentEvent,
    Delivery,
    FieldKind,
    FieldValue,
    Issue,
    ListField,
    Segment,
    Subscriber,
    Subscription,
    Suppression,
    writing,
)

TRADES = ("energi", "mat", "vatten", "ljus")
BARRED_EVERY, PAUSED_EVERY, BOUNCED_EVERY, LEFT_EVERY = 200, 500, 100, 400


def fill(made: Installation, number: int) -> int:
    """Readers with an answer each, some barred and some paused. Returns a segment of a quarter."""
    now = datetime.now(UTC)
    with writing() as session:
        _subscribers(session, number)
        _subscriptions(session, made.list_id, now)
        _barred(session, now)
        field = ListField(list_id=made.list_id, key="bransch", label="Bransch")
        field.kind, field.created_at = FieldKind.TEXT, now
        session.add(field)
        session.flush()
        _answers(session, field.id)
        leaf = {"about": "field", "field": field.id, "op": "is", "value": TRADES[0]}
        segment = Segment(
            list_id=made.list_id, name="Energi", definition={"all": [{"all": [leaf]}]}
        )
        segment.created_at = segment.changed_at = now
        session.add(segment)
        session.flush()
        return segment.id


def _subscribers(session: Session, number: int) -> None:
    i = func.generate_series(1, number).column_valued("i")
    letters = func.to_char(i, "FM9999999")
    key = func.sha256(func.convert_to(letters, "UTF8"))
    domain = literal("d") + func.to_char(i % 500, "FM999") + ".example"
    since = literal(datetime.now(UTC)) - func.make_interval(0, 0, 0, 0, 0, i)
    address = literal("reader") + letters + "@" + domain
    session.execute(
        insert(Subscriber).from_select(
            ["address", "address_key", "domain", "locale", "created_at"],
            select(address, key, domain, literal("sv"), since),
        )
    )


def _subscriptions(session: Session, list_id: int, now: datetime) -> None:
    one = Subscriber.__table__.c
    paused = int((now + timedelta(days=30)).timestamp() * 1000)
    session.execute(
        insert(Subscription).from_select(
            [
                *("subscriber_id", "list_id", "state", "handle", "created_at", "confirmed_at"),
                *("legal_basis", "paused_until_ms"),
            ],
            select(
                one.id,
                literal(list_id),
                literal("confirmed"),
                func.substr(one.address_key, 1, 16),
                one.created_at,
                one.created_at,
                literal("consent"),
                case((one.id % PAUSED_EVERY == 0, literal(paused))),
            ),
        )
    )


def _barred(session: Session, now: datetime) -> None:
    one = Subscriber.__table__.c
    session.execute(
        insert(Suppression).from_select(
            [
                "address_key",
                "scope",
                "reason",
                "source",
                "evidence",
                "first_at",
                "last_at",
                "released_by",
                "release_reason",
            ],
            select(
                one.address_key,
                literal(0),
                literal("hard_bounce"),
                literal("bench"),
                literal(""),
                literal(now),
                literal(now),
                literal(""),
                literal(""),
            ).where(one.id % BARRED_EVERY == 1),
        )
    )


def _answers(session: Session, field_id: int) -> None:
    one = Subscription.__table__.c
    trade = case(*((one.id % 4 == n, literal(word)) for n, word in enumerate(TRADES)), else_="")
    session.execute(
        insert(FieldValue).from_select(
            ["subscription_id", "field_id", "value", "folded"],
            select(one.id, literal(field_id), trade, trade),
        )
    )


def batches(session: Session, issue_id: int, readers: int) -> None:
    """The tallies of an issue that went to everybody."""
    first = func.generate_series(1, readers, 1000).column_valued("first")
    session.execute(
        insert(Batch).from_select(
            [
                "issue_id",
                "first_n",
                "last_n",
                "owner",
                "epoch",
                "lease_until_ms",
                "not_before_ms",
                "crashes",
                "done",
                "pending",
                "accepted",
                "deferred",
                "refused",
                "skipped",
                "in_doubt",
            ],
            select(
                literal(issue_id),
                first,
                first + 999,
                literal(""),
                *(literal(0) for _ in range(4)),
                literal(True),
                *(literal(number) for number in (0, 990, 0, 4, 6, 0)),
            ),
        )
    )


def ledger(session: Session, issue_id: int) -> None:
    """A delivery to each reader, as the tallies have it, and what came back."""
    _deliveries(session, issue_id)
    _bounces(session, issue_id)


def _deliveries(session: Session, issue_id: int) -> None:
    one = Subscriber.__table__.c
    n: ColumnElement[int] = func.row_number().over(order_by=one.id)
    of_thousand = cast((n - 1) % 1000, Integer)
    row: dict[str, ColumnElement[Any]] = {
        "issue_id": literal(issue_id),
        "n": n,
        "subscriber_id": one.id,
        "state": case(
            (of_thousand < 990, "accepted"), (of_thousand < 994, "refused"), else_="skipped"
        ),
        "epoch": literal(0),
        "tries": literal(0),
        "crashes": literal(0),
        "locale": literal("sv"),
        "skip_reason": case((of_thousand >= 994, "suppressed")),
        "settled_ms": literal(int(datetime.now(UTC).timestamp() * 1000)),
    }
    session.execute(insert(Delivery).from_select(list(row), select(*row.values())))


def _bounces(session: Session, issue_id: int) -> None:
    one = Subscriber.__table__.c
    row: dict[str, ColumnElement[Any]] = {
        "address_key": one.address_key,
        "domain": one.domain,
        "subscriber_id": one.id,
        "issue_id": literal(issue_id),
        "n": Delivery.__table__.c.n,
        "kind": literal("hard"),
        "final": literal(True),
        "reason": literal("unknown_user"),
        "meaning": literal(""),
        "status": literal(""),
        "evidence": literal(""),
        "source": literal("bench"),
        "at": literal(datetime.now(UTC)),
    }
    came_back = (
        select(*row.values())
        .join(Delivery, Delivery.subscriber_id == one.id)
        .where(Delivery.issue_id == issue_id, one.id % BOUNCED_EVERY == 0)
    )
    session.execute(insert(BounceEvent).from_select(list(row), came_back))


def leavers(session: Session, list_id: int, issue: Issue) -> None:
    """Some who left by the issue, with the proof of it."""
    one = Subscription.__table__.c
    detail = literal(f'{{"issue_id": {issue.id}}}')
    session.execute(
        insert(ConsentEvent).from_select(
            [
                "subscriber_id",
                "subscription_id",
                "kind",
                "at",
                "channel",
                "address_as_typed",
                "ip",
                "user_agent",
                "form",
                "wording",
                "locale",
                "detail",
            ],
            select(
                one.subscriber_id,
                one.id,
                literal("withdrawn"),
                literal(datetime.now(UTC)),
                literal("one_click"),
                *(literal("") for _ in range(5)),
                literal("sv"),
                detail.cast(ConsentEvent.detail.type),
            ).where(one.list_id == list_id, one.id % LEFT_EVERY == 0),
        )
    )


def settle() -> None:
    """Let the database know its rows, as it does by itself within minutes."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
