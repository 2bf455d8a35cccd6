"""A new issue out of an old one: to use it again, or to put right what it said.

A correction goes to those who got the issue that it corrects and to nobody else.
"""

from datetime import datetime

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.issues import suggest
from newsletter_service.issues.merging import LONGEST_SUBJECT
from newsletter_service.mail import merge_fields
from newsletter_service.models import Block, Issue, IssueState, IssueText, writing

# What somebody may have got already, so that there is something to put right.
RELEASED = (IssueState.SENDING, IssueState.PAUSED, IssueState.SENT, IssueState.CANCELLED)


class NothingToCorrect(Exception):
    """The issue has not left, so it can be changed or undone instead."""


def copy(issue_id: int, *, actor: str, now: datetime) -> int:
    """The same words and blocks as a new draft; returns its id."""
    with writing() as session:
        old = session.get_one(Issue, issue_id)
        made = _copied(session, old, actor, now)
        made.segment_id = old.segment_id
        audit.record(session, actor, "issue.copied", f"issue:{made.id}", source=issue_id)
        return made.id


def correct(issue_id: int, *, actor: str, now: datetime) -> int:
    """A draft that corrects a released issue; returns its id. Raises `NothingToCorrect`."""
    with writing() as session:
        old = session.get_one(Issue, issue_id)
        if old.state not in RELEASED or old.released_at is None:
            raise NothingToCorrect
        made = _copied(session, old, actor, now)
        made.corrects_id = old.id
        for text in made.texts:
            with force_locale(text.locale):
                said = str(_("Correction: %(subject)s", subject=text.subject))
            text.subject = merge_fields.shortened(said, LONGEST_SUBJECT)
        audit.record(session, actor, "issue.correction_begun", f"issue:{made.id}", corrects=old.id)
        return made.id


def _copied(session: Session, old: Issue, actor: str, now: datetime) -> Issue:
    made = suggest.begin(session, old.newsletter, actor, now)
    made.texts = [
        IssueText(
            locale=text.locale,
            subject=text.subject,
            preheader=text.preheader,
            introduction=text.introduction,
        )
        for text in old.texts
    ]
    made.blocks = [
        Block(
            position=block.position,
            kind=block.kind,
            item_id=block.item_id,
            data=block.data,
            only_locale=block.only_locale,
        )
        for block in old.blocks
    ]
    session.flush()
    return made
