"""What a restored backup must not undo: who was suppressed, left, was erased (R 9.13).

Noted in the transaction of the act itself; `operations.journal` carries the notes into a file that
no backup of the database holds, and applies them to one that is older.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter_service.models import JournalEntry, JournalKind


def note(  # noqa: PLR0913 - named columns of one row
    session: Session,
    what: JournalKind,
    address_key: bytes,
    now: datetime,
    *,
    scope: int = 0,
    reason: str = "",
) -> None:
    """Note an act about an address; `scope` is a list's id, or 0 for the whole organisation."""
    session.add(
        JournalEntry(at=now, what=what, address_key=address_key, scope=scope, reason=reason[:100])
    )
