"""Where a list's field is asked for by letters: `{key|words without it}`, and not yet sent."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter_service.mail import merge_fields
from newsletter_service.models import Issue, IssueState, ListField

# Their copies are made; what those say is kept with them.
_OVER = (IssueState.SENT, IssueState.CANCELLED)


def in_letters(session: Session, field: ListField) -> list[int]:
    """The numbers of the issues that ask for a field and are not over, in their order."""
    issues = session.scalars(
        select(Issue)
        .where(Issue.list_id == field.list_id, Issue.state.not_in(_OVER))
        .options(selectinload(Issue.texts), selectinload(Issue.blocks))
        .order_by(Issue.number)
    )
    return [issue.number for issue in issues if _asks(issue, field.key)]


def _asks(issue: Issue, key: str) -> bool:
    return any(one.key == key for words in _words(issue) for one in merge_fields.everywhere(words))


def _words(issue: Issue) -> Iterator[str]:
    """Everything that is written in any language, also where no field may stand."""
    for text in issue.texts:
        yield from (text.subject, text.preheader, text.introduction)
    for block in issue.blocks:
        for values in block.data.values():
            yield from (value for value in values.values() if isinstance(value, str))
