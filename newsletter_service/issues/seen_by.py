"""A letter as one reader would have it: with their answers, and nothing else of them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.issues import merging, recipients
from newsletter_service.mail import merge_fields
from newsletter_service.models import FieldValue, Issue, ListField, Subscription, SubscriptionState

SHOWN = 5


def wanted(session: Session, issue: Issue, locale: str) -> dict[str, ListField]:
    """The fields that the letter in a language asks for, by key."""
    asked = merging.known(session, issue, locale)
    written = {
        field.key
        for _place, _name, words in merging.said(issue, locale)
        for field in merge_fields.written(words)
    }
    return {key: field for key, field in asked.items() if key in written}


def readers(session: Session, issue: Issue, locale: str, now: datetime) -> dict[int, list[str]]:
    """Some who have answered what the letter asks for: subscriptions, and what it says of each.

    The first and the last of each field's answers by the alphabet, which an index finds at once.
    """
    asked = wanted(session, issue, locale)
    audience = recipients.audience(session, issue, now) if asked else []
    found: list[int] = []
    for field in asked.values():
        mine = (
            select(FieldValue.subscription_id)
            .join(Subscription, Subscription.id == FieldValue.subscription_id)
            .where(FieldValue.field_id == field.id, *audience)
            .limit(1)
        )
        for order in (FieldValue.folded, FieldValue.folded.desc()):
            found += session.scalars(mine.order_by(order))
    some = dict.fromkeys(list(dict.fromkeys(found))[:SHOWN], locale)
    answers = merging.answers_of(session, asked, some)
    said = {one: [text for text in answers[one].values() if text] for one in some}
    return {one: texts for one, texts in said.items() if texts}


def answers(session: Session, issue: Issue, locale: str, subscription_id: int) -> dict[str, str]:
    """What the letter would say of a confirmed reader of its list; nothing of anybody else."""
    mine = session.get(Subscription, subscription_id) if subscription_id else None
    if mine is None or mine.list_id != issue.list_id or mine.state != SubscriptionState.CONFIRMED:
        return {}
    asked = wanted(session, issue, locale)
    return merging.answers_of(session, asked, {mine.id: locale})[mine.id]
