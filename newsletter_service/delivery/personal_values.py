"""What stands in a copy for the fields of its letter: settled when the delivery is made (P4).

Only letters that ask for fields have any. A reader without a fit answer has no row and reads the
fallback, which is the edition's. The rows go when the issue is over and nothing is in doubt.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, select
from sqlalchemy.orm import Session

from newsletter_service.delivery.ledger import Claim
from newsletter_service.extensions import db
from newsletter_service.mail import merge_fields
from newsletter_service.models import (
    Batch,
    Delivery,
    FieldValue,
    Issue,
    IssueState,
    ListField,
    PersonalValue,
    Subscription,
    ledger,
)
from newsletter_service.models.many import insert_all

ROWS_AT_ONCE = 5000
SPARSE = 4
_OVER = (IssueState.SENT, IssueState.CANCELLED)

Own = dict[tuple[int, int], dict[str, str]]


def keep(
    session: Session, issue: Issue, first_n: int, slots: Mapping[str, Mapping[str, str]]
) -> None:
    """Within a transaction: settle the values of an issue's deliveries from a number on.

    `slots` are those of its editions, by language.
    """
    wanted = {field.key for each in slots.values() for field in merge_fields.asked(each).values()}
    if not wanted:
        return
    asked = session.scalars(
        select(ListField).where(ListField.list_id == issue.list_id, ListField.key.in_(wanted))
    )
    for field in asked:
        _keep_field(session, issue, first_n, field)


def _keep_field(session: Session, issue: Issue, first_n: int, field: ListField) -> None:
    rows = session.execute(
        select(Delivery.n, Delivery.locale, Subscription.id, FieldValue.value)
        .join(Subscription, Subscription.subscriber_id == Delivery.subscriber_id)
        .join(FieldValue, FieldValue.subscription_id == Subscription.id)
        .where(
            Delivery.issue_id == issue.id,
            Delivery.n >= first_n,
            Subscription.list_id == issue.list_id,
            FieldValue.field_id == field.id,
        )
        # whoever is erased meanwhile is so before or after: their answer is never kept behind them
        .with_for_update(read=True, key_share=True, of=Subscription)
    )
    shown = ((n, mine, field.said(answer, locale)) for n, locale, mine, answer in rows)
    found = [(n, mine, fit) for n, mine, text in shown if (fit := merge_fields.fit(text))]
    if found:
        numbers, subscriptions, values = zip(*found, strict=True)
        each = {"n": numbers, "subscription_id": subscriptions, "value": values}
        insert_all(session, PersonalValue, each, {"issue_id": issue.id, "key": field.key})


def read(connection: Connection, claimed: Sequence[Claim]) -> Own:
    """What stands in each of these copies, by the field's key."""
    found: Own = {claim.key: {} for claim in claimed}
    if not claimed:
        return found
    for issue_id in {issue_id for issue_id, _ in found}:
        numbers = sorted(n for of, n in found if of == issue_id)
        rows = connection.execute(
            select(PersonalValue.n, PersonalValue.key, PersonalValue.value).where(
                PersonalValue.issue_id == issue_id, _among(numbers)
            )
        )
        for n, key, value in rows:
            if (issue_id, n) in found:
                found[issue_id, n][key] = value
    return found


def _among(numbers: Sequence[int]) -> ColumnElement[bool]:
    """These numbers; a batch is a range of them, and is asked for as one."""
    if numbers[-1] - numbers[0] < SPARSE * len(numbers):
        return PersonalValue.n.between(numbers[0], numbers[-1])
    return PersonalValue.n.in_(numbers)


def forget(_now: datetime) -> int:
    """Remove the values of issues of which nothing can leave any more; how many rows."""
    return sum(_forget_issue(issue_id) for issue_id in _finished())


def _finished() -> Sequence[int]:
    doubtful = select(Batch.id).where(Batch.issue_id == Issue.id, Batch.in_doubt > 0).exists()
    found = db.session.scalars(
        select(Issue.id)
        .where(
            Issue.state.in_(_OVER),
            Issue.figures.is_not(None) | ~doubtful,
            select(PersonalValue.n).where(PersonalValue.issue_id == Issue.id).exists(),
        )
        .order_by(Issue.id)
    ).all()
    db.session.rollback()
    return found


def _forget_issue(issue_id: int) -> int:
    with db.engine.connect() as connection:
        mine = PersonalValue.issue_id == issue_id
        first, last = connection.execute(
            select(func.min(PersonalValue.n), func.max(PersonalValue.n)).where(mine)
        ).one()
    removed = 0
    while first is not None and first <= last:
        with ledger(db.engine) as connection:
            upto = first + ROWS_AT_ONCE
            gone = delete(PersonalValue).where(mine, PersonalValue.n < upto)
            removed += connection.execute(gone).rowcount
        first = upto
    return removed
