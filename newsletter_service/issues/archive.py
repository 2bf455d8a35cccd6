"""The open archive: what was sent to everybody, for everybody, with nothing of any reader.

The letter is rendered anew from the released issue, which nobody can change any more, without
the parts that concern one reader: the footer's links, the address, the question at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.issues import compose, merging
from newsletter_service.models import (
    Block,
    Edition,
    Issue,
    IssueState,
    NewsletterList,
)
from newsletter_service.news import clean

RELEASED = (IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)
SHOWN = 200
# Not what went to a segment, nor what only a first wave has got.
_FOR_EVERYBODY = (
    Issue.state.in_(RELEASED),
    Issue.segment_id.is_(None),
    or_(Issue.canary.is_(False), Issue.canary_passed_at.is_not(None)),
)


class NotInArchive(LookupError):
    """Nobody may read this here: no such newsletter, none that is open, or not released."""


@dataclass(frozen=True)
class Archived:
    """An issue as the archive lists it.

    `preheader` is what its writer put there, else what it tells of; `picture_url` the first of
    its pictures that is ours, or empty: a preview elsewhere fetches no stranger's.
    """

    number: int
    subject: str
    preheader: str
    day: date
    released_at: datetime
    picture_url: str
    locales: tuple[str, ...]


def newsletter(slug: str) -> NewsletterList:
    """A newsletter whose archive is open. Raises `NotInArchive`."""
    found = db.session.scalars(
        select(NewsletterList).where(
            NewsletterList.slug == slug, NewsletterList.archived_at.is_(None)
        )
    ).one_or_none()
    if found is None or not found.open_archive:
        raise NotInArchive
    return found


def issues(listed: NewsletterList, locale: str, wanted: str = "") -> list[Archived]:
    """The released issues in a language, newest first; `wanted` is looked for in their words."""
    found = db.session.scalars(
        select(Issue)
        .where(Issue.list_id == listed.id, *_FOR_EVERYBODY)
        .options(selectinload(Issue.texts), selectinload(Issue.blocks))
        .order_by(Issue.number.desc())
        .limit(SHOWN)
    ).all()
    said = _mentioning(found, locale, wanted.strip()) if wanted.strip() else None
    return [
        _archived(issue, locale)
        for issue in found
        if locale in _locales(issue) and (said is None or issue.id in said)
    ]


def open_newsletters() -> list[NewsletterList]:
    """Those whose archive is open."""
    listed = db.session.scalars(
        select(NewsletterList)
        .where(NewsletterList.archived_at.is_(None))
        .order_by(NewsletterList.id)
    )
    return [each for each in listed if each.open_archive]


def find(listed: NewsletterList, number: int) -> Issue:
    """A released issue of a newsletter. Raises `NotInArchive`."""
    issue = db.session.scalars(
        select(Issue).where(Issue.list_id == listed.id, Issue.number == number, *_FOR_EVERYBODY)
    ).one_or_none()
    if issue is None:
        raise NotInArchive
    return issue


def letter(issue: Issue, locale: str) -> tuple[Archived, str]:
    """An issue's particulars and its HTML. Raises `NotInArchive` and `LetterError`."""
    if locale not in _locales(issue):
        raise NotInArchive
    about = _archived(issue, locale)
    made = compose.letter(db.session(), issue, locale, day=about.day, archived=True)
    return about, made.html


def _mentioning(found: Sequence[Issue], locale: str, wanted: str) -> set[int]:
    """Whose letters say it, whatever the case of å, ä and ö, which SQLite does not fold."""
    rows = db.session.execute(
        select(Edition.issue_id, Edition.subject, Edition.text, Edition.slots).where(
            Edition.issue_id.in_([issue.id for issue in found]), Edition.locale == locale
        )
    )
    sought = wanted.casefold()
    return {
        row.issue_id
        for row in rows
        if any(
            sought in merging.with_fallbacks(text, row.slots).casefold()
            for text in (row.subject, row.text)
        )
    }


def _locales(issue: Issue) -> tuple[str, ...]:
    return tuple(text.locale for text in issue.texts if text.subject.strip())


def _archived(issue: Issue, locale: str) -> Archived:
    text = issue.text(locale)
    asked = merging.known(db.session(), issue, locale)
    released = issue.released_at or issue.changed_at
    zone = ZoneInfo(settings_module.current().timezone)
    return Archived(
        number=issue.number,
        subject=merging.in_public(text.subject, asked),
        preheader=merging.in_public(text.preheader or _titles(issue, locale), asked),
        day=released.astimezone(zone).date(),
        released_at=released,
        picture_url=_picture(issue.blocks, locale),
        locales=_locales(issue),
    )


def _picture(blocks: Sequence[Block], locale: str) -> str:
    found = (str(block.values(locale).get("image_url") or "") for block in blocks)
    ours = settings_module.current().base_url + "/"
    return next((url for url in found if url.startswith(ours)), "")


def _titles(issue: Issue, locale: str) -> str:
    subject = issue.text(locale).subject
    titles = (str(block.values(locale).get("title") or "") for block in issue.blocks)
    return clean.excerpt(" · ".join(title for title in titles if title not in ("", subject)), 110)
