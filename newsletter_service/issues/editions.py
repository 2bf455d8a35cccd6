"""Editions: the frozen letters. Their hash is what is approved and what is sent."""

import hashlib
import json
from dataclasses import asdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter_service import settings as settings_module
from newsletter_service.issues import clicks, compose
from newsletter_service.mail import merge_fields
from newsletter_service.mail.message import Letter
from newsletter_service.models import Edition, Issue
from newsletter_service.pictures import library


def written_locales(issue: Issue) -> list[str]:
    """The languages of the list that the issue has a subject in, the list's first one first."""
    written = {text.locale for text in issue.texts if text.subject.strip()}
    return [locale for locale in issue.newsletter.locales if locale in written]


def letters(session: Session, issue: Issue, day: date | None = None) -> dict[str, Letter]:
    """The issue as letters, by language; nothing is stored. Raises `LetterError`."""
    return {
        locale: compose.letter(session, issue, locale, day=day) for locale in written_locales(issue)
    }


def content_hash(made: dict[str, Letter]) -> str:
    """Hex SHA-256 over subject, HTML and text of every language; changes with every change.

    What is approved are the letters without a day, since the day is settled by the release. The
    fields that a letter asks for belong to it, with what stands where a reader has no answer.
    """
    parts = [
        [lo, one.subject, one.html, one.text, *merge_fields.asked(one.slots)]
        for lo, one in sorted(made.items())
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def freeze(session: Session, issue: Issue, now: datetime) -> str:
    """Store the letters as the issue's editions, in place of earlier ones.

    They carry the day on which the issue leaves. Returns the hash of the letters without it.
    """
    zone = ZoneInfo(settings_module.current().timezone)
    made = letters(session, issue, (issue.send_at or now).astimezone(zone).date())
    session.execute(delete(Edition).where(Edition.issue_id == issue.id))
    library.keep_for_good(session, _pictures(issue), now)
    for locale, letter in clicks.counted(session, issue, made).items():
        session.add(
            Edition(
                issue_id=issue.id,
                locale=locale,
                subject=letter.subject,
                html=letter.html,
                text=letter.text,
                slots=dict(letter.slots),
                headers=asdict(compose.fixed_headers(session, issue, locale)),
                content_hash=content_hash({locale: letter}),
                frozen_at=now,
            )
        )
    return content_hash(letters(session, issue))


def frozen(session: Session, issue: Issue) -> dict[str, Letter]:
    """The stored letters of an issue by language; none while it is not released."""
    rows = session.scalars(select(Edition).where(Edition.issue_id == issue.id))
    return {
        row.locale: Letter(row.subject, row.html, row.text, row.locale, dict(row.slots))
        for row in rows
    }


def _pictures(issue: Issue) -> list[str]:
    """The addresses of pictures that the blocks show."""
    values = [one for block in issue.blocks for one in block.data.values()]
    return [str(one[name]) for one in values for name in ("url", "image_url") if one.get(name)]


def thaw(session: Session, issue: Issue) -> None:
    """Drop the editions of an issue that goes back to draft."""
    session.execute(delete(Edition).where(Edition.issue_id == issue.id))
