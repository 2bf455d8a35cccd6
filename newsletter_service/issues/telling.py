"""Telling editors and operators of something about an issue that a person must decide."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import force_locale, get_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import notices
from newsletter_service import settings as settings_module
from newsletter_service.models import Issue, Person, Role

TOLD_FOR = timedelta(days=3)
Words = Callable[[], dict[str, str]]


def desk(session: Session, issue: Issue, key: str, words: Words, now: datetime) -> int:
    """Mail each of them once by the key, in their language; to how many it is news.

    `words` gives title, what, remedy and button_text in the language of the moment.
    """
    told = 0
    for person in session.scalars(select(Person).where(Person.disabled_at.is_(None))):
        if not person.has_role(Role.EDITOR, Role.OPERATOR):
            continue
        with force_locale(person.locale or "sv"):
            said = words()
        told += notices.tell(
            session,
            "alert",
            person,
            subject=f"issue:{issue.id}",
            key=key,
            now=now,
            expires_at=now + TOLD_FOR,
            values=said | {"url": _page(issue)},
            list_id=issue.list_id,
        )
    return told


def day_and_clock(moment: datetime) -> tuple[str, str]:
    """torsdag 3 december and 09.00, in the language of the moment, by the installation's clock."""
    there = moment.astimezone(ZoneInfo(settings_module.current().timezone))
    return format_date(there, "EEEE d MMMM", locale=get_locale() or "sv"), f"{there:%H.%M}"


def _page(issue: Issue) -> str:
    return f"{settings_module.current().base_url}/desk/utskick/{issue.id}/granska"
