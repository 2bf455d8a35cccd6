"""How many of an issue's readers have an answer to a field that fits a letter, and the longest."""

import json
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from newsletter_service.issues import recipients, selection
from newsletter_service.mail.merge_fields import LONGEST_VALUE
from newsletter_service.models import FieldKind, FieldValue, Issue, ListField, Subscription
from newsletter_service.recently import Recently


class Coverage(NamedTuple):
    """How many answered, and how many characters the longest answer that is used has."""

    answered: int
    longest: int


_lately: Recently[Coverage] = Recently(
    recipients.KEPT_FOR_S, lambda found: found.answered > recipients.LARGE
)


def of_field(session: Session, issue: Issue, field: ListField, now: datetime) -> Coverage:
    """Counted now, among the readers that the issue would go to."""
    audience = recipients.audience(session, issue, now)
    mine = (
        select(FieldValue.folded)
        .join(Subscription, Subscription.id == FieldValue.subscription_id)
        .where(FieldValue.field_id == field.id, *audience)
    )
    if field.kind == FieldKind.CHOICE:
        counted = mine.add_columns(func.count()).group_by(FieldValue.folded)
        by_value: dict[str, int] = dict(session.execute(counted).all())
        said = [field.said(value, locale) for value in by_value for locale in ("sv", "en")]
        lengths = [len(one) for one in said if len(one) <= LONGEST_VALUE]
        return Coverage(sum(by_value.values()), max(lengths, default=0))
    columns = func.count(), func.coalesce(func.max(func.length(FieldValue.folded)), 0)
    row = session.execute(mine.with_only_columns(*columns).where(_fits())).one()
    return Coverage(*row)


def lately(session: Session, issue: Issue, field: ListField, now: datetime) -> Coverage:
    """The same for pages; of a large list up to half a minute old."""
    said = json.dumps(issue.selection or selection.frozen(session, issue), sort_keys=True)
    where = str(session.get_bind().engine.url)
    key = (where, issue.list_id, issue.corrects_id, issue.segment_id, said, field.id)
    return _lately.get(key, lambda: of_field(session, issue, field, now))


def _fits() -> ColumnElement[bool]:
    """As `merge_fields.fit` has it, near enough to count by: of what stands in the index."""
    value = FieldValue.folded
    leads_away = or_(*(value.contains(each) for each in ("://", "www.", "mailto:", "@")))
    return and_(func.length(value) <= LONGEST_VALUE, ~leads_away)
