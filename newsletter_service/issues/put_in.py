"""Putting a field of the list into the words of an issue, with what stands where it is empty."""

from sqlalchemy.orm import Session

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, merging
from newsletter_service.issues.blocks import Edit
from newsletter_service.mail import clean, merge_fields
from newsletter_service.mail.merge_fields import LONGEST_VALUE, Field
from newsletter_service.models import Issue
from newsletter_service.subscribers.fields import Unfit


def field(issue_id: int, locale: str, place: str, wanted: Field, edit: Edit) -> int:
    """Write a field behind the words of a place; returns the new version.

    `place` is `subject`, `preheader`, `introduction`, or a block's id and value as in
    `12.markdown`. Raises `Unfit`, whose faults are by `key`, `fallback` or `place`, and as
    `blocks.write`.
    """
    session = db.session()
    issue = session.get_one(Issue, issue_id)
    _check(session, issue, wanted)
    notation = Field(wanted.key, clean.line(wanted.fallback)).notation
    if place in merging.TEXTS:
        text = next((one for one in issue.texts if one.locale == locale), None)
        written = _behind(getattr(text, place) if text else "", notation)
        return blocks.write(issue_id, locale, {place: written}, {}, edit)
    number, _dot, name = place.partition(".")
    block = next((one for one in issue.blocks if str(one.id) == number), None)
    if block is None or not merging.may_stand(block, name):
        raise Unfit({"place": "missing"})
    written = _behind(str(block.values(locale).get(name) or ""), notation)
    return blocks.write(issue_id, locale, {}, {block.id: {name: written}}, edit)


def _check(session: Session, issue: Issue, wanted: Field) -> None:
    if wanted.key not in merging.usable(session, issue.list_id):
        raise Unfit({"key": "missing"})
    fallback = wanted.fallback.strip()
    if not fallback:
        raise Unfit({"fallback": "missing"})
    if len(fallback) > LONGEST_VALUE:
        raise Unfit({"fallback": "too_long"})
    if not clean.is_harmless(fallback) or set(fallback) & set("{|}"):
        raise Unfit({"fallback": "braces"})
    if merge_fields.leads_away(fallback):
        raise Unfit({"fallback": "address"})


def _behind(words: str, notation: str) -> str:
    return f"{words.rstrip()} {notation}".strip()
