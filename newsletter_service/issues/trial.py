"""A test of an issue: the letter as its readers would get it, to one address."""

import hashlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from newsletter_service import address as addresses
from newsletter_service import audit, notices
from newsletter_service import settings as settings_module
from newsletter_service.models import Issue, Person, writing

KIND = "test"
LIVES = timedelta(hours=24)


def send_test(  # noqa: PLR0913 - what is optional is named
    issue_id: int, address: str, locale: str, *, actor: str, now: datetime, reader: int = 0
) -> None:
    """Ask for a test mail and note which version was tested. Raises `InvalidAddress`.

    It says of its reader what it would of `reader`, a subscription; of 0, nothing.

    In trial mode it reaches staff and the sandbox only, as everything else (P13).
    """
    to = addresses.parse(address.strip())
    with writing() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        colleague = select(Person.id).where(
            func.lower(Person.email) == to.envelope.lower(), Person.disabled_at.is_(None)
        )
        mark = hashlib.sha256(to.normalised.encode()).hexdigest()[:16]
        notices.ask(
            session,
            KIND,
            subject=f"issue:{issue_id}",
            purpose_key=f"{issue.version}:{locale}:{mark}:{int(now.timestamp() * 1000)}",
            address=to.envelope,
            locale=locale,
            now=now,
            expires_at=now + LIVES,
            values={
                "issue_id": issue_id,
                "locale": locale,
                "day": _today(now),
                "as_reader": reader,
            },
            list_id=issue.list_id,
            to_staff=session.scalar(colleague) is not None,
        )
        issue.tested_version = issue.version
        audit.record(session, actor, "issue.tested", f"issue:{issue_id}", version=issue.version)


def _today(now: datetime) -> str:
    return now.astimezone(ZoneInfo(settings_module.current().timezone)).date().isoformat()
